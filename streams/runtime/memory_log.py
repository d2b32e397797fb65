"""Topics in memory, with Kafka's offsets, partitions and append time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.topics import PARTITIONS
from streams.runtime.partitions import partition_of
from streams.runtime.ports import LogEnds
from streams.runtime.stage import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.topics import Topic
    from streams.runtime.outgoing import Outgoing
    from streams.runtime.ports import Clock


class MemoryLog:
    """Every topic is there as soon as it is named; its partition count is the catalogue's."""

    def __init__(self, catalogue: Mapping[str, Topic], clock: Clock) -> None:
        self._catalogue = catalogue
        self._clock = clock
        self._partitions: dict[tuple[str, int], list[Record]] = {}
        self._topics: dict[str, list[Record]] = {}

    def partitions(self, topic: str) -> int:
        """How many partitions a topic has; a dead-letter topic has as many as its topic."""
        known = self._catalogue.get(topic.removesuffix(".dead"))
        return known.partitions if known else PARTITIONS

    def append(self, record: Outgoing) -> Record:
        """Add one record at the end of the partition its key belongs to."""
        partition = record.partition
        if partition is None:
            partition = partition_of(record.key or b"", self.partitions(record.topic))
        log = self._partitions.setdefault((record.topic, partition), [])
        timestamp_ms = int(self._clock().timestamp() * 1000)
        appended = Record(
            record.topic,
            partition,
            len(log),
            timestamp_ms,
            record.key,
            record.value,
            tuple(record.headers),
        )
        log.append(appended)
        self._topics.setdefault(record.topic, []).append(appended)
        return appended

    def read(self, topic: str, partition: int, offset: int, limit: int) -> list[Record]:
        """At most `limit` records from `offset` on."""
        return self._partitions.get((topic, partition), [])[offset : offset + limit]

    def length(self, topic: str, partition: int) -> int:
        """How many records the partition holds."""
        return len(self._partitions.get((topic, partition), ()))

    def records(self, topic: str) -> list[Record]:
        """Every record of a topic in the order of appending, over all partitions."""
        return list(self._topics.get(topic, ()))

    async def ends(self, partition: int, topics: Mapping[str, int | None]) -> dict[str, LogEnds]:
        """The log port: see `ports.Log`."""
        return {
            topic: LogEnds(0, self.length(topic, partition), self._before(topic, partition, offset))
            for topic, offset in topics.items()
        }

    def _before(self, topic: str, partition: int, offset: int | None) -> Record | None:
        if not offset:
            return None
        found = self.read(topic, partition, offset - 1, 1)
        return found[0] if found else None
