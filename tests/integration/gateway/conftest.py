"""A gateway in this process, on real servers, with a sample seller, channel and carrier."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp
import pytest
import uvicorn
from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas.catalogue import TOPICS
from services.embedded.process import free_port
from services.gateway.app import build_app
from services.kafka.admin import ensure_topics
from services.kafka.durability import Durability
from services.sandbox.month.onboarding import join_everybody
from services.sandbox.options import Options
from services.sandbox.vnpost import VietnamPostSandbox
from services.store.vault import Vault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiokafka import ConsumerRecord

    from schemas.topics import Topic
    from services.gateway.parts import Parts
    from services.sandbox.month.door import Keys
    from services.sandbox.serving import Joining
    from services.store.pool import Pool

MASTER_KEY = bytes(range(32))
VIETTELPOST_SECRET = "sample-partner-secret"


@dataclass(slots=True)
class Served:
    """A running gateway and what its callers hold."""

    url: str
    session: aiohttp.ClientSession
    keys: Keys
    kafka: str
    pool: Pool
    parts: Parts

    def bearer(self, seller_id: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.keys.sellers[seller_id]}"}

    async def records(self, topic: Topic, containing: bytes) -> list[ConsumerRecord]:
        """Every record of the topic whose value holds some bytes; the broker is shared."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.kafka, enable_auto_commit=False)
        await consumer.start()
        try:
            partitions = [TopicPartition(topic.name, n) for n in range(topic.partitions)]
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions)
            for tp in partitions:
                consumer.seek(tp, 0)
            found = []
            while any([await consumer.position(tp) < ends[tp] for tp in partitions]):
                for batch in (await consumer.getmany(timeout_ms=500)).values():
                    found += [record for record in batch if containing in (record.value or b"")]
            return found
        finally:
            await consumer.stop()


@contextlib.asynccontextmanager
async def serve(kafka: str, database: str, pool: Pool) -> AsyncIterator[Served]:
    """Serve on a free port with everybody of the sample month known."""
    vault = Vault(MASTER_KEY)
    partners: dict[str, Joining] = {
        "viettelpost": {"secrets": [VIETTELPOST_SECRET], "public_key": None},
        "vnpost": VietnamPostSandbox(Options()).joining(),
    }
    async with pool.acquire() as connection:
        keys = await join_everybody(connection, vault.seal_secret, partners)
    port = free_port()
    app = build_app(kafka, database, MASTER_KEY)
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, lifespan="on"))
    task = asyncio.create_task(server.serve())
    while not server.started:
        assert not task.done(), task.exception()
        await asyncio.sleep(0.02)
    # Tests stop servers without yielding to the loop: a kept connection may be dead by then.
    connector = aiohttp.TCPConnector(force_close=True)
    try:
        async with aiohttp.ClientSession(connector=connector) as session:
            url = f"http://127.0.0.1:{port}"
            yield Served(url, session, keys, kafka, pool, app.state.parts)
    finally:
        server.should_exit = True
        await task


@pytest.fixture
async def served(kafka: str, database: str, pool: Pool) -> AsyncIterator[Served]:
    await ensure_topics(kafka, TOPICS, Durability(1, 1, flush=False))
    async with serve(kafka, database, pool) as running:
        yield running
