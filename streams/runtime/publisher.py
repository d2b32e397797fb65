"""Publish ready-made partition batches with an idempotent producer of our own.

FAUST.md has the figures: `send_batch` is three times as fast as `send`, and Faust's own producer
is neither idempotent nor does its `flush` report a failure.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from typing import TYPE_CHECKING, Final

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from streams.runtime.failures import PublishFailed
from streams.runtime.partitions import partition_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.runtime.outgoing import Outgoing

log = structlog.get_logger()

BUILDER_BYTES: Final = 512 * 1024
PUBLISH_TIMEOUT_S: Final = 20.0
CLOSE_TIMEOUT_S: Final = 5.0


class KafkaPublisher:
    """The publisher port on Kafka: `acks=all`, in order for each partition.

    After any failure the producer is thrown away: an idempotent producer that lost a batch has a
    gap in its sequence, and sending everything again is always right.
    """

    def __init__(self, bootstrap_servers: str, client_id: str) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._client_id = client_id
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._closing: set[asyncio.Task[None]] = set()

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """The port: see `ports.Publisher`."""
        if not records:
            return
        producer = None
        try:
            async with asyncio.timeout(PUBLISH_TIMEOUT_S):
                producer = await self._started()
                parts = await self._by_partition(producer, records)
                async with asyncio.TaskGroup() as group:
                    for (topic, partition), part in parts.items():
                        group.create_task(_send(producer, topic, partition, part))
        except* Exception as errors:
            self._throw_away(producer)
            first = errors.exceptions[0]
            log.warning("publish_failed", records=len(records), error=type(first).__name__)
            raise PublishFailed(type(first).__name__) from errors

    async def close(self) -> None:
        """Let go of the broker; what is under way is finished first, for some seconds."""
        self._throw_away(self._producer)
        if self._closing:
            await asyncio.wait(self._closing)

    async def _started(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    bootstrap_servers=self._bootstrap_servers,
                    client_id=self._client_id,
                    enable_idempotence=True,
                    acks="all",
                    max_batch_size=BUILDER_BYTES,
                    linger_ms=0,
                    request_timeout_ms=10_000,
                    retry_backoff_ms=50,
                )
                await _start(producer)
                self._producer = producer
            return self._producer

    async def _by_partition(
        self, producer: AIOKafkaProducer, records: Sequence[Outgoing]
    ) -> dict[tuple[str, int], list[Outgoing]]:
        counts = {
            topic: len(await producer.partitions_for(topic))
            for topic in {record.topic for record in records}
        }
        parts: dict[tuple[str, int], list[Outgoing]] = defaultdict(list)
        for record in records:
            partition = record.partition
            if partition is None:
                partition = partition_of(record.key or b"", counts[record.topic])
            parts[record.topic, partition].append(record)
        return parts

    def _throw_away(self, producer: AIOKafkaProducer | None) -> None:
        if producer is None or producer is not self._producer:
            return
        self._producer = None
        task = asyncio.create_task(_stop(producer))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


async def _start(producer: AIOKafkaProducer) -> None:
    try:
        await producer.start()
    except BaseException:
        await _stop(producer)
        raise


async def _stop(producer: AIOKafkaProducer) -> None:
    with contextlib.suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(CLOSE_TIMEOUT_S):
            await producer.stop()


async def _send(
    producer: AIOKafkaProducer, topic: str, partition: int, records: Sequence[Outgoing]
) -> None:
    """Send one partition's records in order, in builders that roll over when they are full."""
    deliveries = []
    builder = producer.create_batch()
    for record in records:
        if _appended(builder, record):
            continue
        deliveries.append(await producer.send_batch(builder, topic, partition=partition))
        builder = producer.create_batch()
        if not _appended(builder, record):
            raise KafkaError(f"{topic}: a record of {record.size} bytes fits no batch")
    deliveries.append(await producer.send_batch(builder, topic, partition=partition))
    await asyncio.gather(*deliveries)


def _appended(builder: object, record: Outgoing) -> bool:
    appended = builder.append(  # type: ignore[attr-defined]
        key=record.key, value=record.value, timestamp=None, headers=list(record.headers)
    )
    return appended is not None
