"""Where numbers and bookings meet: everything that is not one event of one known booking.

Events of unknown numbers, new bookings, recycled numbers and references that name another number.
All rows that hang together are locked and their logs read, then every event is given to its
booking anew: the outcome depends on the facts alone, not on which of them came first.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from streams.rules.tracking_bookings import Claim, Sighting, read_legs, share_out
from streams.rules.tracking_flags import end_of
from streams.rules.tracking_fold import fold, new_parcel
from streams.tracking_rows import Booking, Waybill, packed_state
from streams.tracking_store import LOCKING, Grip, read_logs, references_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from services.reference.status_map import StatusMap
    from streams.rules.tracking_fold import Parcel
    from streams.runtime.stage import Record, Transaction
    from streams.tracking_reading import LogRow, Seen, Told
    from streams.tracking_requests import Asked


@dataclass(slots=True)
class Ground:
    """The locked rows of a meeting and the logs of their numbers."""

    meanings: StatusMap
    waybills: dict[str, Waybill] = field(default_factory=dict)
    bookings: dict[str, Booking] = field(default_factory=dict)
    logs: dict[str, list[Sighting]] = field(default_factory=lambda: defaultdict(list))


@dataclass(slots=True)
class Part:
    """Rows of the ground that hang together, and what the batch says of them."""

    waybills: list[Waybill] = field(default_factory=list)
    bookings: list[Booking] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    cause: Record | None = None


@dataclass(slots=True)
class Met:
    """What became of a meeting. `folded`: booked bookings with their state and what caused it."""

    folded: list[tuple[Booking, Parcel, Record | None]] = field(default_factory=list)
    appended: list[tuple[int, LogRow]] = field(default_factory=list)
    fresh: list[Seen] = field(default_factory=list)
    duplicate: int = 0
    parked: int = 0


async def stand_on(
    tx: Transaction,
    seen: Iterable[Seen],
    told: Iterable[Told],
    again: Iterable[Asked],
    meanings: StatusMap,
) -> Ground:
    """Lock everything that hangs together with these facts, however far it reaches."""
    facts = [(event.waybill, event.reference) for event in seen]
    facts += [(one.waybill, one.booked.reference) for one in told]
    facts += [(one.waybill, None) for one in again]
    names = {name for name, _ in facts}
    references = {reference for _, reference in facts if reference}
    return await ground_of(tx, names, references, meanings, LOCKING)


async def ground_of(
    tx: Transaction, names: set[str], references: set[str], meanings: StatusMap, grip: Grip
) -> Ground:
    """Everything that hangs together with these numbers and references, and the logs."""
    ground = Ground(meanings)
    while names or references:
        references = references | await _numbers(tx, ground, names, grip)
        names = await _references(tx, ground, references - ground.bookings.keys(), grip)
        names -= ground.waybills.keys()
        references = set()
    ids = {w.waybill_id: w.waybill for w in ground.waybills.values() if not w.made}
    for sighting in await read_logs(tx, ids, meanings):
        ground.logs[sighting.waybill].append(sighting)
    return ground


async def _numbers(tx: Transaction, ground: Ground, names: set[str], grip: Grip) -> set[str]:
    """Take hold of these numbers; the references that hang on them."""
    held = await grip.waybills(tx, names) if names else []
    ground.waybills |= {waybill.waybill: waybill for waybill in held}
    there = [waybill for waybill in held if not waybill.made]
    named = {reference for waybill in there for reference in waybill.linked}
    return named | await references_of(tx, [w.waybill for w in there]) if there else named


async def _references(
    tx: Transaction, ground: Ground, references: set[str], grip: Grip
) -> set[str]:
    """Take hold of these bookings; the numbers that hang on them."""
    held = await grip.bookings(tx, references) if references else []
    ground.bookings |= {booking.reference: booking for booking in held}
    return {name for booking in held for name in (booking.waybill, *booking.also) if name}


def meet(
    ground: Ground,
    seen: Sequence[Seen],
    told: Sequence[Told],
    again: Sequence[Asked],
    now: datetime,
) -> Met:
    """Decide everything on the ground, part by part."""
    met = Met()
    for one in told:
        met.duplicate += not _book(ground, one)
    for event in seen:
        _link(ground, event)
    for part in _parts(ground, seen, told, again):
        _settle(met, ground, part, now)
    return met


def _book(ground: Ground, told: Told) -> bool:
    """Take down what was booked; False if that or something newer is known."""
    booked, name = told.booked, told.waybill
    booking = ground.bookings[booked.reference]
    newest = booking.booked_version is None or booking.booked_version < booked.version
    former = {booking.waybill, *booking.also} - {None}
    if newest:
        if booking.waybill is None:
            booking.state = packed_state(new_parcel(booked.cod_vnd))
        booking.waybill, booking.waybill_id = name, ground.waybills[name].waybill_id
        booking.order_id, booking.channel = booked.order_id, booked.channel
        booking.seller_id, booking.parcel_id = booked.seller_id, booked.parcel_id
        booking.api, booking.service = booked.api, booked.service
        booking.promise_ends_at = end_of(booked.promised_on)
        late = booked.expected_on is not None and booked.expected_on > booked.promised_on
        booking.is_delayed = late
        booking.told_at = datetime.fromtimestamp(told.record.timestamp_ms / 1000, UTC)
        booking.cod_vnd, booking.booked_at = booked.cod_vnd, booked.occurred_at
        booking.booked_version = booked.version
    booking.also = sorted(
        {other for other in (*former, name) if other and other != booking.waybill}
    )
    for other in booking.also:
        _name(ground.waybills[other], booked.reference)
    return newest


def _link(ground: Ground, event: Seen) -> None:
    """Remember that an event of a number named the reference of another booking."""
    if event.reference is None:
        return
    booking = ground.bookings[event.reference]
    if booking.waybill == event.waybill:
        return
    if event.waybill not in booking.also:
        booking.also.append(event.waybill)
    _name(ground.waybills[event.waybill], event.reference)


def _name(waybill: Waybill, reference: str) -> None:
    if reference not in waybill.linked:
        waybill.linked.append(reference)
        waybill.changed = True


def _parts(
    ground: Ground, seen: Sequence[Seen], told: Sequence[Told], again: Sequence[Asked]
) -> Iterator[Part]:
    """The ground cut into what hangs together by numbers booked and references named."""
    parts = _Parts()
    for booking in ground.bookings.values():
        parts.join(
            booking.reference, *booking.also, *([booking.waybill] if booking.waybill else [])
        )
    for waybill in ground.waybills.values():
        parts.join(waybill.waybill, *waybill.linked)
        parts.of(waybill.waybill).waybills.append(waybill)
    for booking in ground.bookings.values():
        parts.of(booking.reference).bookings.append(booking)
    for request in again:
        parts.of(request.waybill).cause = request.record
    for one in told:
        parts.of(one.waybill).cause = one.record
    for event in seen:
        part = parts.of(event.waybill)
        part.seen.append(event)
        part.cause = event.record
    yield from parts.all()


class _Parts:
    """Names joined into parts. Numbers hold a colon, references never do: they cannot clash."""

    def __init__(self) -> None:
        self._leader: dict[str, str] = {}
        self._parts: dict[str, Part] = {}

    def join(self, first: str, *others: str) -> None:
        """Say that these names hang together."""
        leader = self._find(first)
        for other in others:
            self._leader[self._find(other)] = leader

    def of(self, name: str) -> Part:
        """The part a name is in; only after every join."""
        return self._parts.setdefault(self._find(name), Part())

    def all(self) -> Iterable[Part]:
        """Every part."""
        return self._parts.values()

    def _find(self, name: str) -> str:
        while (leader := self._leader.setdefault(name, name)) != name:
            name = leader
        return name


def _settle(met: Met, ground: Ground, part: Part, now: datetime) -> None:
    """Append what is new, give every event to its booking, fold, and see what has to wait."""
    sightings = [sighting for w in part.waybills for sighting in ground.logs[w.waybill]]
    fresh = _fresh(part.seen, {(sighting.waybill, sighting.scan.key) for sighting in sightings})
    met.duplicate += len(part.seen) - len(fresh)
    met.fresh += fresh
    for event in fresh:
        met.appended.append((ground.waybills[event.waybill].waybill_id, event.row))
        sightings.append(Sighting(event.waybill, event.reference, event.scan, event.voids))
    claims = _claims(part.bookings)
    shares = share_out(claims, read_legs(claims, sightings, ground.meanings))
    for booking in part.bookings:
        booking.contested = len(part.waybills) + len(part.bookings) > 2  # noqa: PLR2004 (one each)
        if booking.cod_vnd is not None:
            parcel = fold(booking.cod_vnd, shares.scans[booking.reference])
            met.folded.append((booking, parcel, part.cause))
    waits: set[tuple[str, str]] = set()
    for waybill in part.waybills:
        unknown, ambiguous = shares.unknown[waybill.waybill], shares.ambiguous[waybill.waybill]
        waits |= {(waybill.waybill, scan.key) for scan in (*unknown, *ambiguous)}
        _park(waybill, len(unknown), len(ambiguous), now)
    met.parked += sum((event.waybill, event.scan.key) in waits for event in fresh)


def _fresh(seen: Sequence[Seen], known: set[tuple[str, str]]) -> list[Seen]:
    """The events that are in no log yet, each once."""
    fresh: dict[tuple[str, str], Seen] = {}
    for event in seen:
        if (event.waybill, event.scan.key) not in known:
            fresh.setdefault((event.waybill, event.scan.key), event)
    return list(fresh.values())


def _claims(bookings: Iterable[Booking]) -> list[Claim]:
    return [
        Claim(booking.reference, booking.waybill, int(booking.booked_at.timestamp()))
        for booking in bookings
        if booking.waybill is not None and booking.booked_at is not None
    ]


def _park(waybill: Waybill, unknown: int, ambiguous: int, now: datetime) -> None:
    """Take down how many events of a number wait, and why."""
    waiting = unknown + ambiguous
    if waiting == waybill.parked:
        return
    waybill.changed = True
    waybill.parked = waiting
    waybill.parked_since = (waybill.parked_since or now) if waiting else None
    waybill.parked_why = None
    if waiting:
        waybill.parked_why = "ambiguous_number" if ambiguous else "unknown_number"
