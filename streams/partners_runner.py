"""Runs the partners stage for the partners there are, and anew when there are others."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import asyncpg
import structlog

from services.errors import OperatorError
from services.kafka.admin import admin_client, partition_counts
from services.registry.partners import read_publishers
from streams.app import StageRunner
from streams.partners import Partners

if TYPE_CHECKING:
    from services.registry.partners import Publisher
    from streams.app import Setting
    from streams.runtime.ports import Pool
    from streams.runtime.units import Units

log = structlog.get_logger()

LOOK_S: Final = 5.0
"""A new partner's topic is read within this time."""
AWAY: Final = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError, OperatorError)


class PartnersRunner:
    """Like `StageRunner`, for a stage whose topics are rows of the registry."""

    name: Final = Partners.name

    def __init__(self, pool: Pool, setting: Setting) -> None:
        self._pool = pool
        self._setting = setting
        self._runner: StageRunner | None = None
        self._stop = asyncio.Event()

    @property
    def ready(self) -> bool:
        """Whether what there is to read is being read."""
        return self._runner is None or self._runner.ready

    @property
    def units(self) -> Units | None:
        """The units at work now."""
        return self._runner.units if self._runner else None

    def stop(self) -> None:
        """End `run` once the batches in hand are done."""
        self._stop.set()
        if self._runner is not None:
            self._runner.stop()

    async def run(self) -> None:
        """Work until told to stop."""
        publishers: tuple[Publisher, ...] = ()
        while not self._stop.is_set():
            publishers = await self._look(publishers)
            if publishers:
                await self._read_until_changed(publishers)
            else:
                await self._rest()

    async def _read_until_changed(self, publishers: tuple[Publisher, ...]) -> None:
        runner = self._runner = StageRunner(Partners(publishers), self._setting)
        log.info("partners_read", partners=[one.partner_id for one in publishers])
        running = asyncio.create_task(runner.run(), name=self.name)
        while not running.done():
            await self._rest()
            if self._stop.is_set() or await self._look(publishers) != publishers:
                runner.stop()
                await running
        self._runner = None

    async def _look(self, known: tuple[Publisher, ...]) -> tuple[Publisher, ...]:
        """Who has a topic that exists; `known` while database or broker is away."""
        try:
            async with asyncio.timeout(LOOK_S):
                found = await read_publishers(self._pool)
                if not found or found == known:
                    return found
                async with admin_client(self._setting.cluster.bootstrap_servers) as admin:
                    topics = await partition_counts(admin)
        except AWAY as error:
            log.warning("partners_not_looked_up", error=type(error).__name__)
            return known
        return tuple(one for one in found if one.topic.name in topics)

    async def _rest(self) -> None:
        try:
            await asyncio.wait_for(self._stop.wait(), LOOK_S)
        except TimeoutError:
            return
