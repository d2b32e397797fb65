"""Every record of every topic, read once everything is quiet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.catalogue import TOPICS, TOPICS_BY_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aiokafka.structs import ConsumerRecord

POLL_MS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One record. `event`: its value as JSON, None in a raw topic."""

    ce_id: str
    entity: str
    value: bytes
    event: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Log:
    """Records by topic, every copy, and where each partition ends."""

    entries: Mapping[str, list[Entry]]
    ends: Mapping[tuple[str, int], int]

    def events(self, topic: str) -> Iterator[dict[str, Any]]:
        """A topic's events, each once, whatever the number of copies."""
        once = {entry.ce_id: entry.event for entry in self.entries[topic]}
        return (event for event in once.values() if event is not None)

    def copies(self) -> int:
        """How many records are further copies of an event."""
        return sum(
            len(entries) - len({entry.ce_id for entry in entries})
            for topic, entries in self.entries.items()
            if TOPICS_BY_NAME[topic].event
        )


async def read_log(bootstrap: str) -> Log:
    """Everything in the topics of the catalogue."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        parts = [TopicPartition(topic.name, n) for topic in TOPICS for n in range(topic.partitions)]
        consumer.assign(parts)
        await consumer.seek_to_beginning(*parts)
        ends = await consumer.end_offsets(parts)
        entries: dict[str, list[Entry]] = {topic.name: [] for topic in TOPICS}
        unread = {part for part in parts if ends[part]}
        while unread:
            for part, records in (await consumer.getmany(timeout_ms=POLL_MS)).items():
                entries[part.topic] += map(_entry, records)
            unread = {part for part in unread if await consumer.position(part) < ends[part]}
    finally:
        await consumer.stop()
    return Log(entries, {(part.topic, part.partition): end for part, end in ends.items()})


def _entry(record: ConsumerRecord[bytes, bytes]) -> Entry:
    headers = {name: value.decode() for name, value in record.headers}
    is_event = TOPICS_BY_NAME[record.topic].event is not None
    value = record.value or b""
    return Entry(
        ce_id=headers["ce_id"],
        entity=headers.get("ce_subject", ""),
        value=value,
        event=orjson.loads(value) if is_event else None,
    )
