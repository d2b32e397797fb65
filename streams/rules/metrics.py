"""Counting: fact rows to figures by cell, and what a change of fact rows moves."""

from __future__ import annotations

from datetime import timedelta
from itertools import zip_longest
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
from streams.rules.metrics_rows import OrderRow, ParcelRow, Row, Rows, ShipmentRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

__all__ = ["FIGURES", "HISTOGRAMS", "Counts", "bucket_of", "count", "moved"]

Counts: TypeAlias = dict[Cell, dict[str, int]]
"""Figures by cell and counter name; what is 0 is absent, a cell without figures too."""

Happened: TypeAlias = "tuple[datetime | None, tuple[tuple[str, int], ...]]"
"""When (None: never), and what it adds to which counters."""

NEVER: Happened = (None, ())
DIMENSIONS = slice(1, 7)
"""Where a fact row has what it is counted by, after its own id (an order row: and a little more)."""

BOUNDS = tuple((timedelta(hours=bound), str(bound)) for bound in BOUNDS_H)


def count(rows: Rows) -> Counts:
    """All figures of one order's fact rows."""
    counts: Counts = {}
    every: tuple[Row, ...] = (rows.order, *rows.shipments, *rows.parcels)
    for row in every:
        for happened in _figures(row):
            _add(counts, row, happened, 1)
    return _without_zeros(counts)


def moved(changes: Iterable[tuple[Row, Row]]) -> Counts:
    """What changes of fact rows, (before, after), add to the counters; negative: take away."""
    counts: Counts = {}
    for before, after in changes:
        stays = before[DIMENSIONS] == after[DIMENSIONS]
        for old, new in zip_longest(_figures(before), _figures(after), fillvalue=NEVER):
            if not (stays and old == new):
                _add(counts, before, old, -1)
                _add(counts, after, new, 1)
    return _without_zeros(counts)


def add(counts: Counts, more: Counts) -> None:
    """Add `more` to `counts`, in place. Figures may become 0 and stay."""
    for cell, figures in more.items():
        known = counts.setdefault(cell, {})
        for figure, amount in figures.items():
            known[figure] = known.get(figure, 0) + amount


def _add(counts: Counts, row: Row, happened: Happened, sign: int) -> None:
    at, amounts = happened
    if at is not None:
        figures = counts.setdefault(_cell(row, at), {})
        for figure, amount in amounts:
            figures[figure] = figures.get(figure, 0) + sign * amount


def _without_zeros(counts: Counts) -> Counts:
    return {
        cell: left
        for cell, figures in counts.items()
        if (left := {figure: amount for figure, amount in figures.items() if amount})
    }


def _cell(row: Row, at: datetime) -> Cell:
    carrier = "" if isinstance(row, OrderRow) else row.carrier
    return Cell(
        vietnam_month(at), row.channel, carrier, row.origin_province, row.product_group, row.star
    )


def _figures(row: Row) -> Iterator[Happened]:
    match row:
        case ParcelRow():
            yield from parcel_throughput(row)
            if row.handed_over_at is not None:
                yield row.handed_over_at, tuple(parcel_quality(row, row.handed_over_at))
        case OrderRow():
            yield from order_figures(row)
        case ShipmentRow():
            yield row.routed_at, (("shipments_routed", 1),)


def order_figures(row: OrderRow) -> Iterator[Happened]:
    """What an order counts for, each in the month it happened."""
    goods = ("units_placed", row.units), ("goods_placed_vnd", row.goods_vnd)
    yield row.placed_at, (("orders_placed", 1), *goods)
    yield row.held_at, (("orders_held", 1),)
    yield row.cancelled_at, (("orders_cancelled", 1),)


def parcel_throughput(row: ParcelRow) -> Iterator[Happened]:
    """What a parcel counts for in the months things happened to it."""
    money = ("freight_vnd", row.freight_vnd), ("cod_expected_vnd", row.cod_expected_vnd)
    goods = ("units_delivered", row.units), ("goods_delivered_vnd", row.goods_vnd)
    yield row.packed_at, (("parcels_packed", 1),)
    yield row.booked_at, (("parcels_booked", 1), *money)
    yield row.handed_over_at, (("parcels_handed_over", 1),)
    yield row.delivered_at, (("parcels_delivered", 1), *goods)
    yield row.cod_collected_at, (("cod_collected_vnd", row.cod_collected_vnd),)
    paid_on = ("cod_remitted_vnd", row.cod_remitted_vnd), ("cod_short_vnd", row.cod_short_vnd)
    yield row.cod_remitted_at, paid_on
    yield row.returned_at, (("parcels_returned", 1),)
    yield row.written_off_at, (("parcels_written_off", 1),)


def parcel_quality(row: ParcelRow, handed_over_at: datetime) -> Iterator[tuple[str, int]]:
    """What a parcel counts for in the month it was handed over, whenever the rest happened."""
    yield "cohort_handed_over", 1
    yield "cohort_delivered", row.delivered_at is not None
    yield "cohort_returned", row.returned_at is not None
    yield "first_attempts", row.first_attempt_at is not None
    yield "delivered_at_first_attempt", row.delivered_at_first
    yield "attempts", row.attempts
    yield "first_attempts_on_time", row.on_time
    if row.late_by is not None:
        yield f"late_{row.late_by}", 1
    if row.placed_at is not None:
        yield bucket_of(ORDER_TO_HANDOVER, handed_over_at - row.placed_at), 1
    if row.first_attempt_at is not None:
        yield bucket_of(HANDOVER_TO_FIRST_ATTEMPT, row.first_attempt_at - handed_over_at), 1


def bucket_of(histogram: str, taken: timedelta) -> str:
    """The counter of a lead time: the first bound that is not below it (a negative one: the first)."""
    for bound, bucket in BOUNDS:
        if taken <= bound:
            return bucket_figure(histogram, bucket)
    return bucket_figure(histogram, OVER)
