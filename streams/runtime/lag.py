"""How far every stage is behind: checkpoints against the ends of the log."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from schemas.topics import Topic
    from streams.runtime.ports import Log, LogEnds, Pool

READ_OFFSETS = "SELECT stage, partition, offsets::text AS offsets FROM runtime.checkpoints"


@dataclass(frozen=True, slots=True)
class Lag:
    """Records of a topic partition that a stage has not settled, and the age of the oldest."""

    stage: str
    topic: str
    partition: int
    records: int
    seconds: float


async def read_lag(
    pool: Pool, log: Log, stages: Iterable[tuple[str, Sequence[Topic]]], now: datetime
) -> list[Lag]:
    """One row for each stage, topic and partition, in the order of the flow.

    A stage that never ran is behind by everything the log holds. Raises LogUnavailable.
    """
    stages = list(stages)
    # The ends first: what comes in while we look is no lag.
    ends = await _ends(log, {topic.name: topic for _, topics in stages for topic in topics})
    marks = await _marks(pool)
    units = [
        (name, topic.name, partition)
        for name, topics in stages
        for topic in topics
        for partition in range(topic.partitions)
    ]
    return list(await asyncio.gather(*(_lag(log, unit, marks, ends, now) for unit in units)))


async def _marks(pool: Pool) -> dict[tuple[str, str, int], int]:
    return {
        (row["stage"], topic, row["partition"]): mark["next_offset"]
        for row in await pool.fetch(READ_OFFSETS)
        for topic, mark in json.loads(row["offsets"]).items()
    }


async def _ends(log: Log, topics: Mapping[str, Topic]) -> dict[tuple[str, int], LogEnds]:
    partitions = range(max((topic.partitions for topic in topics.values()), default=0))
    answers = await asyncio.gather(
        *(
            log.ends(p, {name: None for name, topic in topics.items() if p < topic.partitions})
            for p in partitions
        )
    )
    return {
        (name, p): ends
        for p, answer in zip(partitions, answers, strict=True)
        for name, ends in answer.items()
    }


async def _lag(
    log: Log,
    unit: tuple[str, str, int],
    marks: Mapping[tuple[str, str, int], int],
    ends: Mapping[tuple[str, int], LogEnds],
    now: datetime,
) -> Lag:
    stage, topic, partition = unit
    held = ends[topic, partition]
    first = max(held.start, marks.get(unit, held.start))
    if held.end <= first:
        return Lag(stage, topic, partition, 0, 0.0)
    # The log tells the record *before* an offset: the oldest not settled is before first + 1.
    oldest = (await log.ends(partition, {topic: first + 1}))[topic].last_read
    age = now.timestamp() - oldest.timestamp_ms / 1000 if oldest else 0.0
    return Lag(stage, topic, partition, held.end - first, round(max(0.0, age), 3))
