"""The end of `feed.appended`, fanned out to the sellers who listen to this process."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from schemas.catalogue import FEED_APPENDED

if TYPE_CHECKING:
    from collections.abc import Iterator

log = structlog.get_logger()

QUEUE_ENTRIES = 1000
RESTART_S = 1.0

Listener = asyncio.Queue[bytes | None]
"""Raw `feed.appended` values; None says that some may be missing: read the table again."""


class FeedTail:
    """One consumer without a group, all partitions, from the end on."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._listeners: dict[bytes, set[Listener]] = {}
        self._task: asyncio.Task[None] | None = None
        self.ready = asyncio.Event()

    def start(self) -> None:
        """Follow the topic in the background."""
        self._task = asyncio.create_task(self._follow(), name="feed-tail")

    async def stop(self) -> None:
        """Stop following."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    @contextmanager
    def listen(self, seller_id: str) -> Iterator[Listener]:
        """Everything appended for the seller from now on."""
        listener: Listener = asyncio.Queue(QUEUE_ENTRIES)
        key = seller_id.encode()
        self._listeners.setdefault(key, set()).add(listener)
        try:
            yield listener
        finally:
            listeners = self._listeners[key]
            listeners.discard(listener)
            if not listeners:
                del self._listeners[key]

    async def _follow(self) -> None:
        while True:
            try:
                await self._consume()
            except (KafkaError, OSError) as error:
                log.warning("feed_tail_broke", error=type(error).__name__)
            self.ready.clear()
            await asyncio.sleep(RESTART_S)

    async def _consume(self) -> None:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap_servers,
            enable_auto_commit=False,
            isolation_level="read_committed",
            auto_offset_reset="latest",
            fetch_max_wait_ms=100,
        )
        await consumer.start()
        try:
            everything = [
                TopicPartition(FEED_APPENDED.name, number)
                for number in range(FEED_APPENDED.partitions)
            ]
            consumer.assign(everything)
            await consumer.seek_to_end(*everything)
            self._tell_all_to_read_again()
            self.ready.set()
            while True:
                for records in (await consumer.getmany(timeout_ms=1000)).values():
                    for record in records:
                        self._hand_out(record.key, record.value)
        finally:
            await consumer.stop()

    def _tell_all_to_read_again(self) -> None:
        for listeners in self._listeners.values():
            for listener in listeners:
                offer(listener, None)

    def _hand_out(self, key: bytes | None, value: bytes | None) -> None:
        for listener in self._listeners.get(key or b"", ()):
            offer(listener, value)


def offer(listener: Listener, value: bytes | None) -> None:
    """Hand on without waiting; a listener that is too slow is told to read the table instead."""
    if listener.full():
        while not listener.empty():
            listener.get_nowait()
        value = None
    listener.put_nowait(value)
