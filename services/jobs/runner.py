"""The job runner: pgqueuer's queue manager an interface, restarted when the database was away."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import asyncpg
import structlog
from pgqueuer import AsyncpgPoolDriver, QueueManager, RetryRequested

from services.carriers.directory import name_of
from services.jobs.breaker import Breaker, Stopping, backoff_s
from services.jobs.calls import CallBook
from services.jobs.carrier_calls import CarrierCalls, Means, TryLater
from services.jobs.queue import SETTINGS, CarrierJob, entrypoint, queries, quote_entrypoint
from services.jobs.quoting import QuoteCalls, QuotePolicy, lane_of
from services.kafka.appender import NotAppended
from services.telemetry import JOB_QUEUE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgqueuer.models import Job

    from services.carriers.port import Carrier
    from services.store.pool import Pool

log = structlog.get_logger()

POLL: Final = timedelta(seconds=0.2)
"""The queue's trigger is left out (0050_booking.sql), so an idle runner looks this often."""
STALE: Final = timedelta(seconds=10)
"""A job whose runner gave no sign for so long is taken over."""
SWEEP_S: Final = 10.0
DATABASE_AWAY: Final = (
    *(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError),
    asyncpg.InternalClientError,  # a connection that is cut while it begins a statement
)

# A job is never given up: one that broke, or was broken off by the database, is done again.
REQUEUE_FAILED: Final = """
UPDATE jobs.pgqueuer
SET status = 'queued', execute_after = now() + interval '5 seconds', updated = now(),
    queue_manager_id = NULL, slot = NULL
WHERE status = 'failed'
"""
FORGET_LOG: Final = "DELETE FROM jobs.pgqueuer_log WHERE created < now() - interval '1 day'"
COUNT_JOBS: Final = """
SELECT entrypoint, status::text, count(*) FROM jobs.pgqueuer GROUP BY entrypoint, status
"""
READ_ERA: Final = "SELECT era FROM runtime.era"


@dataclass(frozen=True, slots=True)
class Limits:
    """`concurrency`: calls of this runner at a time to one interface."""

    concurrency: int = 64
    breaker_failures: int = 5
    breaker_rest_s: float = 5.0
    quotes: QuotePolicy = field(default_factory=QuotePolicy)


class Runner:
    """Performs every interface's jobs until `stop` is called."""

    def __init__(self, carriers: Sequence[Carrier], means: Means, limits: Limits) -> None:
        self._stop = asyncio.Event()
        self._carriers = carriers
        self._limits = limits
        self._pool = means.pool
        self._calls = CallBook(means.pool)
        self._means = means
        self._managers: dict[str, QueueManager] = {}
        self.breakers: dict[str, Breaker] = {}

    @property
    def ready(self) -> bool:
        """Whether every interface's queue is being worked on."""
        return len(self._managers) == len(self._carriers)

    def stop(self) -> None:
        """Take no more jobs; those in hand are finished first."""
        self._stop.set()
        for manager in self._managers.values():
            manager.shutdown.set()

    async def run(self) -> None:
        """Work until stopped. One carrier's trouble never ends another's work."""
        try:
            async with asyncio.TaskGroup() as group:
                for carrier in self._carriers:
                    group.create_task(self._serve(carrier), name=f"jobs-{interface(carrier)}")
                group.create_task(self._sweep(), name="jobs-sweep")
        finally:
            for carrier in self._carriers:
                await carrier.close()

    async def _serve(self, carrier: Carrier) -> None:
        clock = asyncio.get_running_loop().time
        breaker = Breaker(
            self._limits.breaker_failures, self._limits.breaker_rest_s, clock, self._stop
        )
        self.breakers[interface(carrier)] = breaker
        performer = CarrierCalls(carrier, breaker, self._calls, self._means)
        quoting = QuoteCalls(carrier, breaker, self._pool, self._means.places, self._limits.quotes)
        failures = 0
        while not self._stop.is_set():
            try:
                await self._manage(carrier, performer, quoting)
                failures = 0
            except DATABASE_AWAY as error:
                name = interface(carrier)
                log.warning("job_queue_away", interface=name, error=type(error).__name__)
                await self._rest(backoff_s(failures, longest_s=5.0))
                failures += 1

    async def _manage(self, carrier: Carrier, performer: CarrierCalls, quoting: QuoteCalls) -> None:
        manager = QueueManager(queries(AsyncpgPoolDriver(self._pool)), channel=SETTINGS.channel)
        # With every place taken the next look is soon: a carrier answers in tens of ms.
        manager.min_dequeue_poll_interval = timedelta(seconds=0.02)

        name = interface(carrier)

        async def perform(job: Job) -> None:
            await _perform(performer, name, job)

        async def ask(job: Job) -> None:
            await _ask_for(quoting, job)
            await self._rest(self._limits.quotes.pace_s)

        manager.entrypoint(entrypoint(name), on_failure="hold")(perform)
        # One at a time: whatever moves a parcel has the other places.
        manager.entrypoint(quote_entrypoint(name), concurrency_limit=1, on_failure="hold")(ask)
        self._managers[name] = manager
        if self._stop.is_set():
            manager.shutdown.set()
        try:
            await manager.run(
                dequeue_timeout=POLL,
                batch_size=max(1, self._limits.concurrency // 2),
                max_concurrent_tasks=max(2, self._limits.concurrency),
                heartbeat_timeout=STALE,
            )
        finally:
            del self._managers[name]

    async def _sweep(self) -> None:
        while not self._stop.is_set():
            try:
                await self._pool.execute(REQUEUE_FAILED)
                await self._pool.execute(FORGET_LOG)
                await self._count()
            except DATABASE_AWAY as error:
                log.warning("job_sweep_failed", error=type(error).__name__)
            await self._rest(SWEEP_S)

    async def _count(self) -> None:
        JOB_QUEUE.clear()
        for name, status, number in await self._pool.fetch(COUNT_JOBS):
            JOB_QUEUE.labels(name, status).set(number)

    async def _rest(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stop.wait(), timeout=seconds)
        except TimeoutError:
            return


async def read_era(pool: Pool) -> int:
    """The era that leads the versions of new events."""
    era: int = await pool.fetchval(READ_ERA)
    return era


def interface(carrier: Carrier) -> str:
    """The word of the interface a carrier is spoken to over."""
    return name_of(carrier.name, carrier.api)


async def _perform(performer: CarrierCalls, name: str, row: Job) -> None:
    """One job. Whatever happens, it is either done or waits in the queue again."""
    job = CarrierJob.read(name, row.payload or b"{}")
    waiting = row.updated - row.created
    try:
        await performer.perform(job, waiting, row.attempts)
    except TryLater as later:
        raise RetryRequested(timedelta(seconds=later.after_s), str(later)) from later
    except Stopping as stopping:
        raise RetryRequested(timedelta(0), "the runner ends") from stopping
    except NotAppended as away:
        raise RetryRequested(timedelta(seconds=backoff_s(row.attempts)), "Kafka") from away
    except Exception as error:
        log.exception("job_broke", interface=name, kind=job.kind, reference=job.reference)
        wait = timedelta(seconds=backoff_s(row.attempts))
        raise RetryRequested(wait, type(error).__name__) from error


async def _ask_for(quoting: QuoteCalls, row: Job) -> None:
    lane = lane_of(row.payload or b"{}")
    try:
        await quoting.perform(lane, row.created)
    except Stopping as stopping:
        raise RetryRequested(timedelta(0), "the runner ends") from stopping
    except Exception as error:
        log.exception("quote_broke", lane=lane.key)
        wait = timedelta(seconds=backoff_s(row.attempts))
        raise RetryRequested(wait, type(error).__name__) from error
