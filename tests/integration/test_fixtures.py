"""The servers that tests stand on are real, separate and cheap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer

if TYPE_CHECKING:
    from services.store.pool import Pool


@pytest.mark.parametrize("time", [1, 2])
async def test_each_test_writes_into_a_database_of_its_own(pool: Pool, time: int) -> None:
    await pool.execute("CREATE TABLE public.footprint (n integer)")
    await pool.execute("INSERT INTO public.footprint VALUES ($1)", time)
    assert await pool.fetchval("SELECT count(*) FROM public.footprint") == 1


async def test_a_forgotten_transaction_would_be_ended_by_the_server(pool: Pool) -> None:
    assert await pool.fetchval("SHOW idle_in_transaction_session_timeout") == "5s"
    assert await pool.fetchval("SHOW transaction_timeout") == "30s"
    assert await pool.fetchval("SHOW jit") == "off"


async def test_a_transaction_that_lasts_too_long_is_cancelled(pool: Pool) -> None:
    async with pool.acquire() as connection:
        await connection.execute("SET transaction_timeout = '50ms'")
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
            await connection.execute("SELECT pg_sleep(5)")


async def test_the_broker_makes_no_topic_by_itself(kafka: str, prefix: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        cluster = await producer.client.fetch_all_metadata()
        assert not [topic for topic in cluster.topics() if topic.startswith(prefix)]
