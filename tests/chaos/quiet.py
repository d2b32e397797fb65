"""Waiting until nothing is left to do, and saying what is if it takes too long."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from streams.topology import STAGES
from tests.chaos.people import carriers_totals

if TYPE_CHECKING:
    from services.settings import Settings

POLL_S: Final = 1.0
IN_A_ROW: Final = 3
"""So often in a row nothing may be left: one stage's last record may be the next one's first."""

# Orders that are neither finished nor wait for a person. A person is waited for by what is held,
# and by a booking whose carrier cannot be asked and neither confirms nor denies: its answer to the
# booking was lost, and it refuses to book again.
UNFINISHED = """
SELECT order_id, status FROM status.orders
WHERE seller_id IS NOT NULL AND NOT finished AND fulfilment <> 'on_hold'
  AND order_id NOT IN (
      SELECT order_id FROM booking.ops_tasks
      WHERE kind = 'unknown_booking' AND closed_at IS NULL
        AND opened_at < now() - interval '30 seconds')
ORDER BY order_id
"""
# Orders that have a status, and those of a marketplace that we first saw when its own carrier had
# taken them already: there was nothing left to fulfil.
KNOWN = """
SELECT order_id FROM status.orders WHERE status IS NOT NULL
UNION
SELECT concat_ws(':', seen.channel, shop.seller_id, seen.number)
FROM channels.orders seen
JOIN registry.shops shop ON (shop.channel, shop.shop_ref) = (seen.channel, seen.shop)
"""
KNOWN_ORDERS = f"SELECT count(*) FROM ({KNOWN}) AS known"  # noqa: S608 - our own text
CHECKPOINTS = "SELECT stage, partition, offsets::text FROM runtime.checkpoints"
JOBS = """
SELECT count(*) FROM jobs.pgqueuer
WHERE status IN ('queued', 'picked') AND entrypoint NOT LIKE 'quote.%' AND split_part(dedupe_key, ':', 2) NOT IN (
    SELECT reference FROM booking.ops_tasks WHERE kind = 'unknown_booking' AND closed_at IS NULL)
"""


@dataclass(frozen=True, slots=True)
class Rest:
    """What is left to do."""

    unfinished: list[tuple[str, str]]
    behind: dict[str, int]
    jobs: int
    carriers: int
    """Parcels on their way and webhooks not yet answered."""

    @property
    def is_nothing(self) -> bool:
        """Everything has come to its end."""
        return not (self.unfinished or self.behind or self.jobs or self.carriers)


async def all_finished(settings: Settings, orders: int) -> bool:
    """Whether every order has come to its end or is held; False while the database is away."""
    try:
        connection = await asyncpg.connect(settings.database, timeout=5)
    except (OSError, TimeoutError, asyncpg.PostgresError):
        return False
    try:
        known = await connection.fetchval(KNOWN_ORDERS)
        return known >= orders and not await connection.fetch(UNFINISHED)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False
    finally:
        connection.terminate()


async def quiet(settings: Settings, within_s: float) -> Rest:
    """Return once nothing is left, or what is left when the time is over."""
    loop = asyncio.get_running_loop()
    until, in_a_row, left = loop.time() + within_s, 0, None
    while in_a_row < IN_A_ROW and loop.time() < until:
        try:
            left = await rest(settings)
        except (OSError, KafkaError, asyncpg.PostgresError, aiohttp.ClientError) as error:
            left = Rest([("?", repr(error))], {}, 0, 0)
        in_a_row = in_a_row + 1 if left.is_nothing else 0
        await asyncio.sleep(POLL_S)
    assert left is not None
    return left


async def rest(settings: Settings) -> Rest:
    """What is left to do now."""
    connection = await asyncpg.connect(settings.database, timeout=5)
    try:
        unfinished = await connection.fetch(UNFINISHED)
        checkpoints = await connection.fetch(CHECKPOINTS)
        jobs = await connection.fetchval(JOBS)
    finally:
        await connection.close()
    ends = await log_ends(settings.kafka)
    totals = await carriers_totals(settings)
    return Rest(
        unfinished=[(row["order_id"], row["status"]) for row in unfinished],
        behind=behind(checkpoints, ends),
        jobs=jobs,
        carriers=sum(counted["open"] + counted["waiting"] for counted in totals.values()),
    )


def behind(checkpoints: list[Any], ends: dict[tuple[str, int], int]) -> dict[str, int]:
    """Records each stage has not settled; stages without any are left out."""
    settled = {
        (row["stage"], topic, row["partition"]): mark["next_offset"]
        for row in checkpoints
        for topic, mark in json.loads(row["offsets"]).items()
    }
    lag = {
        stage: sum(
            ends[topic.name, partition] - settled.get((stage, topic.name, partition), 0)
            for topic in topics
            for partition in range(topic.partitions)
        )
        for stage, topics in STAGES
    }
    return {stage: records for stage, records in lag.items() if records}


async def log_ends(bootstrap: str) -> dict[tuple[str, int], int]:
    """The end offset of every partition that a stage reads."""
    topics = {topic for _, inputs in STAGES for topic in inputs}
    parts = [TopicPartition(topic.name, n) for topic in topics for n in range(topic.partitions)]
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        ends = await consumer.end_offsets(parts)
    finally:
        await consumer.stop()
    return {(part.topic, part.partition): end for part, end in ends.items()}
