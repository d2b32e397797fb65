"""`ocop jobs`."""

import asyncio
import signal
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

import typer
import uvloop

from services.carriers.account import CarrierSettings
from services.carriers.directory import INTERFACES
from services.channels.directory import channels_in_use
from services.channels.settings import ChannelSettings
from services.garbage import collect_seldom
from services.jobs.carrier_calls import Means
from services.jobs.cash_watch import CashWatch
from services.jobs.channel_calls import ChannelMeans
from services.jobs.channels import ChannelRunner
from services.jobs.closing import Closer
from services.jobs.quoting import QuotePolicy
from services.jobs.runner import Limits, Runner, read_era
from services.kafka.appender import Appender
from services.logs import configure_logs
from services.probe import probe
from services.reference.places import Places
from services.settings import Settings, read_settings
from services.store.channel_secrets import ChannelSecrets
from services.store.cod import Patience
from services.store.master_key import master_key
from services.store.pool import open_pool
from services.store.vault import Vault

if TYPE_CHECKING:
    from services.store.pool import Pool

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

POOL = 24
"""Connections: some listen for each carrier and channel, the others serve calls in groups."""


class Stoppable(Protocol):
    """Something that works until it is told to stop."""

    def stop(self) -> None:
        """Finish what is in hand, then end."""


@app.command(epilog="Example: ocop jobs")
def jobs() -> None:
    """Make the calls to carriers and channels that the flow asked for, until SIGTERM.

    Start as many as there is work: each call is one job, taken by one runner.
    """
    settings = read_settings()
    configure_logs("jobs", settings.log_level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(settings, CarrierSettings()))


async def run(settings: Settings, carriers: CarrierSettings) -> None:
    """Open everything and work until a signal."""
    pool = await open_pool(settings.database, application_name="jobs", size=POOL)
    appender = Appender(settings.kafka, "ocop-jobs")
    vault = Vault(master_key(settings))
    runner = await carrier_runner(carriers, pool, appender, vault)
    channels = channel_runner(pool, appender, vault)
    closer = Closer(pool, appender, timedelta(hours=settings.close_after_h))
    watch = CashWatch(pool, Patience(settings.cod_overdue_days, settings.cod_overdue_days_of))
    collect_seldom()
    stop_at_signal(closer, watch, runner, channels)
    try:
        async with (
            probe(
                settings.metrics_host,
                settings.metrics_port,
                lambda: runner.ready and channels.ready,
            ),
            asyncio.TaskGroup() as group,
        ):
            group.create_task(runner.run())
            group.create_task(channels.run())
            group.create_task(closer.run())
            group.create_task(watch.run())
    finally:
        await appender.stop()
        await pool.close()


async def carrier_runner(
    carriers: CarrierSettings, pool: "Pool", appender: Appender, vault: Vault
) -> Runner:
    """Makes the calls to every carrier of the directory."""
    means = Means(
        pool=pool,
        appender=appender,
        vault=vault,
        places=Places.load(),
        settle_after_s=carriers.settle_after_s,
        era=await read_era(pool),
    )
    quotes = QuotePolicy(
        valid_s=carriers.quote_valid_h * 3600,
        rest_s=carriers.quote_rest_s,
        typical_vnd=carriers.quote_typical_vnd,
        pace_s=carriers.quote_pace_s,
    )
    return Runner(
        [row.connect(carriers.account(row.name)) for row in INTERFACES],
        means,
        Limits(carriers.concurrency, carriers.breaker_failures, carriers.breaker_rest_s, quotes),
    )


def channel_runner(pool: "Pool", appender: Appender, vault: Vault) -> ChannelRunner:
    """Makes the calls to every channel in use."""
    settings = ChannelSettings()
    return ChannelRunner(
        channels_in_use(settings.called_back),
        settings,
        ChannelSecrets(vault.open_secret),
        ChannelMeans(pool, appender, vault),
    )


def stop_at_signal(*working: "Stoppable") -> None:
    """At SIGTERM and SIGINT each of them finishes what it has in hand, then ends."""

    def stop() -> None:
        for one in working:
            one.stop()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
