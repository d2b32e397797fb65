"""Fact rows: the order, its shipments and its parcels as they stand, flat, ready to be counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from schemas.place import vietnam_date
from schemas.tracking import TrackingStatus
from streams.rules.lateness import put_down_to
from streams.rules.metrics_carrying import carrying, handed_over, parcels_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from streams.rules.metrics_facts import (
        BookedFacts,
        LineFacts,
        OrderFacts,
        RoutedFacts,
        TrackedFacts,
    )


class Goods(NamedTuple):
    """The dimensions goods have: where they ship from, the group and star of the dearest line."""

    origin_province: str
    group: str
    star: int


NO_GOODS = Goods("", "", 0)
"""Goods of which nothing is known yet."""


class OrderRow(NamedTuple):
    """The fact row of an order. Times are None until it happened; a column each in Postgres."""

    order_id: str
    channel: str
    origin_province: str
    product_group: str
    star: int
    placed_at: datetime | None
    held_at: datetime | None
    cancelled_at: datetime | None
    units: int
    goods_vnd: int


class ShipmentRow(NamedTuple):
    """The fact row of a shipment; `routed_at` None once a newer routing has no such shipment."""

    shipment_id: str
    order_id: str
    channel: str
    carrier: str
    origin_province: str
    product_group: str
    star: int
    routed_at: datetime | None


class ParcelRow(NamedTuple):
    """The fact row of a parcel under the booking that carries it.

    Times are firm. `delivered_at`, `returned_at`, `written_off_at` exclude each other: the outcome
    as it stands. `freight_vnd` and `cod_expected_vnd` are 0 for a voided booking. `late_by` is None
    for a first attempt in time, for none, and for one without a promise. What was collected and paid
    on is the ledger's word.
    """

    parcel_id: str
    order_id: str
    channel: str
    carrier: str
    origin_province: str
    product_group: str
    star: int
    placed_at: datetime | None
    packed_at: datetime | None
    booked_at: datetime | None
    handed_over_at: datetime | None
    first_attempt_at: datetime | None
    delivered_at: datetime | None
    returned_at: datetime | None
    written_off_at: datetime | None
    cod_collected_at: datetime | None
    units: int
    goods_vnd: int
    freight_vnd: int
    cod_expected_vnd: int
    cod_collected_vnd: int
    attempts: int
    delivered_at_first: bool
    on_time: bool
    late_by: str | None
    cod_remitted_at: datetime | None
    cod_remitted_vnd: int
    cod_short_vnd: int


Row: TypeAlias = OrderRow | ShipmentRow | ParcelRow


class Rows(NamedTuple):
    """Every fact row of one order."""

    order: OrderRow
    shipments: tuple[ShipmentRow, ...]
    parcels: tuple[ParcelRow, ...]


def rows_of(facts: OrderFacts) -> Rows:
    """The fact rows that follow from the facts; nothing else does."""
    return Rows(
        order_row(facts),
        tuple(shipment_row(facts, shipment) for shipment in sorted(facts.routed_at)),
        tuple(parcel_row(facts, parcel) for parcel in sorted(parcels_of(facts))),
    )


def order_row(facts: OrderFacts) -> OrderRow:
    """The order as it stands."""
    content = facts.content
    lines = content.lines if content else ()
    goods = _goods(facts, [(line.line_no, line.quantity) for line in lines])
    return OrderRow(
        facts.order_id,
        _channel(facts),
        *goods,
        content.placed_at if content else None,
        facts.held_at,
        facts.cancelled.at if facts.cancelled else None,
        sum(line.quantity for line in lines),
        content.goods_vnd if content else 0,
    )


def shipment_row(facts: OrderFacts, shipment_id: str) -> ShipmentRow:
    """A shipment as it stands."""
    channel = _channel(facts)
    routed = _routed(facts, shipment_id)
    if routed is None:
        return ShipmentRow(shipment_id, facts.order_id, channel, "", *NO_GOODS, None)
    goods = _goods(facts, routed.units, routed.origin_province)
    routed_at = facts.routed_at[shipment_id]
    return ShipmentRow(shipment_id, facts.order_id, channel, routed.carrier, *goods, routed_at)


def parcel_row(facts: OrderFacts, parcel_id: str) -> ParcelRow:
    """A parcel as it stands, under the booking that carries it."""
    packed = facts.packed.get(parcel_id)
    routed = _routed(facts, parcel_id.rpartition("/")[0])
    reference = carrying(facts, parcel_id)
    booked = facts.booked.get(reference)
    tracked = facts.tracked.get(reference)
    carrier = tracked or booked or routed
    goods = _goods(
        facts, packed.units if packed else (), routed.origin_province if routed else None
    )
    handed_over_at = handed_over(facts, reference)
    priced = booked if reference not in facts.voided or handed_over_at else None
    punctual = _punctual(tracked, booked, routed, handed_over_at)
    cash = facts.cash.get(reference)
    collected_vnd = cash.collected_vnd if cash and tracked and tracked.delivered_at else 0
    return ParcelRow(
        parcel_id,
        facts.order_id,
        _channel(facts),
        carrier.carrier if carrier else "",
        *goods,
        facts.content.placed_at if facts.content else None,
        packed.at if packed else None,
        booked.at if booked else None,
        handed_over_at,
        tracked.first_attempt_at if tracked else None,
        *_outcome(tracked),
        tracked.delivered_at if tracked and collected_vnd else None,
        sum(quantity for _, quantity in packed.units) if packed else 0,
        packed.goods_vnd if packed else 0,
        priced.freight_vnd if priced else 0,
        priced.cod_vnd if priced else 0,
        collected_vnd,
        tracked.attempts if tracked else 0,
        *punctual,
        cash.remitted_at if cash else None,
        cash.remitted_vnd if cash else 0,
        cash.short_vnd if cash else 0,
    )


class Punctual(NamedTuple):
    """How the first attempt went, as in `ParcelRow`."""

    delivered_at_first: bool
    on_time: bool
    late_by: str | None


def _punctual(
    tracked: TrackedFacts | None,
    booked: BookedFacts | None,
    routed: RoutedFacts | None,
    handed_over_at: datetime | None,
) -> Punctual:
    if tracked is None or tracked.first_attempt_at is None:
        return Punctual(delivered_at_first=False, on_time=False, late_by=None)
    at_first = tracked.delivered_at == tracked.first_attempt_at
    promised_on = _promise(booked, routed)
    if promised_on is None:
        return Punctual(at_first, on_time=False, late_by=None)
    if vietnam_date(tracked.first_attempt_at) <= promised_on:
        return Punctual(at_first, on_time=True, late_by=None)
    handover_by = routed.handover_by if routed else None
    late_by = put_down_to(handed_over_at, handover_by, tracked.postponed_by)
    return Punctual(at_first, on_time=False, late_by=late_by)


def _channel(facts: OrderFacts) -> str:
    return facts.order_id.partition(":")[0]


def _routed(facts: OrderFacts, shipment_id: str) -> RoutedFacts | None:
    return facts.routing.shipments.get(shipment_id) if facts.routing else None


def _goods(facts: OrderFacts, units: Sequence[tuple[int, int]], origin: str | None = None) -> Goods:
    """The dimensions of so many units of the order's lines; `origin` where it is known better."""
    quantities: dict[int, int] = {}
    for number, quantity in units:
        quantities[number] = quantities.get(number, 0) + quantity
    dearest, most = None, -1
    # Of two lines that are worth the same, the first counts.
    for line in facts.content.lines if facts.content else ():
        worth = line.unit_price_vnd * quantities.get(line.line_no, 0)
        if line.line_no in quantities and worth > most:
            dearest, most = line, worth
    if dearest is None:
        return Goods(origin or "", "", 0)
    return Goods(origin or _origin(facts, dearest), dearest.group, dearest.star)


def _origin(facts: OrderFacts, line: LineFacts) -> str:
    """The line's own province, else that of the shipment from the same origin."""
    if line.origin_province:
        return line.origin_province
    shipments = facts.routing.shipments.values() if facts.routing else ()
    return next((s.origin_province for s in shipments if s.origin_id == line.origin_id), "")


def _promise(booked: BookedFacts | None, routed: RoutedFacts | None) -> date | None:
    """The original promise: the booking's, which never changes; before it the routing's."""
    promised = booked or routed
    return promised.promised_on if promised else None


def _outcome(
    tracked: TrackedFacts | None,
) -> tuple[datetime | None, datetime | None, datetime | None]:
    """Delivered, returned, written off: the time of the one that stands, firm events only."""
    if tracked is None or not tracked.firm:
        return None, None, None
    match tracked.status:
        case TrackingStatus.DELIVERED:
            return tracked.delivered_at, None, None
        case TrackingStatus.RETURNED:
            return None, tracked.returned_at, None
        case TrackingStatus.WRITTEN_OFF:
            return None, None, tracked.written_off_at
        case _:
            return None, None, None
