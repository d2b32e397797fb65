"""Fill topics with records made beforehand, and see how long the topics are."""

from __future__ import annotations

from collections import defaultdict
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.partitioner import murmur2

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Sequence

    from schemas.event import Event
    from schemas.topics import Topic

BATCH_BYTES: Final = 256 * 1024
AT_ONCE: Final = 5_000
"""Records that are sorted into partitions together."""


class Made(NamedTuple):
    """A record to append."""

    key: bytes
    value: bytes
    headers: Sequence[tuple[str, bytes]]


@asynccontextmanager
async def filling(kafka: str) -> AsyncIterator[AIOKafkaProducer]:
    """A producer for `fill`."""
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka, acks="all", enable_idempotence=True, max_batch_size=BATCH_BYTES
    )
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def fill(
    producer: AIOKafkaProducer,
    topic: Topic,
    records: Iterable[Made],
    told: Callable[[int], object] = lambda _appended: None,
) -> int:
    """Append all records, in order for each partition; `told` hears how many at a time."""
    waiting: dict[int, list[Made]] = defaultdict(list)
    count = total = 0
    for record in records:
        waiting[partition_of(record.key, topic)].append(record)
        count += 1
        if count == AT_ONCE:
            await _append(producer, topic, waiting)
            told(count)
            total, count = total + count, 0
            waiting.clear()
    await _append(producer, topic, waiting)
    told(count)
    return total + count


async def _append(producer: AIOKafkaProducer, topic: Topic, waiting: dict[int, list[Made]]) -> None:
    deliveries = []
    for partition, records in waiting.items():
        builder = producer.create_batch()
        for key, value, headers in records:
            if builder.append(key=key, value=value, timestamp=None, headers=list(headers)) is None:
                deliveries.append(
                    await producer.send_batch(builder, topic.name, partition=partition)
                )
                builder = producer.create_batch()
                builder.append(key=key, value=value, timestamp=None, headers=list(headers))
        deliveries.append(await producer.send_batch(builder, topic.name, partition=partition))
    for delivery in deliveries:
        await delivery


def partition_of(key: bytes, topic: Topic) -> int:
    """Where every Kafka client puts this key."""
    return int(murmur2(key) & 0x7FFF_FFFF) % topic.partitions


def event_record(event: Event) -> Made:
    """An event as a stage of ours publishes it."""
    identity = event.event_id
    headers = (
        ("ce_specversion", b"1.0"),
        ("ce_id", str(identity).encode()),
        ("ce_type", event.topic_name.encode()),
        ("ce_source", b"/ocop/bench"),
        ("ce_time", event.occurred_at.isoformat().encode()),
        ("ce_subject", event.entity.encode()),
        ("content-type", b"application/json"),
        ("traceparent", f"00-{identity.hex}-{identity.hex[:16]}-01".encode()),
    )
    return Made(event.key.encode(), event.model_dump_json().encode(), headers)


class Ends:
    """How many records topics hold; ask again and again."""

    def __init__(self, kafka: str) -> None:
        self._consumer = AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False)

    async def __aenter__(self) -> Self:
        """Connect."""
        await self._consumer.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Disconnect."""
        await self._consumer.stop()

    async def of(self, topic: Topic) -> int:
        """Records ever appended to a topic that nothing has been deleted from."""
        partitions = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
        return sum((await self._consumer.end_offsets(partitions)).values())
