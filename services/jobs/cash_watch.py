"""How much of the cash somebody should look at, for Prometheus."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import asyncpg
import structlog

from services.store.cod import exception_counts
from services.telemetry import COD_EXCEPTIONS

if TYPE_CHECKING:
    from services.store.cod import Patience
    from services.store.pool import Pool

log = structlog.get_logger()

EVERY_S: Final = 60.0


class CashWatch:
    """Counts exceptions once a minute until it is stopped."""

    def __init__(self, pool: Pool, patience: Patience) -> None:
        self._pool = pool
        self._patience = patience
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Count no more."""
        self._stop.set()

    async def run(self) -> None:
        """Count until stopped; a database that is away is asked again."""
        while not self._stop.is_set():
            try:
                await self._count()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("cash_not_counted", error=type(error).__name__)
            try:
                await asyncio.wait_for(self._stop.wait(), EVERY_S)
            except TimeoutError:
                continue

    async def _count(self) -> None:
        async with self._pool.acquire() as db:
            found = await exception_counts(db, self._patience)
        COD_EXCEPTIONS.clear()
        for (carrier, name), count in found.items():
            COD_EXCEPTIONS.labels(carrier, name).set(count)
