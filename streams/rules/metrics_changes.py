"""Which fact rows a change of the facts changes; the others are not even looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from streams.rules.metrics_carrying import parcels_of
from streams.rules.metrics_rows import Row, order_row, parcel_row, shipment_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from streams.rules.metrics_facts import BookedFacts, CashFacts, OrderFacts, TrackedFacts

Change: TypeAlias = tuple[Row, Row]
"""A fact row before and after. One that is new was empty before: it counted nothing."""


def changed_rows(before: OrderFacts, after: OrderFacts) -> list[Change]:
    """The fact rows that differ, in the order of their tables and keys."""
    # Content and routing say what is in everything and where it comes from.
    anew = before.content is not after.content or before.routing is not after.routing
    return [*_order(before, after, anew), *_shipments(before, after, anew),
            *_parcels(before, after, anew)]  # fmt: skip


def _order(before: OrderFacts, after: OrderFacts, anew: bool) -> Iterator[Change]:
    if anew or before.held_at != after.held_at or before.cancelled is not after.cancelled:
        yield from _differing([(order_row(before), order_row(after))])


def _shipments(before: OrderFacts, after: OrderFacts, anew: bool) -> Iterator[Change]:
    if anew or before.routed_at is not after.routed_at:
        yield from _differing(_both(shipment_row, before, after, after.routed_at))


def _parcels(before: OrderFacts, after: OrderFacts, anew: bool) -> Iterator[Change]:
    # The newest version of a manifest is silent about parcels it left out: look at all.
    anew = anew or before.manifests is not after.manifests
    parcels = parcels_of(after) if anew else _touched_parcels(before, after)
    yield from _differing(_both(parcel_row, before, after, parcels))


def _touched_parcels(before: OrderFacts, after: OrderFacts) -> set[str]:
    touched = {id_ for id_, packed in after.packed.items() if before.packed.get(id_) is not packed}
    bookings: tuple[tuple[Bookings, Bookings], ...] = (
        (before.booked, after.booked),
        (before.tracked, after.tracked),
        (before.cash, after.cash),
    )
    voided = after.voided - before.voided
    for old, new in bookings:
        if old is not new or voided:
            touched |= {
                booking.parcel_id
                for reference, booking in new.items()
                if old.get(reference) is not booking or reference in voided
            }
    return touched


Bookings: TypeAlias = (
    "Mapping[str, BookedFacts] | Mapping[str, TrackedFacts] | Mapping[str, CashFacts]"
)


def _both(
    row: Callable[[OrderFacts, str], Row],
    before: OrderFacts,
    after: OrderFacts,
    ids: Iterable[str],
) -> Iterator[Change]:
    return ((row(before, id_), row(after, id_)) for id_ in sorted(ids))


def _differing(changes: Iterable[Change]) -> Iterator[Change]:
    return (change for change in changes if change[0] != change[1])
