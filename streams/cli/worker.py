"""`ocop worker`."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
import uvloop

from services.garbage import collect_seldom
from services.logs import configure_logs
from services.settings import Settings, read_settings
from services.store.pool import open_pool
from streams.app import Cluster
from streams.metrics_publisher import MonthlyPublisher
from streams.partners import Partners
from streams.runtime.publisher import KafkaPublisher
from streams.sweep import Sweep
from streams.topology import GATHER_S, STAGES, build_stages
from streams.worker import Worker, WorkerOptions

if TYPE_CHECKING:
    from streams.runtime.ports import Pool

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(epilog="Example: ocop worker tracking status")
def worker(
    stages: Annotated[
        list[str] | None, typer.Argument(help="Stages to run; all of them if none is named.")
    ] = None,
    *,
    exit_when_stalled: Annotated[
        float | None, typer.Option(help="End after so many seconds without progress.")
    ] = None,
) -> None:
    """Run stages of the flow until SIGTERM; the batches in hand are finished first.

    Start as many as there is work: Kafka divides the partitions, PostgreSQL fences them.
    """
    names = stages or [*(name for name, _ in STAGES), Partners.name]
    settings = read_settings()
    configure_logs("worker-" + "-".join(names), settings.log_level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(names, settings, exit_when_stalled))


async def run(names: list[str], settings: Settings, exit_when_stalled_s: float | None) -> None:
    """Open the database and run the named stages."""
    pool = await open_pool(
        settings.database, application_name="worker-" + "-".join(names), size=settings.pool_size
    )
    try:
        stages = build_stages(settings, [name for name in names if name != Partners.name])
        collect_seldom()
        options = WorkerOptions(
            Cluster(settings.kafka),
            settings.metrics_host,
            settings.metrics_port,
            exit_when_stalled_s,
            GATHER_S,
        )
        worker = Worker(stages, pool, options, partners=Partners.name in names)
        async with revisions(names, settings, pool, worker), sweeps(names, settings, pool, worker):
            await worker.run()
    finally:
        await pool.close()


@contextlib.asynccontextmanager
async def revisions(
    names: list[str], settings: Settings, pool: "Pool", worker: Worker
) -> AsyncIterator[None]:
    """Publish the months' figures beside the stage that counts them."""
    if "metrics" not in names:
        yield
        return
    publisher = KafkaPublisher(settings.kafka, "ocop-metrics-revisions")
    revising = MonthlyPublisher(pool, publisher, lambda: datetime.now(UTC))
    async with beside(worker, revising.run(), "revisions", publisher):
        yield


@contextlib.asynccontextmanager
async def sweeps(
    names: list[str], settings: Settings, pool: "Pool", worker: Worker
) -> AsyncIterator[None]:
    """Ask for checks of silent bookings beside the stage that makes them."""
    if "tracking" not in names:
        yield
        return
    publisher = KafkaPublisher(settings.kafka, "ocop-tracking-sweep")
    sweep = Sweep(pool, publisher, lambda: datetime.now(UTC))
    async with beside(worker, sweep.run(), "sweep", publisher):
        yield


@contextlib.asynccontextmanager
async def beside(
    worker: Worker, work: Coroutine[Any, Any, None], name: str, publisher: KafkaPublisher
) -> AsyncIterator[None]:
    """Do other work beside the worker; an end of it ends the worker."""
    task = asyncio.create_task(work, name=name)
    task.add_done_callback(lambda _: worker.stop())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await publisher.close()
