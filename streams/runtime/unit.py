"""A unit at work: its queue, its one task, and what becomes of it when something is wrong."""

from __future__ import annotations

import asyncio
import traceback
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from time import monotonic, time
from typing import TYPE_CHECKING

import structlog

from streams.runtime.batches import decoded_run
from streams.runtime.failures import Fatal
from streams.runtime.opening import open_unit
from streams.runtime.persevere import Sleep, insist, settle_all
from streams.runtime.slots import Slot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streams.runtime.ports import Log, Observer
    from streams.runtime.reading import Fetched, Reader
    from streams.runtime.settle import Settler

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Limits:
    """A batch takes whole fetches until it has `batch_records` or `batch_bytes`.

    A topic partition with `queue_records` or `queue_bytes` waiting is paused in the fetcher.
    `gather_s`: how long a unit of a stage lets records gather between two batches; 0 if not named.
    """

    batch_records: int = 1_000
    batch_bytes: int = 4 * 1024 * 1024
    queue_records: int = 2_000
    queue_bytes: int = 2 * 1024 * 1024
    gather_s: Mapping[str, float] = field(default_factory=dict)


class State(StrEnum):
    """What a unit is doing."""

    OPENING = "opening"
    WAITING = "waiting"
    WORKING = "working"
    PARKED = "parked"


class _Queue:
    """Fetches of one topic partition that wait for their batch."""

    def __init__(self) -> None:
        self.fetches: deque[Fetched] = deque()
        self.records = 0
        self.bytes = 0
        self.paused = False
        self.seek_no = 0
        self.next_offset = 0

    def put(self, fetched: Fetched) -> None:
        self.fetches.append(fetched)
        self.records += len(fetched.records)
        self.bytes += _bytes(fetched)

    def take(self) -> Fetched:
        fetched = self.fetches.popleft()
        self.records -= len(fetched.records)
        self.bytes -= _bytes(fetched)
        return fetched

    def clear(self) -> None:
        self.fetches.clear()
        self.records = self.bytes = 0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every unit of a stage in a worker shares. `slots` bounds the batches under way."""

    log: Log
    reader: Reader
    observe: Observer
    slots: asyncio.Semaphore
    limits: Limits = Limits()
    sleep: Sleep = asyncio.sleep


class Unit:
    """Partition p of all topics of a stage, one batch at a time. `run` is its task."""

    def __init__(self, settler: Settler, around: Surroundings) -> None:
        self.settler = settler
        self.id = settler.unit
        self.state = State.OPENING
        self.progressed_at = monotonic()
        self._around = around
        self._queues = {topic: _Queue() for topic in settler.topics}
        self._wake = asyncio.Event()
        self._finishing = False
        self._ending = asyncio.Event()
        self._stale = True

    def offer(self, fetched: Fetched) -> None:
        """Queue a fetch; never waits. Fetches from before the last seek are dropped."""
        queue = self._queues[fetched.topic]
        if fetched.seek_no != queue.seek_no or self.state is State.PARKED:
            return
        queue.put(fetched)
        limits = self._around.limits
        full = queue.records >= limits.queue_records or queue.bytes >= limits.queue_bytes
        if full and not queue.paused:
            queue.paused = True
            self._around.reader.pause(fetched.topic, self.id.partition)
        self._wake.set()

    def look_again(self) -> None:
        """Compare log and checkpoint anew before the next batch, and seek to where it stands."""
        self._stale = True
        self._wake.set()

    def finish(self) -> None:
        """End `run` after the batch in hand."""
        self._finishing = True
        self._ending.set()
        self._wake.set()

    @property
    def idle(self) -> bool:
        """Open, and nothing of it waits or is worked on."""
        waiting = any(queue.fetches for queue in self._queues.values())
        return self.state is State.WAITING and not waiting

    @property
    def next_offsets(self) -> dict[str, int]:
        """How far each topic is settled, as far as this worker knows."""
        return {topic: queue.next_offset for topic, queue in self._queues.items()}

    def lag(self, topic: str) -> tuple[int, float]:
        """Records not settled yet, and the age in seconds of the oldest of them in our hands."""
        queue = self._queues[topic]
        end = self._around.reader.end(topic, self.id.partition)
        records = max(0, (end or 0) - queue.next_offset)
        oldest = queue.fetches[0].records[0].timestamp_ms / 1000 if queue.fetches else None
        if records and oldest is None:
            return records, monotonic() - self.progressed_at
        return records, max(0.0, time() - oldest) if oldest else 0.0

    async def run(self) -> None:
        """Work until told to finish. Whatever goes wrong parks the unit, and nothing else."""
        try:
            while not self._finishing:
                await self._step()
        except Exception as error:  # noqa: BLE001 (the last resort: park, do not die)
            self._park(error)

    async def _step(self) -> None:
        if self._stale:
            await self._open()
        await self._wake.wait()
        if self._finishing or self._stale:
            return
        async with Slot(self._around.slots, self._around.sleep) as slot:
            fetches = self._take()
            if not fetches:
                self._wake.clear()
                return
            self.state = State.WORKING
            await self._settle(fetches, slot)
            self.state = State.WAITING
        await self._gather()

    async def _gather(self) -> None:
        """Nobody waits for this stage: a batch of many records costs hardly more than one of few.

        What is a whole batch already need not gather.
        """
        limits = self._around.limits
        wait_s = limits.gather_s.get(self.id.stage, 0.0)
        waiting = sum(queue.records for queue in self._queues.values())
        if wait_s and waiting < limits.batch_records:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), wait_s)

    async def _open(self) -> None:
        self.state = State.OPENING
        positions = await insist(
            self.id, lambda: open_unit(self.settler, self._around.log), self._around.sleep
        )
        self._stale = False
        for topic, offset in positions.items():
            self._seek(topic, offset)
        self.progressed_at = monotonic()
        self.state = State.WAITING

    def _seek(self, topic: str, offset: int) -> None:
        queue = self._queues[topic]
        queue.clear()
        queue.paused = False
        queue.next_offset = offset
        queue.seek_no = self._around.reader.read_from(topic, self.id.partition, offset)

    def _take(self) -> list[Fetched]:
        """Everything that waits, in whole fetches, up to the limit; topics take turns."""
        limits, taken, records, volume = self._around.limits, [], 0, 0
        waiting = deque(queue for queue in self._queues.values() if queue.fetches)
        while waiting and records < limits.batch_records and volume < limits.batch_bytes:
            queue = waiting.popleft()
            fetched = queue.take()
            taken.append(fetched)
            records += len(fetched.records)
            volume += _bytes(fetched)
            if queue.fetches:
                waiting.append(queue)
        for topic, queue in self._queues.items():
            if queue.paused and not queue.fetches:
                queue.paused = False
                self._around.reader.resume(topic, self.id.partition)
        return taken

    async def _settle(self, fetches: Sequence[Fetched], slot: Slot) -> None:
        topics = self.settler.topics
        runs = [decoded_run(fetched.records, topics[fetched.topic]) for fetched in fetches]
        seek_back = await settle_all(self.settler, runs, self._around.observe, slot.rest)
        self.progressed_at = monotonic()
        for fetched in fetches:
            if fetched.topic not in seek_back:
                queue = self._queues[fetched.topic]
                queue.next_offset = max(queue.next_offset, fetched.ends)
                self._around.reader.settled(fetched.topic, self.id.partition, queue.next_offset)
        for topic, offset in seek_back.items():
            log.warning("gap_refused", topic=topic, partition=self.id.partition, offset=offset)
            self._seek(topic, offset)
            self.settler.sought_back(topic, offset)

    def _park(self, error: Exception) -> None:
        """Stand still, unacked, until a human looks; other units go on."""
        self.state = State.PARKED
        for topic, queue in self._queues.items():
            queue.clear()
            queue.paused = True
            self._around.reader.pause(topic, self.id.partition)
        log.error(
            "unit_parked",
            stage=self.id.stage,
            partition=self.id.partition,
            error=type(error).__qualname__,
            # Other errors' messages may quote a record.
            reason=str(error) if isinstance(error, Fatal) else None,
            trace=traceback.format_tb(error.__traceback__)[-5:],
        )


def _bytes(fetched: Fetched) -> int:
    return sum(len(record.value or b"") for record in fetched.records)
