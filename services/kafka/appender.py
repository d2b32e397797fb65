"""Append single records durably: for the gateway and for jobs, which write one at a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.topics import Topic

log = structlog.get_logger()

LINGER_MS = 2
"""Records of requests that come together share one write and one flush of the log."""
APPEND_TIMEOUT_S = 8.0


class NotAppended(Exception):
    """The log did not confirm the record. It may still have been written: send it again."""


class Appender:
    """An idempotent producer (`acks=all`) that is made anew after an error it cannot recover from."""

    def __init__(self, bootstrap_servers: str, client_id: str) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._client_id = client_id
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()

    async def append(
        self, topic: Topic, key: str, value: bytes, headers: Mapping[str, str]
    ) -> None:
        """Return once every in-sync replica has the record.

        Raises:
            NotAppended: no confirmation within `APPEND_TIMEOUT_S`, or the broker refused.
        """
        encoded = [(name, text.encode()) for name, text in headers.items()]
        try:
            async with asyncio.timeout(APPEND_TIMEOUT_S):
                producer = await self.start()
                sent = await producer.send(topic.name, value, key=key.encode(), headers=encoded)
                await sent
        except (KafkaError, TimeoutError, OSError) as error:
            log.warning("append_failed", topic=topic.name, error=type(error).__name__)
            await self._forget(error)
            raise NotAppended(str(error) or type(error).__name__) from error

    async def start(self) -> AIOKafkaProducer:
        """Connect, unless that is done."""
        if self._producer is None:
            async with self._starting:
                if self._producer is None:
                    self._producer = await self._connect()
        return self._producer

    async def _connect(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap_servers,
            client_id=self._client_id,
            enable_idempotence=True,
            acks="all",
            linger_ms=LINGER_MS,
            max_request_size=1_048_576,
        )
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        return producer

    async def _forget(self, error: Exception) -> None:
        """Drop a producer whose sequence is broken; a slow broker keeps its producer."""
        if isinstance(error, KafkaError) and not error.retriable:
            await self.stop()

    async def stop(self) -> None:
        """Send what is in hand and disconnect."""
        producer, self._producer = self._producer, None
        if producer is not None:
            await producer.stop()

    async def ready(self) -> bool:
        """Whether a broker answers now."""
        try:
            async with asyncio.timeout(2):
                producer = await self.start()
                await producer.client.fetch_all_metadata()
        except (KafkaError, TimeoutError, OSError):
            return False
        return True
