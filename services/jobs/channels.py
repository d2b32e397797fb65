"""The channel runner: for every channel its jobs, its polls, and what it keeps for us."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog
from pgqueuer import AsyncpgPoolDriver, QueueManager, RetryRequested

from services.channels.port import ChannelDenied, ChannelUnreachable
from services.jobs.breaker import backoff_s
from services.jobs.carrier_calls import TryLater
from services.jobs.channel_calls import ChannelCalls
from services.jobs.channel_polls import Polls
from services.jobs.channel_queue import channel_entrypoint, read_job
from services.jobs.queue import SETTINGS, queries
from services.jobs.runner import DATABASE_AWAY, POLL, STALE
from services.kafka.appender import NotAppended
from services.store.channels import read_ages
from services.telemetry import CHANNEL_CALLS, CHANNEL_LAG_SECONDS, CHANNEL_SHOPS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from pgqueuer.models import Job

    from services.channels.directory import ChannelInterface
    from services.channels.port import ChannelApi
    from services.channels.settings import ChannelSettings
    from services.jobs.channel_calls import ChannelMeans
    from services.store.channel_secrets import ChannelSecrets

log = structlog.get_logger()

LOOK_S: Final = 0.5
"""How often an idle channel looks whether a shop is due."""
REFRESH_S: Final = 5.0
"""A rotated secret is used after this time at the latest."""


class ChannelRunner:
    """Works for every channel until `stop` is called. One channel's trouble ends nobody's work."""

    def __init__(
        self,
        rows: Sequence[ChannelInterface],
        settings: ChannelSettings,
        secrets: ChannelSecrets,
        means: ChannelMeans,
    ) -> None:
        self._stop = asyncio.Event()
        self._settings = settings
        self._secrets = secrets
        self._means = means
        self._apis = [(row, row.connect(settings.account(row.name), secrets)) for row in rows]
        self._managers: dict[str, QueueManager] = {}

    @property
    def ready(self) -> bool:
        """Whether every channel's queue is being worked on."""
        return len(self._managers) == len(self._apis)

    def stop(self) -> None:
        """Take no more jobs; those in hand are finished first."""
        self._stop.set()
        for manager in self._managers.values():
            manager.shutdown.set()

    async def run(self) -> None:
        """Work until stopped."""
        await self._until_stopped("secrets", self._refresh, once=True)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._until_stopped("secrets", self._refresh))
                for row, api in self._apis:
                    group.create_task(self._serve(row.name, api), name=f"channel-{row.name}")
                    group.create_task(self._poll(row, api), name=f"polls-{row.name}")
                    if row.drains_every_s is not None:
                        group.create_task(self._drain(row, api), name=f"drain-{row.name}")
        finally:
            for _, api in self._apis:
                await api.close()

    async def _refresh(self) -> float:
        await self._secrets.refresh(self._means.pool)
        CHANNEL_LAG_SECONDS.clear()
        for channel, age_s, shops, failing in await read_ages(self._means.pool):
            CHANNEL_LAG_SECONDS.labels(channel).set(age_s)
            CHANNEL_SHOPS.labels(channel, "polled").set(shops - failing)
            CHANNEL_SHOPS.labels(channel, "failing").set(failing)
        return REFRESH_S

    async def _poll(self, row: ChannelInterface, api: ChannelApi) -> None:
        polls = self._polls(row, api)

        async def once() -> float:
            return 0.0 if await polls.poll_due() else LOOK_S

        await self._until_stopped(f"polls of {row.name}", once)

    async def _drain(self, row: ChannelInterface, api: ChannelApi) -> None:
        polls, failures = self._polls(row, api), 0

        async def once() -> float:
            nonlocal failures
            if not self._secrets.of_app(row.name):
                return REFRESH_S
            try:
                await polls.drain()
            except (ChannelUnreachable, ChannelDenied) as error:
                CHANNEL_CALLS.labels(row.name, "drain", "failed").inc()
                log.warning("drain_failed", channel=row.name, why=str(error))
                failures += 1
                return backoff_s(failures, longest_s=300.0)
            failures = 0
            return row.drains_every_s or LOOK_S

        await self._until_stopped(f"drain of {row.name}", once)

    def _polls(self, row: ChannelInterface, api: ChannelApi) -> Polls:
        first_look = timedelta(days=self._settings.first_look_days)
        every_s = self._settings.poll_every_s
        return Polls(row, api, self._means.pool, first_look=first_look, every_s=every_s)

    async def _serve(self, channel: str, api: ChannelApi) -> None:
        calls = ChannelCalls(channel, api, self._means)

        async def once() -> float:
            await self._manage(channel, calls)
            return 0.0

        await self._until_stopped(f"jobs of {channel}", once)

    async def _manage(self, channel: str, calls: ChannelCalls) -> None:
        pool = self._means.pool
        manager = QueueManager(queries(AsyncpgPoolDriver(pool)), channel=SETTINGS.channel)
        manager.min_dequeue_poll_interval = timedelta(seconds=0.02)

        async def perform(job: Job) -> None:
            await _perform(calls, channel, job)

        manager.entrypoint(channel_entrypoint(channel), on_failure="hold")(perform)
        self._managers[channel] = manager
        if self._stop.is_set():
            manager.shutdown.set()
        try:
            await manager.run(
                dequeue_timeout=POLL,
                batch_size=max(1, self._settings.concurrency // 2),
                max_concurrent_tasks=max(2, self._settings.concurrency),
                heartbeat_timeout=STALE,
            )
        finally:
            del self._managers[channel]

    async def _until_stopped(
        self, what: str, work: Callable[[], Awaitable[float]], *, once: bool = False
    ) -> None:
        """Again and again, `work` saying how long to rest; a database that is away is waited for."""
        failures = 0
        while not self._stop.is_set():
            try:
                rest_s = await work()
                failures = 0
                if once:
                    return
            except DATABASE_AWAY as error:
                log.warning("channels_wait_for_database", what=what, error=type(error).__name__)
                rest_s = backoff_s(failures, longest_s=5.0)
                failures += 1
            except Exception:
                # A channel that answers nonsense must not end the work for the others.
                log.exception("channel_work_broke", what=what)
                rest_s = backoff_s(failures)
                failures += 1
            await self._rest(rest_s)

    async def _rest(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stop.wait(), timeout=seconds)
        except TimeoutError:
            return


async def _perform(calls: ChannelCalls, channel: str, row: Job) -> None:
    """One job. Whatever happens, it is either done or waits in the queue again."""
    try:
        await calls.perform(read_job(channel, row.payload or b"{}"), row.attempts)
    except TryLater as later:
        raise RetryRequested(timedelta(seconds=later.after_s), str(later)) from later
    except NotAppended as away:
        raise RetryRequested(timedelta(seconds=backoff_s(row.attempts)), "Kafka") from away
    except Exception as error:
        log.exception("channel_job_broke", channel=channel)
        wait = timedelta(seconds=backoff_s(row.attempts))
        raise RetryRequested(wait, type(error).__name__) from error
