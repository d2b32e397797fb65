"""Ask Kafka about a log at an assignment: its ends, and one record read again."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.runtime.failures import LogUnavailable
from streams.runtime.ports import LogEnds
from streams.runtime.stage import Record

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

    from aiokafka.structs import ConsumerRecord

CHUNK: Final = 24
"""Partitions looked at in one go: bounds the memory of the records that come along."""

FETCH_BYTES: Final = 1024 * 1024
ANSWER_TIMEOUT_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class _Question:
    partition: int
    topics: Mapping[str, int | None]
    answer: asyncio.Future[dict[str, LogEnds]]

    @property
    def wanted(self) -> dict[TopicPartition, int | None]:
        return {TopicPartition(name, self.partition): at for name, at in self.topics.items()}


class KafkaLog:
    """The log port on Kafka, shared by all units of a worker: questions that meet are asked as one.

    Its consumer belongs to no group. Raises LogUnavailable; the next question starts anew.
    """

    def __init__(self, bootstrap_servers: str, client_id: str) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._client_id = client_id
        self._questions: list[_Question] = []
        self._answering: asyncio.Task[None] | None = None

    async def ends(self, partition: int, topics: Mapping[str, int | None]) -> dict[str, LogEnds]:
        """The port: see `ports.Log`."""
        question = _Question(partition, topics, asyncio.get_running_loop().create_future())
        self._questions.append(question)
        if self._answering is None or self._answering.done():
            self._answering = asyncio.create_task(self._answer_all())
        return await question.answer

    async def _answer_all(self) -> None:
        while self._questions:
            try:
                async with self._consumer() as consumer:
                    while self._questions:
                        await self._answer_next(consumer)
            except Exception as error:  # noqa: BLE001 (handed to whoever asked)
                asked, self._questions = self._questions, []
                _refuse(asked, error)

    async def _answer_next(self, consumer: AIOKafkaConsumer) -> None:
        asked, self._questions = self._questions, []
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                await _answer(consumer, asked)
        except Exception as error:
            _refuse(asked, error)
            raise

    @contextlib.asynccontextmanager
    async def _consumer(self) -> AsyncIterator[AIOKafkaConsumer]:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap_servers,
            client_id=self._client_id,
            group_id=None,
            auto_offset_reset="none",
            isolation_level="read_committed",
            max_partition_fetch_bytes=FETCH_BYTES,
        )
        try:
            await consumer.start()
            yield consumer
        finally:
            await consumer.stop()


def _refuse(asked: Sequence[_Question], error: Exception) -> None:
    for question in asked:
        if not question.answer.done():
            question.answer.set_exception(LogUnavailable(type(error).__name__))


async def _answer(consumer: AIOKafkaConsumer, asked: Sequence[_Question]) -> None:
    tps = list({tp for question in asked for tp in question.wanted})
    starts = await consumer.beginning_offsets(tps)
    ends = await consumer.end_offsets(tps)
    readable = {
        (tp, at - 1)
        for question in asked
        for tp, at in question.wanted.items()
        if at is not None and starts[tp] < at <= ends[tp]
    }
    found: dict[tuple[TopicPartition, int], Record] = {}
    for wanted in _rounds(readable):
        found |= await _read_one_each(consumer, wanted)
    for question in asked:
        if not question.answer.done():
            question.answer.set_result(
                {
                    tp.topic: LogEnds(starts[tp], ends[tp], found.get((tp, (at or 0) - 1)))
                    for tp, at in question.wanted.items()
                }
            )


def _rounds(readable: Iterable[tuple[TopicPartition, int]]) -> list[dict[TopicPartition, int]]:
    """Offsets to read in one go. A log is read at one offset a round: stages stand elsewhere in it."""
    rounds: list[dict[TopicPartition, int]] = []
    for tp, offset in sorted(readable):
        free = (one for one in rounds if tp not in one and len(one) < CHUNK)
        fitting = next(free, None)
        if fitting is None:
            rounds.append({tp: offset})
        else:
            fitting[tp] = offset
    return rounds


async def _read_one_each(
    consumer: AIOKafkaConsumer, wanted: Mapping[TopicPartition, int]
) -> dict[tuple[TopicPartition, int], Record]:
    """The record at exactly that offset, where there is one."""
    consumer.assign(list(wanted))
    for tp, offset in wanted.items():
        consumer.seek(tp, offset)
    waiting = set(wanted)
    found: dict[tuple[TopicPartition, int], Record] = {}
    while waiting:
        fetched = await consumer.getmany(*waiting, timeout_ms=500)
        for tp, records in fetched.items():
            waiting.discard(tp)
            consumer.pause(tp)
            if records[0].offset == wanted[tp]:
                found[tp, wanted[tp]] = as_record(records[0])
    return found


def as_record(read: ConsumerRecord[bytes | None, bytes | None]) -> Record:
    """Aiokafka's record as a stage sees it."""
    return Record(
        read.topic,
        read.partition,
        read.offset,
        read.timestamp,
        read.key,
        read.value,
        tuple(read.headers),
    )
