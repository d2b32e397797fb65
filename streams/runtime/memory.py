"""The whole flow in one process, without Kafka: topics in memory, PostgreSQL real.

    clock = ManualClock(datetime(2026, 10, 1, tzinfo=UTC))
    pipeline = Pipeline([Intake(…), Routing(…)], pool, clock)
    await pipeline.send("order.received.v1", "postmart:PM-1", body, headers)
    await pipeline.run_until_idle()
    placed = pipeline.events("order.placed.v1")

The stages, the batch core and the SQL are those of production; only the log is a double, and it
sits the same exam as Kafka (tests/contract).
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from schemas.catalogue import TOPICS_BY_NAME
from streams.runtime.batches import decoded_run
from streams.runtime.dead_share import LIMIT, DeadShare
from streams.runtime.memory_log import MemoryLog
from streams.runtime.opening import open_unit
from streams.runtime.outgoing import Outgoing, cloud_event_headers
from streams.runtime.persevere import settle_all
from streams.runtime.settle import Settler, World

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime, timedelta

    from schemas.event import Event
    from schemas.topics import Topic
    from streams.runtime.batches import Run
    from streams.runtime.ports import Clock, Pool, Settled
    from streams.runtime.stage import Dead, Record, Stage

MAX_RECORDS: Final = 2_000


class ManualClock:
    """A clock that stands still until it is told to move."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        """The time it was set to."""
        return self.now

    def advance(self, by: timedelta) -> None:
        """Move on."""
        self.now += by


class StageBroke(Exception):
    """A stage raised; in production the record would be in its dead-letter topic."""


@dataclass(frozen=True, slots=True)
class Disorder:
    """How a log may misbehave, as shares of records (0 to 1), repeatable by `seed`.

    `duplicated`: appended twice, under two offsets. `late`: appended after others that came later.
    `redelivered`: batches given again after they were settled. `cut`: batches end anywhere.
    """

    seed: int
    duplicated: float = 0.0
    late: float = 0.0
    redelivered: float = 0.0
    cut: bool = False


ORDERLY: Final = Disorder(seed=0)


@dataclass(slots=True)
class _Reader:
    """One unit and how far it has read."""

    settler: Settler
    positions: dict[str, int] = field(default_factory=dict)


class Pipeline:
    """Stages on an in-memory log. Deterministic: same input, clock and seed, same batches.

    `strict`: a stage that raises fails the run instead of burying the record.
    """

    def __init__(
        self,
        stages: Iterable[Stage],
        pool: Pool,
        clock: Clock,
        *,
        catalogue: Mapping[str, Topic] = TOPICS_BY_NAME,
        disorder: Disorder = ORDERLY,
        dead_limit: float = LIMIT,
        max_records: int = MAX_RECORDS,
        strict: bool = True,
    ) -> None:
        self.log = MemoryLog(catalogue, clock)
        self.settled: list[Settled] = []
        self._stages = {stage.name: stage for stage in stages}
        self._world = World(pool, self, clock, catalogue)
        self._disorder = disorder
        self._chance = random.Random(disorder.seed)  # noqa: S311 (repeatable chance, no secret)
        self._shares = {name: DeadShare(limit=dead_limit) for name in self._stages}
        self._max_records = max_records
        self._strict = strict
        self._late: list[Outgoing] = []
        self._readers: dict[tuple[str, int], _Reader] = {}

    async def send(
        self,
        topic: str,
        key: str | None,
        value: bytes,
        headers: Iterable[tuple[str, bytes]] = (),
    ) -> None:
        """Append one raw record."""
        encoded = None if key is None else key.encode()
        await self.publish([Outgoing(topic, encoded, value, tuple(headers))])

    async def send_event(self, event: Event, source: str = "test") -> None:
        """Append an event as another stage would publish it."""
        headers = cloud_event_headers(event, source)
        value = event.model_dump_json().encode()
        await self.send(event.topic_name, event.key, value, headers)

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """The publisher port of its own stages, disorder included."""
        for record in records:
            copies = 2 if self._chance.random() < self._disorder.duplicated else 1
            for _ in range(copies):
                late = self._chance.random() < self._disorder.late
                await self._append_or_keep(record, late=late)

    async def run_until_idle(self) -> None:
        """Let every stage work until none has anything left to read."""
        while await self._round() or self._release_late():
            pass

    def restart(self) -> None:
        """Forget everything a worker keeps in memory, as if all of them were killed."""
        self._readers.clear()

    def events(self, topic: str) -> list[Event]:
        """Every event of a topic, in the order they were appended, repeats included."""
        model = self._world.catalogue[topic].event
        if model is None:
            raise TypeError(f"{topic} carries raw bytes: use records()")
        return [model.model_validate_json(record.value or b"") for record in self.records(topic)]

    def records(self, topic: str) -> list[Record]:
        """Every record of a topic (`<topic>.dead` too), in the order they were appended."""
        return self.log.records(topic)

    @property
    def dead(self) -> list[Dead]:
        """Everything that was buried, in order."""
        return [one for settled in self.settled for one in settled.dead]

    async def _append_or_keep(self, record: Outgoing, *, late: bool) -> None:
        if late:
            self._late.append(record)
        else:
            self.log.append(record)

    def _release_late(self) -> bool:
        late, self._late = self._late, []
        self._chance.shuffle(late)
        for record in late:
            self.log.append(record)
        return bool(late)

    async def _round(self) -> bool:
        units = [
            (stage, partition)
            for stage in self._stages.values()
            for partition in range(self.log.partitions(stage.inputs[0].name))
        ]
        if self._disorder is not ORDERLY:
            self._chance.shuffle(units)
        return any([await self._step(stage, partition) for stage, partition in units])

    async def _step(self, stage: Stage, partition: int) -> bool:
        """One batch of one unit; False if there was nothing to read."""
        if not any(self.log.length(topic.name, partition) for topic in stage.inputs):
            return False
        reader = await self._reader(stage, partition)
        runs = self._read(reader, stage, partition)
        if not runs:
            return False
        for topic, offset in (await settle_all(reader.settler, runs, self._observe)).items():
            reader.settler.sought_back(topic, offset)
            reader.positions[topic] = offset
        if self._chance.random() < self._disorder.redelivered:
            reader.positions |= {run.topic: run.begins for run in runs}
        return True

    async def _reader(self, stage: Stage, partition: int) -> _Reader:
        found = self._readers.get((stage.name, partition))
        if found is None:
            found = _Reader(Settler(stage, partition, self._world, self._shares[stage.name]))
            found.positions = await open_unit(found.settler, self.log)
            self._readers[stage.name, partition] = found
        return found

    def _read(self, reader: _Reader, stage: Stage, partition: int) -> list[Run]:
        runs: list[Run] = []
        for topic in stage.inputs:
            limit = self._chance.randint(1, 20) if self._disorder.cut else self._max_records
            position = reader.positions[topic.name]
            records = self.log.read(topic.name, partition, position, limit)
            if records:
                reader.positions[topic.name] = records[-1].offset + 1
                runs.append(decoded_run(records, topic))
        return runs

    def _observe(self, settled: Settled) -> None:
        self.settled.append(settled)
        for dead in settled.dead:
            if self._strict and dead.code == "unhandled":
                raise StageBroke(f"{settled.unit.stage}: {dead.error}\n{dead.stacktrace}")
