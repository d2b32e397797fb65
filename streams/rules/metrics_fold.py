"""What the figures need of an order, fact by fact, in any interleaving.

`fold` takes facts in any order and any number of times and reaches the same value. It returns the
very same object where a fact is older than, or the same as, what is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from schemas.booking import BookingVoided, ShipmentBooked
from schemas.cod import CodChanged
from schemas.handover import HandoverReported
from schemas.intake import OrderAmended, OrderContent, OrderHeld, OrderPlaced
from schemas.packing import ParcelPacked
from schemas.routing import OrderRouted
from schemas.status import OrderCancelled
from schemas.tracking import ShipmentStatusChanged
from streams.rules.metrics_facts import (
    BookedFacts,
    CancelFacts,
    CashFacts,
    ContentFacts,
    LineFacts,
    ManifestFacts,
    OrderFacts,
    PackedFacts,
    RoutedFacts,
    RoutingFacts,
    TrackedFacts,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from schemas.event import Event


def fold(facts: OrderFacts, event: Event) -> OrderFacts:
    """The facts with one more event; the same object if it says nothing new.

    Events that move no figure (a release, a refused booking, …) say nothing new.
    """
    with_event = FOLDS.get(type(event))
    return facts if with_event is None else with_event(facts, event)


_Versioned: TypeAlias = (
    ContentFacts
    | CancelFacts
    | RoutingFacts
    | PackedFacts
    | BookedFacts
    | TrackedFacts
    | CashFacts
    | ManifestFacts
)


def _known(known: _Versioned | None, event: Event) -> bool:
    return known is not None and known.version >= event.version


def _with_content(facts: OrderFacts, event: OrderContent) -> OrderFacts:
    if _known(facts.content, event):
        return facts
    lines = tuple(
        LineFacts(
            line_no=line.line_no,
            quantity=line.quantity,
            unit_price_vnd=line.unit_price_vnd,
            origin_id=line.origin_id,
            origin_province=line.origin_province,
            group=line.group,
            star=line.star,
        )
        for line in event.lines
    )
    content = ContentFacts(
        version=event.version, placed_at=event.placed_at, goods_vnd=event.goods_vnd, lines=lines
    )
    return facts.model_copy(update={"content": content})


def _with_hold(facts: OrderFacts, event: OrderHeld) -> OrderFacts:
    since = min(hold.since for hold in event.holds)
    if facts.held_at is not None and facts.held_at <= since:
        return facts
    return facts.model_copy(update={"held_at": since})


def _with_cancellation(facts: OrderFacts, event: OrderCancelled) -> OrderFacts:
    if _known(facts.cancelled, event):
        return facts
    cancelled = CancelFacts(version=event.version, at=event.occurred_at)
    return facts.model_copy(update={"cancelled": cancelled})


def _with_routing(facts: OrderFacts, event: OrderRouted) -> OrderFacts:
    # An older routing still tells when its shipments were first routed.
    routed_at = _earliest(facts.routed_at, event)
    if _known(facts.routing, event):
        if routed_at == facts.routed_at:
            return facts
        return facts.model_copy(update={"routed_at": routed_at})
    shipments = {
        shipment.shipment_id: RoutedFacts(
            origin_id=shipment.origin_id,
            origin_province=shipment.origin.province_code,
            carrier=shipment.chosen.carrier,
            handover_by=shipment.handover_by,
            promised_on=shipment.promised_on,
            units=tuple((line.line_no, line.quantity) for line in shipment.lines),
        )
        for shipment in event.shipments
    }
    routing = RoutingFacts(version=event.version, shipments=shipments)
    return facts.model_copy(update={"routing": routing, "routed_at": routed_at})


def _earliest(known: Mapping[str, datetime], event: OrderRouted) -> dict[str, datetime]:
    times = dict(known)
    for shipment in event.shipments:
        seen = times.get(shipment.shipment_id, event.occurred_at)
        times[shipment.shipment_id] = min(seen, event.occurred_at)
    return times


def _with_parcel(facts: OrderFacts, event: ParcelPacked) -> OrderFacts:
    if _known(facts.packed.get(event.parcel_id), event):
        return facts
    packed = PackedFacts(
        version=event.version,
        at=event.occurred_at,
        goods_vnd=event.goods_vnd,
        units=tuple((line.line_no, line.quantity) for line in event.contents),
    )
    return facts.model_copy(update={"packed": {**facts.packed, event.parcel_id: packed}})


def _with_booking(facts: OrderFacts, event: ShipmentBooked) -> OrderFacts:
    if _known(facts.booked.get(event.reference), event):
        return facts
    booked = BookedFacts(
        version=event.version,
        parcel_id=event.parcel_id,
        at=event.occurred_at,
        carrier=event.carrier,
        freight_vnd=event.freight_vnd,
        cod_vnd=event.cod_vnd,
        promised_on=event.promised_on,
    )
    return facts.model_copy(update={"booked": {**facts.booked, event.reference: booked}})


def _with_void(facts: OrderFacts, event: BookingVoided) -> OrderFacts:
    if event.reference is None or event.reference in facts.voided:
        return facts
    return facts.model_copy(update={"voided": facts.voided | {event.reference}})


def _with_manifest(facts: OrderFacts, event: HandoverReported) -> OrderFacts:
    if _known(facts.manifests.get(event.manifest_no), event):
        return facts
    signed = {one.reference: one.handed_over_at for one in event.parcels if one.handed_over_at}
    manifest = ManifestFacts(version=event.version, handed_over=signed)
    return facts.model_copy(update={"manifests": {**facts.manifests, event.manifest_no: manifest}})


def _with_tracking(facts: OrderFacts, event: ShipmentStatusChanged) -> OrderFacts:
    if _known(facts.tracked.get(event.reference), event):
        return facts
    tracked = TrackedFacts(
        version=event.version,
        parcel_id=event.parcel_id,
        carrier=event.carrier,
        status=event.status,
        firm=not (event.provisional or event.implied),
        attempts=event.attempt_no,
        postponed_by=event.postponed_by,
        handed_over_at=event.handed_over_at,
        first_attempt_at=event.first_attempt_at,
        delivered_at=event.delivered_at,
        returned_at=event.returned_at,
        written_off_at=event.written_off_at,
    )
    return facts.model_copy(update={"tracked": {**facts.tracked, event.reference: tracked}})


def _with_cash(facts: OrderFacts, event: CodChanged) -> OrderFacts:
    if _known(facts.cash.get(event.reference), event):
        return facts
    cash = CashFacts(
        version=event.version,
        parcel_id=event.parcel_id,
        collected_vnd=event.collected_vnd,
        remitted_vnd=max(0, event.remitted_vnd),
        short_vnd=event.short_vnd,
        remitted_at=event.remitted_at,
    )
    return facts.model_copy(update={"cash": {**facts.cash, event.reference: cash}})


FOLDS: Mapping[type[Event], Callable[[OrderFacts, Any], OrderFacts]] = {
    OrderPlaced: _with_content,
    OrderAmended: _with_content,
    OrderHeld: _with_hold,
    OrderCancelled: _with_cancellation,
    OrderRouted: _with_routing,
    ParcelPacked: _with_parcel,
    ShipmentBooked: _with_booking,
    BookingVoided: _with_void,
    HandoverReported: _with_manifest,
    ShipmentStatusChanged: _with_tracking,
    CodChanged: _with_cash,
}
"""How each fact changes what is known; what is not here moves no figure."""
