"""A look at bookings of which nothing was heard, because the time for it came (streams/sweep.py).

The stage decides by the record's time and the time the last news came in: a check that lay in the
topic for an hour tells how it was when it was asked for.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from streams.rules.tracking_flags import flags_of, next_look, raised
from streams.tracking_rows import unpacked_state
from streams.tracking_store import lock_bookings_of, store_states
from streams.tracking_work import silence_of, tell

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streams.runtime.stage import Record, Transaction
    from streams.tracking_requests import Asked
    from streams.tracking_rows import Booking
    from streams.tracking_work import Work

# When the last events of these numbers came in.
READ_HEARD: Final = """
SELECT waybill_id, max(ingested_at) FROM tracking.events
WHERE waybill_id = ANY($1::bigint[]) GROUP BY waybill_id"""

# Look at these again then.
LOOK_AGAIN: Final = """
INSERT INTO tracking.due (reference, waybill, due_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[])
ON CONFLICT (reference) DO UPDATE SET due_at = excluded.due_at, waybill = excluded.waybill"""


async def look_at_silent(tx: Transaction, work: Work, checks: Sequence[Asked]) -> None:
    """Raise what silence raises, tell it, and say when to look next."""
    records = {one.waybill: one.record for one in checks}
    bookings = [b for b in await lock_bookings_of(tx, records) if b.booked_at is not None]
    heard = dict(map(tuple, await tx.fetch(READ_HEARD, [b.waybill_id for b in bookings])))
    again: list[tuple[str, str, datetime]] = []
    states: list[tuple[str, int, str, str]] = []
    for booking in bookings:
        version = booking.version
        due_at = _look(work, booking, heard, records[booking.waybill or ""])
        if due_at is None:
            work.ended.append(booking.reference)
        else:
            again.append((booking.reference, booking.waybill or "", due_at))
        if booking.version != version:
            states.append((booking.reference, booking.version, booking.state, booking.flags))
    await store_states(tx, states)
    if again:
        await tx.execute(LOOK_AGAIN, *map(list, zip(*again, strict=True)))


def _look(
    work: Work, booking: Booking, heard: Mapping[int, datetime], record: Record
) -> datetime | None:
    """Decide one booking; when to look at it again."""
    parcel = unpacked_state(booking)
    now = record.timestamp_ms // 1000
    news = [heard.get(booking.waybill_id or 0), booking.told_at]
    since = max((int(at.timestamp()) for at in news if at is not None), default=now)
    silence = silence_of(work.book, booking, parcel, since, now)
    clock = raised(parcel, booking.promise, silence)
    tell(work, booking, parcel, parcel, flags_of(parcel, booking.promise, clock), record)
    at = next_look(parcel, booking.promise, silence)
    return None if at is None else datetime.fromtimestamp(at, UTC)
