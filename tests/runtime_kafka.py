"""The toy bank on a real broker: topics of a test's own, workers in this loop or in processes."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaConsumer

from services.kafka.admin import ensure_topics
from streams.app import Cluster, Setting, StageRunner
from streams.runtime.kafka_log import KafkaLog, as_record
from streams.runtime.outgoing import Outgoing
from streams.runtime.publisher import KafkaPublisher
from streams.runtime.settle import World
from streams.runtime.unit import Limits, State
from tests.runtime_world import now

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from schemas.event import Event
    from services.store.pool import Pool
    from streams.runtime.ports import Settled
    from streams.runtime.stage import Record
    from streams.runtime.unit import Unit
    from tests.runtime_toys import Bank, Ledger


@dataclass
class Running:
    """A worker in this event loop."""

    runner: StageRunner
    task: asyncio.Task[None]
    settled: list[Settled] = field(default_factory=list)

    @property
    def units(self) -> list[Unit]:
        return list(self.runner.units) if self.runner.units else []

    @property
    def numbers(self) -> set[int]:
        """Partition numbers it works on."""
        return {unit.id.partition for unit in self.units if unit.state is not State.OPENING}

    @property
    def parked(self) -> set[int]:
        return {unit.id.partition for unit in self.units if unit.state is State.PARKED}

    async def stop(self) -> None:
        self.runner.stop()
        await asyncio.wait_for(self.task, 30)


@dataclass
class Harbour:
    """A bank with its topics on a broker."""

    bank: Bank
    pool: Pool
    kafka: str
    group: str
    publisher: KafkaPublisher = field(init=False)
    _running: list[Running] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.publisher = KafkaPublisher(self.kafka, "test")

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[Harbour]:
        await ensure_topics(self.kafka, list(self.bank.catalogue.values()))
        try:
            yield self
        finally:
            await asyncio.gather(*(one.stop() for one in self._running if not one.task.done()))
            await self.publisher.close()

    async def send(self, *events: Event) -> None:
        records = [
            Outgoing(event.topic_name, event.key.encode(), event.model_dump_json().encode())
            for event in events
        ]
        await self.send_raw(*records)

    async def send_raw(self, *records: Outgoing) -> None:
        await self.publisher.publish(records)

    def start(self, ledger: Ledger, limits: Limits | None = None) -> Running:
        settled: list[Settled] = []
        world = World(self.pool, self.publisher, now, self.bank.catalogue)
        source = KafkaLog(self.kafka, "test")
        cluster = Cluster(self.kafka, group=self.group)
        setting = Setting(world, source, cluster, settled.append, limits or Limits())
        runner = StageRunner(ledger, setting)
        running = Running(runner, asyncio.create_task(runner.run()), settled)
        self._running.append(running)
        return running

    async def records(self, topic: str) -> list[Record]:
        """Everything a topic holds, by partition and offset."""
        consumer = AIOKafkaConsumer(
            topic, bootstrap_servers=self.kafka, auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            return await _read_all(consumer)
        finally:
            await consumer.stop()

    async def published(self) -> Counter[tuple[str, int]]:
        """How often each (account, version) is in the log of balance changes."""
        model = self.bank.changed.event
        assert model is not None
        events = [
            model.model_validate_json(record.value or b"")
            for record in await self.records(self.bank.changed.name)
        ]
        return Counter((event.entity, event.version) for event in events)

    async def counted(self) -> dict[str, int]:
        """The checkpoints' sums."""
        row = await self.pool.fetchrow(
            "SELECT coalesce(sum(applied), 0)::int AS applied, coalesce(sum(duplicate), 0)::int"
            " AS duplicate, coalesce(sum(dead), 0)::int AS dead, coalesce(sum(holes), 0)::int AS"
            " holes, coalesce(sum(redelivered), 0)::int AS redelivered FROM runtime.checkpoints"
        )
        assert row is not None
        return dict(row)

    async def until_counted(self, records: int, within_s: float = 40.0) -> dict[str, int]:
        """Wait until so many records are settled in any way; returns the sums."""
        started = monotonic()
        while True:
            sums = await self.counted()
            done = sum(sums[name] for name in ("applied", "duplicate", "dead"))
            if done >= records:
                return sums
            assert monotonic() - started < within_s, f"only {done} of {records} settled: {sums}"
            await asyncio.sleep(0.05)


async def _read_all(consumer: AIOKafkaConsumer) -> list[Record]:
    tps = sorted(consumer.assignment())
    ends = await consumer.end_offsets(tps)
    found: list[Record] = []
    while any([await consumer.position(tp) < ends[tp] for tp in tps]):
        for records in (await consumer.getmany(timeout_ms=200)).values():
            found += [as_record(record) for record in records]
    return sorted(found, key=lambda record: (record.partition, record.offset))


async def until(condition: Callable[[], bool], within_s: float = 20.0) -> None:
    """Wait for something that happens in this loop."""
    started = monotonic()
    while not condition():
        assert monotonic() - started < within_s, "it did not happen in time"
        await asyncio.sleep(0.02)


def versions(published: Sequence[tuple[str, int]] | Counter[tuple[str, int]]) -> set[int]:
    return {version for _, version in published}
