"""How far each stage is behind its topics, seen from outside: checkpoints against log ends."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from services.store.pool import READER_SESSION, open_pool
from streams.topology import STAGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from services.settings import Settings
    from services.store.pool import Connection

READ_OFFSETS = "SELECT stage, partition, offsets::text AS offsets FROM runtime.checkpoints"

FIRST_WAIT_MS = 2000


class Lag(NamedTuple):
    """`records` not handled yet; `seconds`: how long the oldest of them has been waiting."""

    stage: str
    topic: str
    partition: int
    records: int
    seconds: float


async def measure(settings: Settings) -> list[Lag]:
    """The lag of every stage on every partition of its topics, zeros included."""
    pool = await open_pool(
        settings.database, application_name="ocop-lag", size=1, session=READER_SESSION
    )
    async with pool, pool.acquire() as connection:
        handled = await next_offsets(connection)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        return await lags(consumer, handled)
    finally:
        await consumer.stop()


async def next_offsets(connection: Connection) -> dict[tuple[str, str, int], int]:
    """(stage, topic, partition) → the offset it handles next."""
    return {
        (row["stage"], topic, row["partition"]): read["next_offset"]
        for row in await connection.fetch(READ_OFFSETS)
        for topic, read in orjson.loads(row["offsets"]).items()
    }


async def lags(
    consumer: AIOKafkaConsumer, handled: Mapping[tuple[str, str, int], int]
) -> list[Lag]:
    """Compare what was handled with the ends; a partition never assigned starts at its log start."""
    reads = [
        (stage, TopicPartition(topic.name, partition))
        for stage, inputs in STAGES
        for topic in inputs
        for partition in range(topic.partitions)
    ]
    everything = sorted({tp for _, tp in reads})
    ends = await consumer.end_offsets(everything)
    starts = await consumer.beginning_offsets(everything)
    found = {
        (stage, tp): handled.get((stage, tp.topic, tp.partition), starts[tp]) for stage, tp in reads
    }
    behind = {place: at for place, at in found.items() if ends[place[1]] > at}
    waiting = await ages(consumer, ((tp, max(at, starts[tp])) for (_, tp), at in behind.items()))
    return [
        Lag(
            stage,
            tp.topic,
            tp.partition,
            max(0, ends[tp] - at),
            waiting.get((tp, max(at, starts[tp])), 0.0) if (stage, tp) in behind else 0.0,
        )
        for (stage, tp), at in found.items()
    ]


async def ages(
    consumer: AIOKafkaConsumer, places: Iterable[tuple[TopicPartition, int]]
) -> dict[tuple[TopicPartition, int], float]:
    """How old the record at each place is, in seconds."""
    found: dict[tuple[TopicPartition, int], float] = {}
    for tp, offset in sorted(set(places)):
        consumer.assign([tp])
        consumer.seek(tp, offset)
        batches = await consumer.getmany(timeout_ms=FIRST_WAIT_MS, max_records=1)
        for record in batches.get(tp, ()):
            found[tp, offset] = max(0.0, time.time() - record.timestamp / 1000)
    return found
