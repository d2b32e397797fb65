"""Whether the process lives, whether it can take orders, and its Prometheus metrics."""

from __future__ import annotations

import asyncio

import asyncpg
import orjson
from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from services.gateway.parts import Parts, Wired

router = APIRouter(tags=["operation"])

CHECK_TIMEOUT_S = 2.0


@router.get("/healthz")
async def is_alive() -> Response:
    """200 as long as the process answers."""
    return Response(b'{"status":"alive"}', media_type="application/json")


@router.get("/readyz")
async def is_ready(parts: Wired) -> Response:
    """200 when broker and database answer; 503 names what does not."""
    checks = {"kafka": await parts.appender.ready(), "postgres": await database_answers(parts)}
    ready = all(checks.values())
    body = {"status": "ready" if ready else "not_ready", **checks}
    return Response(orjson.dumps(body), 200 if ready else 503, media_type="application/json")


async def database_answers(parts: Parts) -> bool:
    """A query comes back in time."""
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            await parts.pool.fetchval("SELECT 1")
    except (OSError, TimeoutError, asyncpg.PostgresError):
        return False
    return True


@router.get("/metrics")
async def show_metrics() -> Response:
    """Prometheus text."""
    return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
