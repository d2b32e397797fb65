"""Tracking: carriers' webhooks → one folded state a booking (facts/tracking_taxonomy.md).

Most batches are events of known bookings, newer than everything in their logs: those advance the
stored state without reading a log. An older event has its log read and folded whole. Everything
else meets in `tracking_meeting`.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from schemas.catalogue import BOOKING_VOIDED, SHIPMENT_BOOKED, TRACKING_RECEIVED
from services.carriers.webhooks import WEBHOOKS
from services.reference.rule_book import sample_rule_book
from services.reference.status_map import UnknownVersion
from services.store.mappings import read_active
from streams.rules.tracking_flags import by_clock, flags_of, has_ended
from streams.rules.tracking_fold import advance, fold, follows
from streams.runtime.failures import Fatal
from streams.runtime.stage import Handled
from streams.tracking_check import look_at_silent
from streams.tracking_meeting import meet, stand_on
from streams.tracking_reading import Reader
from streams.tracking_remap import keep_readings, read_again
from streams.tracking_requests import keep_corrections
from streams.tracking_rows import packed_state, unpacked_state
from streams.tracking_store import (
    append_events,
    keep_undated,
    lock_bookings_of,
    read_logs,
    store_bookings,
    store_states,
    store_waybills,
)
from streams.tracking_work import Work, keep, store_watch, take_down, tell, tell_unmapped, watch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from services.carriers.webhook import WebhookFormat
    from services.reference.rule_book import RuleBook
    from services.reference.status_map import StatusMap
    from streams.rules.tracking import Scan
    from streams.rules.tracking_fold import Parcel
    from streams.runtime.stage import Batch, Transaction
    from streams.tracking_reading import Facts, Seen, Told
    from streams.tracking_requests import Asked
    from streams.tracking_rows import Booking


class MapUnknown(Fatal):
    """A carrier is to be read with a version of the status map that this release does not have."""


class Tracking:
    """The tracking stage. `formats` read bodies by (carrier, api), `meanings` maps their codes.

    `book` says how long a carrier may be silent: the sample one if none is given.

    Which versions of the map are in use is read in each batch's transaction: a request to read a
    number again comes after its version was put to use, so no event can slip between the two.
    """

    name: Final = "tracking"
    inputs: Final = (TRACKING_RECEIVED, SHIPMENT_BOOKED, BOOKING_VOIDED)

    def __init__(
        self,
        meanings: StatusMap,
        formats: Mapping[tuple[str, str], WebhookFormat] = WEBHOOKS,
        book: RuleBook | None = None,
    ) -> None:
        self._meanings = meanings
        self._book = book or sample_rule_book()
        self._reader = Reader(formats)

    async def handle(self, batch: Batch, tx: Transaction) -> Handled:
        """Append, fold, and tell of every booking whose visible state changed."""
        work = Work(batch, Handled(), await self._meanings_now(tx), self._book)
        facts = self._reader.read(batch.messages, work.meanings)
        work.handled.dead = facts.dead
        new_undated = await keep_undated(tx, facts.undated)
        work.handled.parked += new_undated
        work.handled.duplicate += len(facts.undated) - new_undated
        names = facts.names()
        known = await lock_bookings_of(tx, names) if names else []
        plain, seen, told, again = sort_out(known, facts)
        work.handled.duplicate += again
        await self._go_on(tx, work, plain)
        if seen or told or facts.again:
            await self._meet(tx, work, seen, told, facts.again)
        await append_events(tx, work.appended)
        await keep_corrections(tx, facts.said)
        await store_states(tx, work.states)
        if facts.checks:
            await look_at_silent(tx, work, facts.checks)
        await store_watch(tx, work)
        return work.handled

    async def _meanings_now(self, tx: Transaction) -> StatusMap:
        try:
            return self._meanings.at(await read_active(tx))
        except UnknownVersion as unknown:
            raise MapUnknown(str(unknown)) from unknown

    async def _go_on(
        self, tx: Transaction, work: Work, plain: Sequence[tuple[Booking, list[Seen]]]
    ) -> None:
        """Events of bookings that stand one to one with their numbers."""
        late: list[tuple[Booking, Parcel, list[Seen]]] = []
        for booking, seen in plain:
            parcel = unpacked_state(booking)
            fresh = unlike_the_last(parcel, seen)
            work.handled.duplicate += len(seen) - len(fresh)
            if not all(follows(parcel, event.scan) for event in fresh):
                late.append((booking, parcel, fresh))
            elif fresh:
                after = advance(parcel, [event.scan for event in fresh])
                take_down(work, booking, fresh)
                keep(work, booking, parcel, after, fresh[-1].record)
        if late:
            await self._fold_again(tx, work, late)

    async def _fold_again(
        self, tx: Transaction, work: Work, late: Sequence[tuple[Booking, Parcel, list[Seen]]]
    ) -> None:
        """Bookings with an event that is not the newest: read their logs and fold them whole."""
        ids = {b.waybill_id: b.waybill for b, _, _ in late if b.waybill_id and b.waybill}
        logs: dict[str, dict[str, Scan]] = defaultdict(dict)
        for sighting in await read_logs(tx, ids, work.meanings):
            logs[sighting.waybill][sighting.scan.key] = sighting.scan
        for booking, parcel, seen in late:
            log = logs[booking.waybill or ""]
            fresh = [event for event in seen if event.scan.key not in log]
            work.handled.duplicate += len(seen) - len(fresh)
            if fresh:
                scans = [*log.values(), *(event.scan for event in fresh)]
                take_down(work, booking, fresh)
                after = fold(booking.cod_vnd or 0, scans)
                keep(work, booking, parcel, after, fresh[-1].record)

    async def _meet(
        self,
        tx: Transaction,
        work: Work,
        seen: Sequence[Seen],
        told: Sequence[Told],
        again: Sequence[Asked],
    ) -> None:
        ground = await stand_on(tx, seen, told, again, work.meanings)
        readings = await read_again(tx, ground, {one.waybill for one in again}, work.meanings)
        await keep_readings(tx, readings, work.batch.now)
        work.handled.duplicate += len(again) - len({one.waybill for one in again} & {*readings.of})
        met = meet(ground, seen, told, again, work.batch.now)
        work.handled.duplicate += met.duplicate
        work.handled.parked += met.parked
        work.appended += met.appended
        tell_unmapped(work, met.fresh)
        news = {event.waybill for event in met.fresh}
        booked = {one.booked.reference for one in told}
        for booking, parcel, cause in met.folded:
            before, remapped = unpacked_state(booking), readings.about(booking)
            silent = frozenset() if booking.heard_of(news) else by_clock(booking.flags)
            flags = flags_of(parcel, booking.promise, silent)
            tell(work, booking, before, parcel, flags, cause, remapped)
            booking.state = packed_state(parcel)
            if booking.reference in booked and not has_ended(parcel):
                watch(work, booking, parcel, booking.told_at or work.batch.now)
        await store_bookings(tx, list(ground.bookings.values()))
        await store_waybills(tx, [w for w in ground.waybills.values() if w.changed])


def sort_out(
    known: Sequence[Booking], facts: Facts
) -> tuple[list[tuple[Booking, list[Seen]]], list[Seen], list[Told], int]:
    """Part the facts: events of bookings that stand one to one with their number, and all others.

    The last is the number of bookings told again, word for word.
    """
    bookings: dict[str, Booking | None] = {}
    crossed = _crossed(known, facts)
    for booking in known:
        name = booking.waybill or ""
        contested = booking.contested or booking.reference in crossed
        alone = name not in bookings and not contested
        bookings[name] = booking if alone else None
    told: list[Told] = []
    for request in facts.again:
        bookings[request.waybill] = None
    for one in facts.told:
        there = bookings.get(one.waybill)
        if there is None or not _told_before(there, one):
            bookings[one.waybill] = None
            told.append(one)
    by_name: dict[str, list[Seen]] = defaultdict(list)
    for event in facts.seen:
        by_name[event.waybill].append(event)
    plain, others = [], []
    for name, seen in by_name.items():
        there = bookings.get(name)
        if there is not None and all(e.reference in {None, there.reference} for e in seen):
            plain.append((there, seen))
        else:
            others += seen
    return plain, others, told, len(facts.told) - len(told)


def _crossed(known: Iterable[Booking], facts: Facts) -> set[str]:
    """References of these bookings that something about another number names in this very batch."""
    numbers = {booking.reference: booking.waybill for booking in known}
    named = [(event.reference, event.waybill) for event in facts.seen if event.reference]
    named += [(one.booked.reference, one.waybill) for one in facts.told]
    return {ref for ref, number in named if ref in numbers and numbers[ref] != number}


def _told_before(booking: Booking, told: Told) -> bool:
    return (
        booking.reference == told.booked.reference
        and booking.booked_version is not None
        and booking.booked_version >= told.booked.version
    )


def unlike_the_last(parcel: Parcel, seen: Sequence[Seen]) -> list[Seen]:
    """The events without repeats of each other and of the log's newest event.

    A carrier that sends twice mostly does so at once: that needs no look at the log.
    """
    newest = parcel.last[-1] if parcel.last else None
    fresh = {event.scan.key: event for event in reversed(seen) if event.scan.key != newest}
    return list(reversed(fresh.values()))
