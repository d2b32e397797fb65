"""The sweep beside a real worker: a silent parcel becomes stale without anybody asking."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from schemas.catalogue import TOPICS
from services.kafka.admin import ensure_topics
from services.kafka.durability import Durability

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.embedded.kafka import EmbeddedKafka
    from services.embedded.process import Place
    from services.store.pool import Pool

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

SILENT = """
INSERT INTO tracking.bookings (reference, waybill, waybill_id, order_id, channel, seller_id,
                               parcel_id, api, cod_vnd, booked_at, booked_version, told_at, service)
SELECT 'OCAAAAAAAAAAAAAAAA-1', 'ems:EA000000059VN', 1, 'direct:S:1', 'direct', 'S',
       'direct:S:1/1/1', 'merchantsite', 0, now() - interval '5 days', 1,
       now() - interval '5 days', 'EMS'
"""
DUE = """
INSERT INTO tracking.due VALUES
('OCAAAAAAAAAAAAAAAA-1', 'ems:EA000000059VN', now() - interval '1 day')
"""


OURS = "FROM tracking.bookings WHERE reference = 'OCAAAAAAAAAAAAAAAA-1'"


@pytest.fixture
def kafka(own_kafka: Callable[[], tuple[EmbeddedKafka, Place]]) -> str:
    """A broker of its own: news of the silent parcel's number, from other tests, would be news."""
    broker, _ = own_kafka()
    return broker.bootstrap


async def test_a_worker_looks_at_parcels_nobody_tells_of(
    kafka: str, pool: Pool, database: str
) -> None:
    await ensure_topics(kafka, TOPICS, Durability(1, 1, flush=False))
    await pool.execute(SILENT)
    await pool.execute(DUE)
    env = {**os.environ, "DATABASE_URL": database, "KAFKA_BOOTSTRAP_SERVERS": kafka}
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "streams.cli", "worker", "tracking", env=env
    )
    try:
        async with asyncio.timeout(90):
            while not await pool.fetchval(f"SELECT flags {OURS}"):
                assert worker.returncode is None
                await asyncio.sleep(0.5)
    finally:
        worker.send_signal(signal.SIGTERM)
        code = await asyncio.wait_for(worker.wait(), 30)
    assert code == 0
    row = await pool.fetchrow(f"SELECT flags, version {OURS}")
    assert tuple(row or ()) == ("stale", 1)
    due = "SELECT count(*) FROM tracking.due WHERE reference = 'OCAAAAAAAAAAAAAAAA-1'"
    assert await pool.fetchval(due) == 0
