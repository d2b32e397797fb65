"""A worker tells whether it is ready and what it counts."""

from __future__ import annotations

import aiohttp
import pytest

from services.embedded.process import free_port
from services.errors import OperatorError
from services.probe import probe
from services.telemetry import RECORDS


async def test_readiness_follows_the_process() -> None:
    port, ready = free_port(), [False]
    RECORDS.labels("intake", "applied").inc(3)
    async with probe("127.0.0.1", port, lambda: ready[0]), aiohttp.ClientSession() as client:
        at = f"http://127.0.0.1:{port}"
        assert (await client.get(f"{at}/healthz")).status == 200
        assert (await client.get(f"{at}/readyz")).status == 503
        ready[0] = True
        assert (await client.get(f"{at}/readyz")).status == 200
        metrics = await (await client.get(f"{at}/metrics")).text()
    assert 'ocop_records_total{outcome="applied",stage="intake"} 3.0' in metrics


async def test_a_taken_port_is_said_plainly() -> None:
    port = free_port()
    async with probe("127.0.0.1", port, lambda: True):
        with pytest.raises(OperatorError, match=f"Port {port} for metrics is taken"):
            async with probe("127.0.0.1", port, lambda: True):
                pass


async def test_without_a_port_nothing_is_served() -> None:
    async with probe("127.0.0.1", None, lambda: True):
        pass
