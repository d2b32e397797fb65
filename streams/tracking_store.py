"""The tables of tracking, in bulk. Every statement takes or gives a whole batch.

Lock order: bookings found by number, then waybills, then bookings found by reference, each in key
order. Rows that are looked for are inserted empty first where a fact without them must be kept.
"""

from __future__ import annotations

from dataclasses import fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from streams.rules.tracking import Scan, scan_key
from streams.rules.tracking_bookings import Sighting
from streams.tracking_reading import LOG_COLUMNS, UNDATED_COLUMNS
from streams.tracking_rows import Booking, Waybill

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from services.reference.status_map import StatusMap
    from streams.runtime.stage import Transaction
    from streams.tracking_reading import LogRow

BOOKING_COLUMNS: Final = """reference, waybill, waybill_id, order_id, channel, seller_id,
    parcel_id, api, cod_vnd, booked_at, booked_version, also, contested, version,
    state, service, told_at, promise, is_delayed, flags"""

# Lock the bookings of these numbers.
LOCK_BOOKINGS_OF_NUMBERS: Final = f"""
SELECT {BOOKING_COLUMNS} FROM tracking.bookings
WHERE waybill = ANY($1::text[]) ORDER BY reference FOR UPDATE"""  # noqa: S608 (a constant)

# Make rows for numbers nobody has looked for yet; answers with those it made.
MAKE_WAYBILLS: Final = """
INSERT INTO tracking.waybills (waybill) SELECT unnest($1::text[])
ON CONFLICT (waybill) DO NOTHING RETURNING waybill, waybill_id"""

# Lock the numbers that were there.
LOCK_WAYBILLS: Final = """
SELECT waybill, waybill_id, linked, parked, parked_since, parked_why FROM tracking.waybills
WHERE waybill = ANY($1::text[]) ORDER BY waybill FOR UPDATE"""

# Which references are booked under these numbers.
REFERENCES_OF_NUMBERS: Final = """
SELECT reference FROM tracking.bookings WHERE waybill = ANY($1::text[])"""

# Make rows for references nobody has looked for yet; answers with those it made.
MAKE_BOOKINGS: Final = """
INSERT INTO tracking.bookings (reference) SELECT unnest($1::text[])
ON CONFLICT (reference) DO NOTHING RETURNING reference"""

# Lock the bookings that were there.
LOCK_BOOKINGS: Final = f"""
SELECT {BOOKING_COLUMNS} FROM tracking.bookings
WHERE reference = ANY($1::text[]) ORDER BY reference FOR UPDATE"""  # noqa: S608 (a constant)

# The logs of these numbers as they read now, as much of each event as the fold reads.
READ_LOGS: Final = """
SELECT waybill_id, event_key, floor(extract(epoch FROM ordered_at))::bigint, ordered_at <> occurred_at,
       origin, reference, status, reason, attributed_to, finality, cod, cod_vnd,
       CASE WHEN return_leg THEN waybill_no END
FROM tracking.readings WHERE waybill_id = ANY($1::bigint[])"""

# The same rows to look at only: whoever locks them is not disturbed.
LOOK_AT_WAYBILLS: Final = LOCK_WAYBILLS.removesuffix(" FOR UPDATE")
LOOK_AT_BOOKINGS: Final = LOCK_BOOKINGS.removesuffix(" FOR UPDATE")

# Keep what the fold made of these bookings.
STORE_STATES: Final = """
UPDATE tracking.bookings AS b SET version = u.version, state = u.state, flags = u.flags
FROM unnest($1::text[], $2::bigint[], $3::json[], $4::text[])
    AS u (reference, version, state, flags)
WHERE b.reference = u.reference"""

# Keep these bookings whole: what was booked, how numbers and references hang together, the state.
STORE_BOOKINGS: Final = """
UPDATE tracking.bookings AS b SET
    waybill = u.waybill, waybill_id = u.waybill_id, order_id = u.order_id, channel = u.channel,
    seller_id = u.seller_id, parcel_id = u.parcel_id, api = u.api,
    cod_vnd = u.cod_vnd, booked_at = u.booked_at, booked_version = u.booked_version,
    also = ARRAY(SELECT json_array_elements_text(u.also)), contested = u.contested,
    version = u.version, state = u.state, service = u.service, told_at = u.told_at,
    promise = u.promise, is_delayed = u.is_delayed, flags = u.flags
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[],
            $8::text[], $9::bigint[], $10::timestamptz[], $11::bigint[], $12::json[],
            $13::boolean[], $14::bigint[], $15::json[], $16::text[], $17::timestamptz[],
            $18::bigint[], $19::boolean[], $20::text[])
    AS u (reference, waybill, waybill_id, order_id, channel, seller_id, parcel_id, api,
          cod_vnd, booked_at, booked_version, also, contested, version, state, service,
          told_at, promise, is_delayed, flags)
WHERE b.reference = u.reference"""

# Keep what these numbers were named with and what waits on them.
STORE_WAYBILLS: Final = """
UPDATE tracking.waybills AS w SET
    linked = ARRAY(SELECT json_array_elements_text(u.linked)), parked = u.parked,
    parked_why = u.parked_why, parked_since = u.parked_since
FROM unnest($1::text[], $2::json[], $3::integer[], $4::text[], $5::timestamptz[])
    AS u (waybill, linked, parked, parked_why, parked_since)
WHERE w.waybill = u.waybill"""

# Keep events without a readable time, once each; answers with how many are new.
KEEP_UNDATED: Final = f"""
WITH kept AS (
    INSERT INTO tracking.undated ({", ".join(UNDATED_COLUMNS)})
    SELECT * FROM unnest($1::text[], $2::bytea[], $3::integer[], $4::text[], $5::text[], $6::text[],
                         $7::text[], $8::text[], $9::text[], $10::timestamptz[])
    ON CONFLICT (waybill, payload_sha256, item) DO NOTHING RETURNING 1)
SELECT count(*) FROM kept"""  # noqa: S608 (constants)


async def lock_bookings_of(tx: Transaction, waybills: Iterable[str]) -> list[Booking]:
    """The bookings of these numbers, locked."""
    rows = await tx.fetch(LOCK_BOOKINGS_OF_NUMBERS, list(waybills))
    return [Booking(*row) for row in rows]


async def references_of(tx: Transaction, waybills: Sequence[str]) -> set[str]:
    """The references booked under these numbers."""
    return {row[0] for row in await tx.fetch(REFERENCES_OF_NUMBERS, waybills)}


async def lock_waybills(tx: Transaction, waybills: Iterable[str]) -> list[Waybill]:
    """Rows of these numbers, made where there were none, locked."""
    names = sorted(waybills)
    made = [Waybill(row[0], row[1], made=True) for row in await tx.fetch(MAKE_WAYBILLS, names)]
    if len(made) == len(names):
        return made
    there = set(names) - {waybill.waybill for waybill in made}
    return made + [Waybill(*row) for row in await tx.fetch(LOCK_WAYBILLS, list(there))]


async def lock_bookings(tx: Transaction, references: Iterable[str]) -> list[Booking]:
    """Rows of these references, made where there were none, locked."""
    names = sorted(references)
    made = [Booking(row[0]) for row in await tx.fetch(MAKE_BOOKINGS, names)]
    if len(made) == len(names):
        return made
    there = set(names) - {booking.reference for booking in made}
    return made + [Booking(*row) for row in await tx.fetch(LOCK_BOOKINGS, list(there))]


async def look_at_waybills(tx: Transaction, waybills: Iterable[str]) -> list[Waybill]:
    """Rows of these numbers, as they are."""
    return [Waybill(*row) for row in await tx.fetch(LOOK_AT_WAYBILLS, list(waybills))]


async def look_at_bookings(tx: Transaction, references: Iterable[str]) -> list[Booking]:
    """Rows of these references, as they are."""
    return [Booking(*row) for row in await tx.fetch(LOOK_AT_BOOKINGS, list(references))]


class Grip(NamedTuple):
    """How rows are taken: to change them, or to look at them."""

    waybills: Callable[[Transaction, Iterable[str]], Awaitable[list[Waybill]]]
    bookings: Callable[[Transaction, Iterable[str]], Awaitable[list[Booking]]]


LOCKING: Final = Grip(lock_waybills, lock_bookings)
LOOKING: Final = Grip(look_at_waybills, look_at_bookings)


async def read_logs(
    tx: Transaction, waybills: dict[int, str], meanings: StatusMap
) -> list[Sighting]:
    """Every event of these numbers (id → number), in no order."""
    if not waybills:
        return []
    sightings = []
    for row in await tx.fetch(READ_LOGS, list(waybills)):
        waybill_id, key, at, ahead, origin, reference, *mapped, cod_vnd, return_no = row
        meaning, corrects = meanings.stored(*mapped), origin == "correction"
        scan = Scan(at, scan_key(key), meaning, cod_vnd, corrects, ahead, return_no)
        sightings.append(Sighting(waybills[waybill_id], reference, scan, origin == "booking"))
    return sightings


async def append_events(tx: Transaction, rows: Sequence[tuple[int, LogRow]]) -> None:
    """Append events that are known not to be in the log: (waybill_id, row)."""
    if rows:
        await tx.copy_records_to_table(
            "events",
            schema_name="tracking",
            columns=("waybill_id", *LOG_COLUMNS),
            records=[(waybill_id, *row) for waybill_id, row in rows],
        )


async def store_states(tx: Transaction, states: Sequence[tuple[str, int, str, str]]) -> None:
    """Keep (reference, version, state as JSON, flags) of bookings that changed in nothing else."""
    if states:
        await tx.execute(STORE_STATES, *map(list, zip(*states, strict=True)))


_plain: Final = attrgetter(*(field.name for field in fields(Booking)))
_ALSO: Final = [field.name for field in fields(Booking)].index("also")


def _columns(booking: Booking) -> list[Any]:
    """A booking's columns in the order of its fields; its other numbers as JSON."""
    columns = list(_plain(booking))
    columns[_ALSO] = orjson.dumps(booking.also).decode()
    return columns


async def store_bookings(tx: Transaction, bookings: Sequence[Booking]) -> None:
    """Keep bookings whole."""
    if not bookings:
        return
    rows = [_columns(booking) for booking in bookings]
    await tx.execute(STORE_BOOKINGS, *map(list, zip(*rows, strict=True)))


async def store_waybills(tx: Transaction, waybills: Sequence[Waybill]) -> None:
    """Keep what numbers were named with and what waits on them."""
    if waybills:
        rows = [
            (w.waybill, orjson.dumps(w.linked).decode(), w.parked, w.parked_why, w.parked_since)
            for w in waybills
        ]
        await tx.execute(STORE_WAYBILLS, *map(list, zip(*rows, strict=True)))


async def keep_undated(tx: Transaction, rows: Sequence[LogRow]) -> int:
    """Keep events without a readable time; how many of them are new."""
    if not rows:
        return 0
    return int(await tx.fetchval(KEEP_UNDATED, *map(list, zip(*rows, strict=True))))
