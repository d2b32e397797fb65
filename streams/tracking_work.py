"""A batch of tracking under way: what is to be written, what is to be told, whom to look at again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from schemas.event import next_version
from schemas.tracking import TrackingStatus
from services import telemetry
from streams.rules.tracking_flags import Silence, by_clock, flags_of, has_ended, next_look
from streams.runtime.stage import Output
from streams.tracking_rows import packed_state
from streams.tracking_telling import status_changed, unmapped, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from schemas.tracking import Remapped
    from services.reference.rule_book import RuleBook
    from services.reference.status_map import StatusMap
    from streams.rules.tracking_fold import Parcel
    from streams.runtime.stage import Batch, Handled, Record, Transaction
    from streams.tracking_reading import LogRow, Seen
    from streams.tracking_rows import Booking

HOUR_S: Final = 3600

# Look at these bookings when nothing is heard of them until then, or earlier if that was agreed.
WATCH: Final = """
INSERT INTO tracking.due (reference, waybill, due_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[])
ON CONFLICT (reference) DO UPDATE
SET waybill = excluded.waybill, due_at = least(tracking.due.due_at, excluded.due_at)"""

# Their carriers are through with them, or silence can change nothing any more.
FORGET: Final = "DELETE FROM tracking.due WHERE reference = ANY($1::text[])"


@dataclass(slots=True)
class Work:
    """What a batch leads to. `states`: reference, version, state and flags of bookings.

    `watched`: reference, number and when to look; `ended`: nobody needs to look any more.
    """

    batch: Batch
    handled: Handled
    meanings: StatusMap
    book: RuleBook
    appended: list[tuple[int, LogRow]] = field(default_factory=list)
    states: list[tuple[str, int, str, str]] = field(default_factory=list)
    watched: list[tuple[str, str, datetime]] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)


def take_down(work: Work, booking: Booking, fresh: Sequence[Seen]) -> None:
    """New events of a known booking go to its log."""
    if booking.waybill_id is not None:
        work.appended += [(booking.waybill_id, event.row) for event in fresh]
    tell_unmapped(work, fresh)


def tell_unmapped(work: Work, fresh: Iterable[Seen]) -> None:
    """A code without a certain meaning is shown at once, whoever the parcel belongs to."""
    for event in fresh:
        if event.scan.meaning.status is TrackingStatus.UNMAPPED:
            told = unmapped(event, work.batch.era)
            telemetry.UNMAPPED.labels(told.carrier, told.api).inc()
            work.handled.outputs.append(Output(told, event.record))


def keep(work: Work, booking: Booking, before: Parcel, after: Parcel, cause: Record) -> None:
    """News of a booking: the new state, and an end to what silence had raised."""
    tell(work, booking, before, after, flags_of(after, booking.promise), cause)
    work.states.append((booking.reference, booking.version, packed_state(after), booking.flags))


def tell(  # noqa: PLR0917 (before and after, of one booking)
    work: Work,
    booking: Booking,
    before: Parcel,
    after: Parcel,
    flags: str,
    cause: Record | None,
    remapped: Remapped | None = None,
) -> None:
    """Raise the version and tell, if what can be seen changed."""
    flagged = flags != booking.flags
    if not flagged and visible(before) == visible(after):
        return
    if flagged:
        _count(booking, flags)
    if has_ended(after):
        work.ended.append(booking.reference)
    elif has_ended(before) or by_clock(booking.flags) - by_clock(flags):
        watch(work, booking, after, work.batch.now)
    booking.flags = flags
    booking.version = next_version(booking.version, work.batch.era)
    event = status_changed(booking, after, booking.version, remapped)
    work.handled.outputs.append(Output(event, cause))


def watch(work: Work, booking: Booking, parcel: Parcel, since: datetime) -> None:
    """Look at the booking once nothing was heard of it for too long."""
    heard = int(since.timestamp())
    silence = silence_of(work.book, booking, parcel, heard, heard)
    at = next_look(parcel, booking.promise, silence)
    if at is not None:
        due_at = datetime.fromtimestamp(at, UTC)
        work.watched.append((booking.reference, booking.waybill or "", due_at))


def silence_of(book: RuleBook, booking: Booking, parcel: Parcel, since: int, now: int) -> Silence:
    """How long nothing was heard, by the rule book's measure for its carrier and service."""
    booked_at = 0 if booking.booked_at is None else int(booking.booked_at.timestamp())
    carrier = (booking.waybill or "").partition(":")[0]
    return Silence(
        since=since,
        today=booked_at if parcel.last is None else parcel.last[0],
        now=now,
        usual_s=book.usual_gap_h(carrier, booking.service or "") * HOUR_S,
        confirm_s=book.silence.confirm_h * HOUR_S,
    )


async def store_watch(tx: Transaction, work: Work) -> None:
    """Keep whom to look at, and forget those that ended."""
    last = {row[0]: row for row in work.watched}
    if last:
        await tx.execute(WATCH, *map(list, zip(*last.values(), strict=True)))
    if work.ended:
        await tx.execute(FORGET, work.ended)


def _count(booking: Booking, flags: str) -> None:
    """Each flag once it is raised; a batch that is tried again counts again."""
    carrier = (booking.waybill or "").partition(":")[0]
    for flag in set(flags.split(",")) - set(booking.flags.split(",")) - {""}:
        telemetry.FLAGS_RAISED.labels(carrier, flag).inc()
