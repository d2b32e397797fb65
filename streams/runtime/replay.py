"""Dead letters after the fact: look at one, or send them to their topic again."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.runtime.dead_letters import ERRORS, replayed
from streams.runtime.kafka_log import as_record

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from datetime import datetime

    import asyncpg

    from streams.runtime.ports import Pool, Publisher
    from streams.runtime.stage import Record

# What is in the index, newest first; every filter may be absent.
FIND_LETTERS = """
    SELECT stage, topic, partition, "offset", code, reason, at, replayed_at
      FROM runtime.dead_letters
     WHERE ($1::text IS NULL OR topic = $1) AND ($2::int IS NULL OR partition = $2)
       AND ($3::bigint IS NULL OR "offset" = $3) AND ($4::text IS NULL OR code = $4)
       AND ($5::text IS NULL OR stage = $5) AND ($6 OR replayed_at IS NULL)
     ORDER BY at DESC, topic, partition, "offset"
     LIMIT $7
"""

# Sent again, and delivered: no longer open.
NOTE_REPLAYED = """
    UPDATE runtime.dead_letters d SET replayed_at = $5
      FROM unnest($1::text[], $2::int[], $3::bigint[], $4::text[])
           AS n (topic, partition, "offset", stage)
     WHERE (d.topic, d.partition, d."offset", d.stage)
         = (n.topic, n.partition, n."offset", n.stage)
"""

READ_TIMEOUT_MS: Final = 1000
AT_ONCE: Final = 500
"""Letters sent and noted together."""

Place: TypeAlias = tuple[str, int, int]
"""Where a record died: topic, partition, offset."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters; None means any. `again`: those replayed before, too."""

    topic: str | None = None
    partition: int | None = None
    offset: int | None = None
    code: str | None = None
    stage: str | None = None
    again: bool = False
    limit: int = 100_000


async def find_letters(pool: Pool, wanted: Wanted) -> list[asyncpg.Record]:
    """Rows of the index, newest first."""
    return await pool.fetch(
        FIND_LETTERS,
        wanted.topic,
        wanted.partition,
        wanted.offset,
        wanted.code,
        wanted.stage,
        wanted.again,
        wanted.limit,
    )


async def read_letters(bootstrap: str, rows: Sequence[asyncpg.Record]) -> AsyncIterator[Record]:
    """The letters themselves, oldest first in each partition; those past retention are missing."""
    by_partition: dict[tuple[str, int], set[tuple[int, str]]] = defaultdict(set)
    for row in rows:
        by_partition[row["topic"], row["partition"]].add((row["offset"], row["stage"]))
    if not by_partition:
        return
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, client_id="ocop-dead")
    await consumer.start()
    try:
        for (topic, partition), wanted in sorted(by_partition.items()):
            async for record in _read_all(consumer, f"{topic}.dead", partition):
                if _origin(record) in wanted:
                    yield record
    finally:
        await consumer.stop()


async def replay(
    bootstrap: str,
    pool: Pool,
    publisher: Publisher,
    rows: Sequence[asyncpg.Record],
    now: datetime,
) -> int:
    """Send the letters of these rows again and note it. Returns how many were found and sent.

    Stopped half-way, some are sent and not noted: sending them again is harmless.
    """
    stages = defaultdict(set)
    for row in rows:
        stages[row["topic"], row["partition"], row["offset"]].add(row["stage"])
    found: dict[Place, Record] = {}
    sent = 0
    async for record in read_letters(bootstrap, rows):
        place = (record.header(f"{ERRORS}topic") or "", record.partition, _origin(record)[0])
        found[place] = record
        if len(found) == AT_ONCE:
            sent += await _send(pool, publisher, found, stages, now)
            found.clear()
    return sent + await _send(pool, publisher, found, stages, now)


async def _send(
    pool: Pool,
    publisher: Publisher,
    found: Mapping[Place, Record],
    stages: Mapping[Place, set[str]],
    now: datetime,
) -> int:
    await publisher.publish([replayed(record) for record in found.values()])
    noted = [(*place, stage) for place in found for stage in stages[place]]
    columns = [[row[column] for row in noted] for column in range(4)]
    await pool.execute(NOTE_REPLAYED, *columns, now)
    return len(found)


def _origin(record: Record) -> tuple[int, str]:
    """Offset and stage of a letter's death."""
    offset = record.header(f"{ERRORS}offset") or "-1"
    return int(offset), record.header("ocop_stage") or ""


async def _read_all(
    consumer: AIOKafkaConsumer, topic: str, partition: int
) -> AsyncIterator[Record]:
    tp = TopicPartition(topic, partition)
    consumer.assign([tp])
    start = (await consumer.beginning_offsets([tp]))[tp]
    end = (await consumer.end_offsets([tp]))[tp]
    consumer.seek(tp, start)
    while await consumer.position(tp) < end:
        for records in (await consumer.getmany(tp, timeout_ms=READ_TIMEOUT_MS)).values():
            for record in records:
                yield as_record(record)
        await asyncio.sleep(0)
