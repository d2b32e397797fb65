"""Reading every record of a topic once, up to where it ended when we looked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, Self

from aiokafka import AIOKafkaConsumer, TopicPartition

from services.kafka.admin import admin_client, partition_counts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
    from types import TracebackType

FETCH_BYTES: Final = 4 * 1024 * 1024


class LogRecord(Protocol):
    """One record, as aiokafka and the in-memory log give it."""

    @property
    def topic(self) -> str:
        """Where it is."""

    @property
    def partition(self) -> int:
        """Where it is."""

    @property
    def offset(self) -> int:
        """Where it is."""

    @property
    def key(self) -> bytes | None:
        """What keeps it in order."""

    @property
    def value(self) -> bytes | None:
        """What it says."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]:
        """What is said about it."""


class Log(Protocol):
    """The topics, read from outside any group."""

    async def ends(self, topics: Iterable[str]) -> Mapping[tuple[str, int], tuple[int, int]]:
        """First and next offset by topic and partition; topics that do not exist are left out."""

    def read(
        self, ends: Mapping[tuple[str, int], tuple[int, int]]
    ) -> AsyncIterator[Sequence[LogRecord]]:
        """Every record between those offsets, in runs of one partition each."""


class KafkaTopics:
    """The log on Kafka: `async with KafkaTopics(servers) as log`. Reads what is committed."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap_servers,
            group_id=None,
            auto_offset_reset="none",
            enable_auto_commit=False,
            isolation_level="read_committed",
            max_partition_fetch_bytes=FETCH_BYTES,
        )

    async def __aenter__(self) -> Self:
        """Connect."""
        await self._consumer.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Disconnect."""
        await self._consumer.stop()

    async def ends(self, topics: Iterable[str]) -> dict[tuple[str, int], tuple[int, int]]:
        """The port: see `Log`."""
        async with admin_client(self._bootstrap_servers) as admin:
            known = await partition_counts(admin)
        tps = [
            TopicPartition(topic, partition)
            for topic in topics
            for partition in range(known.get(topic, 0))
        ]
        starts = await self._consumer.beginning_offsets(tps)
        ends = await self._consumer.end_offsets(tps)
        return {(tp.topic, tp.partition): (starts[tp], ends[tp]) for tp in tps}

    async def read(
        self, ends: Mapping[tuple[str, int], tuple[int, int]]
    ) -> AsyncIterator[Sequence[LogRecord]]:
        """The port: see `Log`."""
        until = {TopicPartition(*at): end for at, (start, end) in ends.items() if start < end}
        self._consumer.assign(list(until))
        for tp in until:
            self._consumer.seek(tp, ends[tp.topic, tp.partition][0])
        while until:
            for tp, records in (await self._consumer.getmany(timeout_ms=200)).items():
                if tp in until:
                    yield [record for record in records if record.offset < until[tp]]
            # Transaction markers and compaction leave offsets without a record: ask for positions.
            for tp in [tp for tp in until if await self._consumer.position(tp) >= until[tp]]:
                del until[tp]
                self._consumer.pause(tp)
