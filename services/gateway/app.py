"""The gateway's composition: connections opened at start, closed at stop."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import asyncpg
import structlog
from fastapi import FastAPI

from services.gateway import (
    carriers,
    events,
    health,
    labels,
    manifests,
    ops,
    orders,
    packing,
    partners,
    problems,
    pushes,
)
from services.gateway.access import AccessLog
from services.gateway.ingest import Ingest
from services.gateway.keyring import REFRESH_S, Keyring
from services.gateway.parts import Parts
from services.gateway.tail import FeedTail
from services.handover.desk import HandoverDesk
from services.kafka.appender import Appender
from services.labels.desk import Desk, Names
from services.reference.places import Places
from services.reference.rule_book import sample_rule_book
from services.store.pool import open_pool
from services.store.vault import Vault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping

    from fastapi import APIRouter

    from services.channels.port import ChannelAccount

log = structlog.get_logger()

TELL_AGAIN_S = 10.0

ROUTERS: Iterable[APIRouter] = (
    orders.router,
    pushes.router,
    packing.router,
    labels.router,
    manifests.router,
    carriers.router,
    partners.router,
    events.router,
    ops.router,
    health.router,
)


def build_app(
    kafka: str,
    database: str,
    master_key: bytes,
    pool_size: int = 10,
    channels: Mapping[str, ChannelAccount] | None = None,
    *,
    gs1_company_prefix: str | None = None,
) -> FastAPI:
    """The HTTP application. It connects when it starts. `channels`: how each one knows us.

    Raises (at start):
        OperatorError: PostgreSQL does not answer.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        pool = await open_pool(database, application_name="ocop-gateway", size=pool_size)
        appender = Appender(kafka, "ocop-gateway")
        vault = Vault(master_key)
        keyring = Keyring(vault.open_secret)
        async with pool.acquire() as connection:
            await keyring.refresh(connection)
        tail = FeedTail(kafka)
        tail.start()
        names = Names.of(sample_rule_book())
        desk = Desk(pool, vault, Places.load(), names, gs1_company_prefix)
        ingest = Ingest(appender)
        handover = HandoverDesk(pool, vault, ingest)
        app.state.parts = Parts(
            pool, keyring, appender, ingest, tail, desk, handover, channels or {}
        )
        chores = [
            asyncio.create_task(keep_fresh(app.state.parts), name="keyring"),
            asyncio.create_task(keep_telling(handover), name="handover"),
        ]
        yield
        for chore in chores:
            chore.cancel()
            with suppress(asyncio.CancelledError):
                await chore
        desk.close()
        await tail.stop()
        await appender.stop()
        await pool.close()

    app = FastAPI(
        title="OCOP order fulfilment",
        version="1",
        summary="Orders in, parcels followed, a seller's feed out",
        lifespan=lifespan,
        redoc_url=None,
    )
    problems.install(app)
    for router in ROUTERS:
        app.include_router(router)
    app.add_middleware(AccessLog)
    return app


async def keep_fresh(parts: Parts) -> None:
    """Read the keys again and again; an unreachable database leaves the last ones valid."""
    while True:
        await asyncio.sleep(REFRESH_S)
        try:
            async with parts.pool.acquire() as connection:
                await parts.keyring.refresh(connection)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.warning("keyring_not_refreshed", error=type(error).__name__)


async def keep_telling(handover: HandoverDesk) -> None:
    """Tell what manifests changed in requests that died before they had told it."""
    while True:
        await asyncio.sleep(TELL_AGAIN_S)
        try:
            await handover.tell()
        except (problems.Problem, *problems.DATABASE_AWAY, asyncpg.PostgresError) as error:
            log.warning("handover_not_told", error=type(error).__name__)
