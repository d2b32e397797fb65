"""Counting: fact rows to figures by cell, and what a change of fact rows moves."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias

from schemas.figures import (
    BOUNDS_H,
    FIGURES,
    HANDOVER_TO_FIRST_ATTEMPT,
    HISTOGRAMS,
    ORDER_TO_HANDOVER,
    OVER,
    Cell,
    bucket_figure,
)
from schemas.place import vietnam_month
from streams.rules.metrics_rows import OrderRow, ParcelRow, Rows, ShipmentRow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

__all__ = ["FIGURES", "HISTOGRAMS", "Counts", "bucket_of", "count", "moved"]

Counts: TypeAlias = dict[tuple[Cell, str], int]
"""Figures by (cell, counter name); what is 0 is absent."""

Row: TypeAlias = OrderRow | ShipmentRow | ParcelRow

Happened: TypeAlias = "tuple[datetime | None, str, int]"
"""When (None: never), the counter, by how much."""

BOUNDS = tuple((timedelta(hours=bound), str(bound)) for bound in BOUNDS_H)


def count(rows: Rows) -> Counts:
    """All figures of one order's fact rows."""
    counts: Counts = {}
    for row in _each(rows):
        _add(counts, row, 1)
    return _without_zeros(counts)


def moved(before: Rows, after: Rows) -> Counts:
    """What the change from `before` to `after` adds to the counters; negative where it takes away."""
    counts: Counts = {}
    for old, new in _pairs(before, after):
        if old != new:
            if old is not None:
                _add(counts, old, -1)
            _add(counts, new, 1)
    return _without_zeros(counts)


def _each(rows: Rows) -> Iterator[Row]:
    yield rows.order
    yield from rows.shipments
    yield from rows.parcels


def _pairs(before: Rows, after: Rows) -> Iterator[tuple[Row | None, Row]]:
    # Rows never vanish, but new ones may come between: pair them by id.
    known = {_id(row): row for row in _each(before)}
    for row in _each(after):
        yield known.get(_id(row)), row


def _id(row: Row) -> str:
    match row:
        case OrderRow():
            return row.order_id
        case ShipmentRow():
            return row.shipment_id
        case ParcelRow():
            return row.parcel_id


def _add(counts: Counts, row: Row, sign: int) -> None:
    for at, figure, amount in _figures(row):
        if at is not None and amount:
            key = _cell(row, at), figure
            counts[key] = counts.get(key, 0) + sign * amount


def _without_zeros(counts: Counts) -> Counts:
    return {key: amount for key, amount in counts.items() if amount}


def _cell(row: Row, at: datetime) -> Cell:
    carrier = "" if isinstance(row, OrderRow) else row.carrier
    return Cell(
        vietnam_month(at), row.channel, carrier, row.origin_province, row.product_group, row.star
    )


def _figures(row: Row) -> Iterator[Happened]:
    if isinstance(row, ParcelRow):
        yield from parcel_throughput(row)
        if row.handed_over_at is not None:
            yield from parcel_quality(row, row.handed_over_at)
    elif isinstance(row, OrderRow):
        yield from order_figures(row)
    else:
        yield row.routed_at, "shipments_routed", 1


def order_figures(row: OrderRow) -> Iterator[Happened]:
    """What an order counts for, each in the month it happened."""
    yield row.placed_at, "orders_placed", 1
    yield row.placed_at, "units_placed", row.units
    yield row.placed_at, "goods_placed_vnd", row.goods_vnd
    yield row.held_at, "orders_held", 1
    yield row.cancelled_at, "orders_cancelled", 1


def parcel_throughput(row: ParcelRow) -> Iterator[Happened]:
    """What a parcel counts for in the months things happened to it."""
    yield row.packed_at, "parcels_packed", 1
    yield row.booked_at, "parcels_booked", 1
    yield row.booked_at, "freight_vnd", row.freight_vnd
    yield row.booked_at, "cod_expected_vnd", row.cod_expected_vnd
    yield row.handed_over_at, "parcels_handed_over", 1
    yield row.delivered_at, "parcels_delivered", 1
    yield row.delivered_at, "units_delivered", row.units
    yield row.delivered_at, "goods_delivered_vnd", row.goods_vnd
    yield row.cod_collected_at, "cod_collected_vnd", row.cod_collected_vnd
    yield row.returned_at, "parcels_returned", 1
    yield row.written_off_at, "parcels_written_off", 1


def parcel_quality(row: ParcelRow, handed_over_at: datetime) -> Iterator[Happened]:
    """What a parcel counts for in the month it was handed over, whenever the rest happened."""
    cohort = handed_over_at
    attempted = row.first_attempt_at is not None
    yield cohort, "cohort_handed_over", 1
    yield cohort, "cohort_delivered", row.delivered_at is not None
    yield cohort, "cohort_returned", row.returned_at is not None
    yield cohort, "first_attempts", attempted
    yield cohort, "delivered_at_first_attempt", row.delivered_at_first
    yield cohort, "attempts", row.attempts
    yield cohort, "first_attempts_on_time", row.on_time
    if row.late_by is not None:
        yield cohort, f"late_{row.late_by}", 1
    if row.placed_at is not None:
        yield cohort, bucket_of(ORDER_TO_HANDOVER, handed_over_at - row.placed_at), 1
    if row.first_attempt_at is not None:
        taken = row.first_attempt_at - handed_over_at
        yield cohort, bucket_of(HANDOVER_TO_FIRST_ATTEMPT, taken), 1


def bucket_of(histogram: str, taken: timedelta) -> str:
    """The counter of a lead time: the first bound that is not below it (a negative one: the first)."""
    for bound, bucket in BOUNDS:
        if taken <= bound:
            return bucket_figure(histogram, bucket)
    return bucket_figure(histogram, OVER)
