"""A remap where it happens: the events of a number are read again, and what differs is kept.

The log's own columns stay; another reading is a row beside it. `ocop remap --dry-run` asks the same
functions and writes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from schemas.tracking import Remapped
from streams.rules.tracking import scan_key
from streams.rules.tracking_remap import Logged, reread

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from services.reference.status_map import Meaning, StatusMap
    from streams.runtime.stage import Transaction
    from streams.tracking_meeting import Ground
    from streams.tracking_rows import Booking

# What the carrier wrote in the events of these numbers, and how each is read now.
READ_LOGGED: Final = """
SELECT waybill_id, event_key, api, code, reason_code, return_leg, status, reason, attributed_to,
       finality, cod, mapping, reading
FROM tracking.readings WHERE waybill_id = ANY($1::bigint[]) AND origin = 'carrier'"""

# Keep another reading of these events.
KEEP_READINGS: Final = """
INSERT INTO tracking.remapped (waybill_id, event_key, reading, status, reason, attributed_to,
                               finality, cod, mapping, at)
SELECT u.*, $10 FROM unnest($1::bigint[], $2::bytea[], $3::integer[], $4::text[], $5::text[],
                            $6::text[], $7::text[], $8::text[], $9::text[]) AS u"""


@dataclass(slots=True)
class Readings:
    """What reading again changed: the rows to keep, and by number how the version changed."""

    rows: list[tuple[Any, ...]] = field(default_factory=list)
    of: dict[str, Remapped] = field(default_factory=dict)

    def about(self, booking: Booking) -> Remapped | None:
        """How the events of this booking's numbers are read now, if that changed."""
        numbers = (booking.waybill or "", *booking.also)
        return next((self.of[number] for number in numbers if number in self.of), None)


async def read_again(
    tx: Transaction, ground: Ground, names: Iterable[str], meanings: StatusMap
) -> Readings:
    """Read the events of these numbers with the map in use; the ground's logs say it from now on."""
    ids = {
        ground.waybills[name].waybill_id: name
        for name in _hanging_together(ground, set(names))
        if not ground.waybills[name].made
    }
    readings = Readings()
    for waybill_id, key, *written in await tx.fetch(READ_LOGGED, list(ids)) if ids else ():
        name = ids[waybill_id]
        event = _logged(name, written, meanings)
        meaning = reread(event, meanings)
        if meaning is not None:
            mark = meanings.mark(event.carrier)
            readings.rows.append((waybill_id, key, event.reading + 1, *_columns(meaning), mark))
            before = readings.of.get(name)
            was = {event.mapping, *(before.was.split(", ") if before else ())}
            readings.of[name] = Remapped(was=", ".join(sorted(was)), now=mark)
            _say(ground, name, scan_key(key), meaning)
    return readings


def _hanging_together(ground: Ground, names: set[str]) -> set[str]:
    """These numbers, and those that share a booking with them: they are folded as one."""
    found = set(names)
    for booking in ground.bookings.values():
        numbers = {number for number in (booking.waybill, *booking.also) if number}
        if numbers & found:
            found |= numbers & ground.waybills.keys()
    return found


def _logged(waybill: str, written: Sequence[Any], meanings: StatusMap) -> Logged:
    api, code, reason_code, return_leg, *mapped, mapping, reading = written
    carrier = waybill.partition(":")[0]
    meaning = meanings.stored(*mapped)
    return Logged(carrier, api, code, reason_code, return_leg, meaning, mapping, reading)


def _columns(meaning: Meaning) -> tuple[Any, ...]:
    return (
        meaning.status,
        meaning.reason,
        meaning.attributed_to,
        meaning.finality,
        meaning.cod,
    )


def _say(ground: Ground, waybill: str, key: str, meaning: Meaning) -> None:
    ground.logs[waybill] = [
        sighting._replace(scan=sighting.scan._replace(meaning=meaning))
        if sighting.scan.key == key
        else sighting
        for sighting in ground.logs[waybill]
    ]


async def keep_readings(tx: Transaction, readings: Readings, at: datetime) -> None:
    """Store what reading again changed."""
    if readings.rows:
        await tx.execute(KEEP_READINGS, *map(list, zip(*readings.rows, strict=True)), at)
