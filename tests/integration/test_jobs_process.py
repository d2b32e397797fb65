"""`ocop jobs` and `ocop sandbox` as processes, on a real broker."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiokafka import AIOKafkaConsumer

from schemas.booking import BookingOutcome, BookingResulted
from schemas.catalogue import BOOKING_RESULTED
from services.embedded.process import free_port
from services.kafka.admin import ensure_topics
from services.store.vault import Vault
from streams.booking import Booking
from streams.runtime.memory import ManualClock, Pipeline
from tests.booking_facts import CTN, PARCEL, VTK, packed, routed
from tests.booking_world import place_order

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from services.store.pool import Pool

pytestmark = [pytest.mark.postgres, pytest.mark.kafka]

MASTER_KEY = bytes(32)
OTHER = "postmart:HTX-MAU-01:PM-0000002"


@contextlib.asynccontextmanager
async def ocop(*words: str, env: Mapping[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "streams.cli", *words, env={**os.environ, **env}
    )
    yield process
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    await asyncio.wait_for(process.wait(), timeout=60)


async def ready(url: str) -> None:
    async with asyncio.timeout(90), aiohttp.ClientSession() as session:
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(url) as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.1)


async def results(kafka: str, wanted: int) -> list[BookingResulted]:
    consumer = AIOKafkaConsumer(
        BOOKING_RESULTED.name, bootstrap_servers=kafka, auto_offset_reset="earliest"
    )
    await consumer.start()
    found: list[BookingResulted] = []
    try:
        async with asyncio.timeout(90):
            while len(found) < wanted:
                record = await consumer.getone()
                assert dict(record.headers)["ce_type"] == BOOKING_RESULTED.name.encode()
                found.append(BookingResulted.model_validate_json(record.value))
    finally:
        await consumer.stop()
    return found


async def test_two_parcels_are_booked_at_two_carriers_by_processes(
    pool: Pool, database: str, kafka: str, tmp_path: Path
) -> None:
    await ensure_topics(kafka, [BOOKING_RESULTED])
    for order in (PARCEL.partition("/")[0], OTHER):
        await place_order(pool, Vault(MASTER_KEY), order)
    pipeline = Pipeline([Booking()], pool, ManualClock(datetime(2026, 11, 23, tzinfo=UTC)))
    for event in (routed(VTK), packed(), routed(CTN, order=OTHER), packed(f"{OTHER}/1/1")):
        await pipeline.send_event(event)
    await pipeline.run_until_idle()
    vtp, vnp, metrics = free_port(), free_port(), free_port()
    env = {
        "DATABASE_URL": database,
        "KAFKA_BOOTSTRAP_SERVERS": kafka,
        "OCOP_DATA_DIR": str(tmp_path),
        "OCOP_MASTER_KEY": base64.b64encode(MASTER_KEY).decode(),
        "OCOP_CARRIER_VIETTELPOST_URL": f"http://127.0.0.1:{vtp}",
        "OCOP_CARRIER_VNPOST_URL": f"http://127.0.0.1:{vnp}",
        "OCOP_METRICS_PORT": str(metrics),
        "OCOP_SANDBOX_MISCHIEF": "0",
    }
    async with contextlib.AsyncExitStack() as stack:
        for carrier in ("viettelpost", "vnpost"):
            await stack.enter_async_context(ocop("sandbox", carrier, env=env))
        jobs = await stack.enter_async_context(ocop("jobs", env=env))
        for port, path in ((vtp, "healthz"), (vnp, "healthz"), (metrics, "readyz")):
            await ready(f"http://127.0.0.1:{port}/{path}")
        found = await results(kafka, 2)
        assert {one.outcome for one in found} == {BookingOutcome.BOOKED}
        assert {(one.tracking_no or "")[-2:] == "VN" for one in found} == {True, False}
        jobs.terminate()
        assert await asyncio.wait_for(jobs.wait(), timeout=60) == 0
    assert await pool.fetchval("SELECT count(*) FROM jobs.pgqueuer") == 0
