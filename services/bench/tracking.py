"""How many webhooks one worker of the tracking stage takes, and what one costs it.

The topic is full when the worker starts. Counted is from the first batch it settles until the
checkpoint stands at the end of the topic and every output is in its own topic.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Final, NamedTuple

from schemas.catalogue import (
    SHIPMENT_BOOKED,
    SHIPMENT_STATUS_CHANGED,
    TRACKING_RECEIVED,
    TRACKING_UNMAPPED,
)
from services.bench.filling import Ends, event_record, fill, filling
from services.bench.ground import Standstill
from services.bench.parcels import AGO, EVENTS_A_PARCEL, BenchParcel, lives

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from services.bench.ground import Ground
    from services.bench.progress import Bar
    from services.bench.usage import Usage
    from services.store.pool import Pool

WORKER: Final = "worker-tracking"
POLL_S: Final = 0.1
QUIET_LOOKS: Final = 6
STANDSTILL_S: Final = 60.0
SLOWEST: Final = 500
"""Records a second; whatever is slower than this stands still."""

# How far the stage has read a topic, summed over its partitions.
READ_POSITION: Final = """
SELECT coalesce(sum((offsets -> $1 ->> 'next_offset')::bigint), 0)::bigint
FROM runtime.checkpoints WHERE stage = 'tracking'
"""

# What the stage has told so far: every version of a booking's state, and every unmapped event.
COUNT_TOLD: Final = """
SELECT ((SELECT coalesce(sum(version), 0) FROM tracking.bookings)
      + (SELECT count(*) FROM tracking.events WHERE status = 'unmapped'))::bigint
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """Events and what they took; CPU in microseconds an event."""

    events: int
    seconds: float
    worker_us: float
    database_us: float

    @property
    def events_per_s(self) -> float:
        """Events a second of one worker."""
        return self.events / self.seconds


class Reading(NamedTuple):
    """Where the stage stood at a moment: records read, outputs in their topics, CPU so far."""

    at: float
    position: int
    outputs: int
    worker_s: float
    database_s: float


async def measure_tracking(ground: Ground, events: int) -> Taken:
    """Register bookings, fill the topic, let one worker empty it."""
    parcels = [BenchParcel(number) for number in range(round(events / EVENTS_A_PARCEL))]
    start = datetime.now(UTC) - AGO
    async with watching(ground) as watch, filling(ground.kafka) as producer:
        await fill(producer, SHIPMENT_BOOKED, (event_record(p.booked(start)) for p in parcels))
        ground.start_worker(WORKER, "tracking")
        with ground.bars.bar("bookings registered", len(parcels)) as bar:
            await watch.until_read(SHIPMENT_BOOKED.name, len(parcels), bar)
        ground.stop(WORKER)
        with ground.bars.bar("topic filled", events) as bar:
            filled = await fill(producer, TRACKING_RECEIVED, lives(parcels, start), bar.advance)
        return await watch.take(filled)


@asynccontextmanager
async def watching(ground: Ground) -> AsyncIterator[Watch]:
    """A watch while it lasts."""
    async with await ground.connect() as pool, Ends(ground.kafka) as ends:
        yield Watch(ground, pool, ends)


@dataclass(frozen=True, slots=True)
class Watch:
    """Looks at the stage from outside: its checkpoints, its topics, its process."""

    ground: Ground
    pool: Pool
    ends: Ends

    async def until_read(self, topic: str, count: int, bar: Bar) -> None:
        """Return once the stage has read so many records of a topic."""
        until = monotonic() + STANDSTILL_S + count / SLOWEST
        while (position := await self.position(topic)) < count:
            if monotonic() > until:
                raise Standstill(f"{position} of {count} records of {topic} were read.")
            bar.at(position)
            await asyncio.sleep(POLL_S)

    async def take(self, added: int) -> Taken:
        """Let a fresh worker read `added` webhooks that wait for it, and see what it takes."""
        before = await self.position(TRACKING_RECEIVED.name)
        owed = await self.owed()
        worker = self.ground.start_worker(WORKER, "tracking")
        readings = await self.readings(worker, before, before + added)
        self.ground.stop(WORKER)
        # A fresh worker publishes the last outputs of the one before it again: less may be owed.
        if (now_owed := await self.owed()) > owed:
            raise Standstill(f"{now_owed - owed} outputs are in no topic.")
        # The last looks only showed that nothing more came.
        last = next(r for r in readings if r[1:3] == readings[-1][1:3])
        return between(readings[0], last)

    async def readings(self, worker: Usage, before: int, after: int) -> list[Reading]:
        """Readings from the first batch on, until nothing has moved for some looks at the end."""
        readings: list[Reading] = []
        until = monotonic() + STANDSTILL_S + (after - before) / SLOWEST
        with self.ground.bars.bar("webhooks taken", after - before) as bar:
            while not at_rest(readings, after):
                reading = await self.read(worker)
                if reading.position > before:
                    readings.append(reading)
                if monotonic() > until:
                    raise Standstill(f"Webhooks were read up to {reading.position} of {after}.")
                bar.at(reading.position - before)
                self.ground.look()
                self.ground.require_running()
                await asyncio.sleep(POLL_S)
        return readings

    async def read(self, worker: Usage) -> Reading:
        """Where the stage stands now."""
        position = await self.position(TRACKING_RECEIVED.name)
        outputs = await self.outputs()
        return Reading(monotonic(), position, outputs, worker.cpu_s(), self.ground.database_cpu_s())

    async def position(self, topic: str) -> int:
        """How far the stage has read a topic, all partitions together."""
        found: int = await self.pool.fetchval(READ_POSITION, topic)
        return found

    async def outputs(self) -> int:
        """Records in the topics the stage writes to."""
        topics = (SHIPMENT_STATUS_CHANGED, TRACKING_UNMAPPED)
        return sum([await self.ends.of(topic) for topic in topics])

    async def owed(self) -> int:
        """How many outputs more there should be than there are."""
        told: int = await self.pool.fetchval(COUNT_TOLD)
        return told - await self.outputs()


def at_rest(readings: Sequence[Reading], end: int) -> bool:
    """Whether everything is read and no output has come for some looks."""
    looks = [reading for reading in readings if reading.position >= end]
    return len(looks) >= QUIET_LOOKS and looks[-1].outputs == looks[-QUIET_LOOKS].outputs


def between(first: Reading, last: Reading) -> Taken:
    """What happened between two readings."""
    events = last.position - first.position
    if events <= 0:
        raise Standstill("Everything was read before the first look: measure more events.")
    return Taken(
        events=events,
        seconds=last.at - first.at,
        worker_us=(last.worker_s - first.worker_s) / events * 1e6,
        database_us=(last.database_s - first.database_s) / events * 1e6,
    )
