"""A remap from outside: which numbers it touches, what it will change, and the requests for it.

    remap = Remap(pool, read_status_map(), "viettelpost", "v2")
    effect = await remap.look()                          # changes nothing
    effect = await remap.run(publisher, by="…", why="…")  # may die, may be repeated

Both walk the same numbers and ask the same rules. The run puts the version to use, behind a barrier
that waits for the batches that still read codes with the old one; then it asks for one number after
another, and tracking reads and folds each again where its events are.
"""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import orjson

from schemas.event import next_version
from schemas.mending import Request
from services.errors import OperatorError
from services.store.mappings import activate, read_active
from streams.metrics import turn_over
from streams.requests import request
from streams.rules.metrics import moved
from streams.rules.metrics_facts import OrderFacts
from streams.rules.tracking_flags import by_clock, flags_of
from streams.tracking_meeting import ground_of, meet
from streams.tracking_remap import read_again
from streams.tracking_rows import unpacked_state
from streams.tracking_store import LOOKING
from streams.tracking_telling import status_changed, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from schemas.tracking import ShipmentStatusChanged
    from services.reference.status_map import StatusMap
    from services.store.pool import Connection, Pool
    from streams.runtime.ports import Publisher

AT_ONCE: Final = 500
"""Numbers looked at, and asked for, together."""
NOBODY_WAITS: Final = datetime.fromtimestamp(0, UTC)
"""Since when something waits is of no interest to somebody who only looks."""
MOST_SHOWN: Final = 1_000
"""Parcels an effect names; it counts all of them."""

TOUCHED: Final = """
FROM tracking.waybills w
WHERE w.waybill > $1 AND w.waybill < $2
  AND EXISTS (SELECT FROM tracking.events e
               WHERE e.waybill_id = w.waybill_id AND e.origin = 'carrier'
                 AND (e.code = ANY($3::text[]) OR e.reason_code = ANY($4::text[])
                      OR NOT starts_with(e.mapping, $5)))
"""

# The numbers of a carrier with an event that any version reads in its own way, or that was mapped
# with other files than ours. Read through a cursor: the history is walked once.
READ_NUMBERS: Final = f"SELECT w.waybill {TOUCHED} ORDER BY w.waybill"

# How many they are: what a progress bar runs to.
COUNT_NUMBERS: Final = f"SELECT count(*) {TOUCHED}"

READ_FACTS: Final = """
SELECT order_id, facts::text AS facts FROM metrics.facts
WHERE order_id = ANY($1::text[]) AND facts IS NOT NULL
"""

# Wait for every batch that reads codes now: they hold the table until they commit.
BARRIER: Final = "LOCK TABLE registry.mappings IN ACCESS EXCLUSIVE MODE"

# Another version was asked for before the last one was done: it takes its place.
SUPERSEDE: Final = """
UPDATE registry.remaps SET finished_at = now()
WHERE carrier = $1 AND version <> $2 AND finished_at IS NULL
"""
# Begin, unless the same remap is under way.
BEGIN_RUN: Final = """
INSERT INTO registry.remaps (remap_id, carrier, version, by, why) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (carrier) WHERE finished_at IS NULL DO NOTHING
"""
READ_RUN: Final = """
SELECT remap_id, asked_up_to, asked FROM registry.remaps
WHERE carrier = $1 AND finished_at IS NULL
"""
ASKED_UP_TO: Final = """
UPDATE registry.remaps SET asked_up_to = $2, asked = asked + $3 WHERE remap_id = $1
"""
FINISH_RUN: Final = "UPDATE registry.remaps SET finished_at = now() WHERE remap_id = $1"


@dataclass(slots=True)
class Effect:
    """What a remap changes. `states` counts (was, becomes); `parcels` names the first of them."""

    carrier: str
    was: str
    to: str
    numbers: int = 0
    events: int = 0
    asked: int = 0
    resumed: bool = False
    orders: set[str] = field(default_factory=set)
    references: set[str] = field(default_factory=set)
    months: set[str] = field(default_factory=set)
    states: Counter[tuple[str, str]] = field(default_factory=Counter)
    parcels: list[dict[str, str]] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """For a script."""
        return {
            "carrier": self.carrier,
            "from": self.was,
            "to": self.to,
            "numbers": self.numbers,
            "events": self.events,
            "parcels": len(self.references),
            "orders": len(self.orders),
            "months": sorted(self.months),
            "states": [
                {"from": was, "to": now, "parcels": count}
                for (was, now), count in sorted(self.states.items())
            ],
            "changes": self.parcels,
            "asked": self.asked,
            "resumed": self.resumed,
        }


class Remap:
    """One carrier's history, read with a version of its map.

    `progress` is told how many of the numbers it may touch are behind us, and how many there are.
    The pool must have two connections: one reads the history, one looks at the present.

    Raises:
        OperatorError: the carrier's map has no such version.
    """

    def __init__(
        self,
        pool: Pool,
        meanings: StatusMap,
        carrier: str,
        to: str,
        progress: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> None:
        if to not in meanings.versions(carrier):
            known = ", ".join(meanings.versions(carrier))
            raise OperatorError(f"The status map of {carrier} has no version {to}, only {known}.")
        self._pool = pool
        self._meanings = meanings
        self._carrier = carrier
        self._to = to
        self._progress = progress
        self._range = (f"{carrier}:", f"{carrier};")

    async def look(self) -> Effect:
        """What a run would change now."""
        return await self._walk(await self._new_effect(), self._range[0], None, None)

    async def run(self, publisher: Publisher, by: str, why: str) -> Effect:
        """Put the version to use and ask for every number it touches; goes on where it died."""
        effect = await self._new_effect()
        async with self._pool.acquire() as db, db.transaction():
            await db.execute(BARRIER)
            await db.execute(SUPERSEDE, self._carrier, self._to)
            await db.execute(BEGIN_RUN, uuid.uuid4(), self._carrier, self._to, by, why)
            await activate(db, self._carrier, self._to, by, why)
            ((remap_id, up_to, effect.asked),) = await db.fetch(READ_RUN, self._carrier)
        effect.resumed = bool(up_to)
        await self._walk(effect, up_to or self._range[0], publisher, remap_id)
        await self._pool.execute(FINISH_RUN, remap_id)
        return effect

    async def _new_effect(self) -> Effect:
        async with self._pool.acquire() as db:
            active = await read_active(db)
        return Effect(self._carrier, active.get(self._carrier, "v1"), self._to)

    async def _walk(
        self, effect: Effect, after: str, publisher: Publisher | None, remap_id: uuid.UUID | None
    ) -> Effect:
        codes, reasons = self._meanings.touched(self._carrier)
        which = (after, self._range[1], list(codes), list(reasons), self._meanings.version)
        async with (
            self._pool.acquire() as reader,
            reader.transaction(isolation="repeatable_read", readonly=True),
        ):
            active = await read_active(reader)
            meanings = self._meanings.at({**active, self._carrier: self._to})
            done, total = 0, await reader.fetchval(COUNT_NUMBERS, *which)
            cursor = await reader.cursor(READ_NUMBERS, *which)
            while rows := await cursor.fetch(AT_ONCE):
                numbers = [row[0] for row in rows]
                async with self._pool.acquire() as db:
                    touched = await look_at(db, numbers, meanings, effect)
                if publisher is not None and remap_id is not None:
                    await self._ask(publisher, remap_id, touched, numbers[-1])
                    effect.asked += len(touched)
                done += len(numbers)
                self._progress(done, total)
        self._progress(total, total)
        return effect

    async def _ask(
        self, publisher: Publisher, remap_id: uuid.UUID, numbers: Sequence[str], up_to: str
    ) -> None:
        """Ask for these numbers, and remember how far that is."""
        value = orjson.dumps({"remap_id": str(remap_id), "to": self._to})
        asked = [request(Request.REMAP, number, str(remap_id), value) for number in numbers]
        await publisher.publish(asked)
        await self._pool.execute(ASKED_UP_TO, remap_id, up_to, len(asked))


async def look_at(
    db: Connection, numbers: Sequence[str], meanings: StatusMap, effect: Effect
) -> list[str]:
    """Add what reading these numbers again changes to the effect; the numbers that it changes."""
    ground = await ground_of(db, set(numbers), set(), meanings, LOOKING)
    readings = await read_again(db, ground, numbers, meanings)
    events: dict[str, list[ShipmentStatusChanged]] = {}
    if readings.of:
        met = meet(ground, (), (), (), NOBODY_WAITS)
        for booking, parcel, _cause in met.folded:
            before, was = unpacked_state(booking), booking.flags
            booking.flags = flags_of(parcel, booking.promise, by_clock(was))
            same = visible(before) == visible(parcel) and booking.flags == was
            if same or booking.reference in effect.references:
                continue
            told = status_changed(
                booking, parcel, next_version(booking.version), readings.about(booking)
            )
            events.setdefault(told.order_id, []).append(told)
            _note(effect, told, before.status)
    effect.numbers += len(readings.of)
    effect.events += len(readings.rows)
    effect.orders |= events.keys()
    effect.months |= await months_of(db, events)
    return [name for name in numbers if name in readings.of]


def _note(effect: Effect, told: ShipmentStatusChanged, was: str) -> None:
    effect.references.add(told.reference)
    effect.states[str(was), str(told.status)] += 1
    if len(effect.parcels) < MOST_SHOWN:
        effect.parcels.append(
            {
                "order_id": told.order_id,
                "parcel_id": told.parcel_id,
                "reference": told.reference,
                "from": str(was),
                "to": str(told.status),
            }
        )


async def months_of(
    db: Connection, events: Mapping[str, Sequence[ShipmentStatusChanged]]
) -> set[str]:
    """The months whose figures these events move, worked out as the metrics stage does."""
    months: set[str] = set()
    if events:
        for order_id, text in await db.fetch(READ_FACTS, list(events)):
            turned = turn_over(OrderFacts.model_validate_json(text), events[order_id])
            months |= {cell.month for cell in moved(turned.changes)}
    return months
