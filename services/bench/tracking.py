"""How many webhooks one worker of the tracking stage takes, and what one costs it.

The topic is full when the worker starts. Counted is from the first batch it settles until the
checkpoint stands at the end of the topic and every output is in its own topic.
"""

from __future__ import annotations

import asyncio
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
    from services.bench.ground import Ground
    from services.bench.progress import Bar
    from services.bench.usage import Usage
    from services.store.pool import Pool

POLL_S: Final = 0.1
STANDSTILL_S: Final = 60.0

# How far the stage has read a topic, summed over its partitions.
READ_POSITION: Final = """
SELECT coalesce(sum((offsets -> $1 ->> 'next_offset')::bigint), 0)::bigint
FROM runtime.checkpoints WHERE stage = 'tracking'
"""

# What the stage has told so far: every version of a booking's state, and every unmapped event.
COUNT_TOLD: Final = """
SELECT (SELECT coalesce(sum(version), 0) FROM tracking.bookings)::bigint AS states,
       (SELECT count(*) FROM tracking.events WHERE status = 'unmapped') AS unmapped
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
    """Where the stage stood at a moment."""

    at: float
    position: int
    worker_s: float
    database_s: float


async def measure_tracking(ground: Ground, events: int) -> Taken:
    """Register bookings, fill the topic, let one worker empty it."""
    parcels = [BenchParcel(number) for number in range(round(events / EVENTS_A_PARCEL))]
    start = datetime.now(UTC) - AGO
    pool = await ground.connect()
    async with pool, Ends(ground.kafka) as ends, filling(ground.kafka) as producer:
        await fill(producer, SHIPMENT_BOOKED, (event_record(p.booked(start)) for p in parcels))
        ground.start_worker("worker-tracking", "tracking")
        with ground.bars.bar("bookings registered", len(parcels)) as bar:
            await until_read(pool, SHIPMENT_BOOKED.name, len(parcels), bar)
        ground.stop("worker-tracking")
        with ground.bars.bar("topic filled", events) as bar:
            filled = await fill(producer, TRACKING_RECEIVED, lives(parcels, start), bar.advance)
        worker = ground.start_worker("worker-tracking", "tracking")
        taken = await take(ground, worker, pool, ends, filled)
        ground.stop("worker-tracking")
    return taken


async def take(ground: Ground, worker: Usage, pool: Pool, ends: Ends, filled: int) -> Taken:
    """Watch a worker that was just started until it has taken `filled` records in all."""
    began: Reading | None = None
    before = await pool.fetchval(READ_POSITION, TRACKING_RECEIVED.name)
    with ground.bars.bar("webhooks taken", filled) as bar:
        while True:
            reading = await read(ground, worker, pool)
            bar.at(reading.position)
            if began is None and reading.position > before:
                began = reading
            if reading.position >= filled and await everything_told(pool, ends):
                break
            if began and monotonic() - began.at > STANDSTILL_S + filled / 500:
                raise Standstill(f"{reading.position} of {filled} records after a long time")
            await asyncio.sleep(POLL_S)
            ground.look()
    last = await read(ground, worker, pool)
    if began is None:
        raise Standstill("everything was read before the first look: measure more events")
    return between(began, last)


def between(began: Reading, last: Reading) -> Taken:
    """What happened between two readings."""
    events = last.position - began.position
    return Taken(
        events=events,
        seconds=last.at - began.at,
        worker_us=(last.worker_s - began.worker_s) / events * 1e6,
        database_us=(last.database_s - began.database_s) / events * 1e6,
    )


async def read(ground: Ground, worker: Usage, pool: Pool) -> Reading:
    """Where the stage stands now."""
    position = await pool.fetchval(READ_POSITION, TRACKING_RECEIVED.name)
    return Reading(monotonic(), position, worker.cpu_s(), ground.database_cpu_s())


async def everything_told(pool: Pool, ends: Ends) -> bool:
    """Whether every output that was stored is in its topic."""
    told = await pool.fetchrow(COUNT_TOLD)
    states, unmapped = await ends.of(SHIPMENT_STATUS_CHANGED), await ends.of(TRACKING_UNMAPPED)
    return told is not None and states >= told["states"] and unmapped >= told["unmapped"]


async def until_read(pool: Pool, topic: str, count: int, bar: Bar) -> None:
    """Return once the stage has read so many records of a topic."""
    until = monotonic() + STANDSTILL_S + count / 500
    while (position := await pool.fetchval(READ_POSITION, topic)) < count:
        if monotonic() > until:
            raise Standstill(f"{position} of {count} records of {topic} were read")
        bar.at(position)
        await asyncio.sleep(POLL_S)
