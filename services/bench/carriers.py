"""The job runner with both carriers' doubles in its own process instead of HTTP.

Everything else is `ocop jobs`: the queue, the groups, what is kept of each call.
"""

from __future__ import annotations

import asyncio
import signal
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Final

import uvloop

from services.garbage import collect_seldom
from services.jobs.carrier_calls import Means
from services.jobs.runner import Limits, Runner, read_era
from services.kafka.appender import Appender
from services.logs import configure_logs
from services.probe import probe
from services.reference.places import Places
from services.sandbox.in_process import InProcessVietnamPost, InProcessViettelPost
from services.sandbox.options import CALM, Options
from services.settings import read_settings
from services.store.master_key import master_key
from services.store.pool import open_pool
from services.store.vault import Vault

if TYPE_CHECKING:
    from services.settings import Settings

POOL: Final = 16
REFUSED: Final = 0.02
"""Parcels a carrier does not take: the next service of the decision is asked."""


class InProcessOlder(InProcessVietnamPost):
    """Vietnam Post over its older interface: the same parcels, in a queue of their own."""

    api: ClassVar[str] = "legacy"


def main() -> None:
    """Work until SIGTERM."""
    settings = read_settings()
    configure_logs("jobs", settings.log_level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(settings))


async def run(settings: Settings) -> None:
    """Open everything and work until a signal."""
    pool = await open_pool(settings.database, application_name="jobs", size=POOL)
    appender = Appender(settings.kafka, "ocop-jobs")
    means = Means(
        pool=pool,
        appender=appender,
        vault=Vault(master_key(settings)),
        places=Places.load(),
        settle_after_s=5.0,
        era=await read_era(pool),
    )
    # At the pace of real life their parcels do nothing in these minutes: the bench tells of them.
    options = Options(speed=1.0, mischief=replace(CALM, refused=REFUSED))
    carriers = (
        InProcessViettelPost(options),
        InProcessVietnamPost(options),
        InProcessOlder(options),
    )
    runner = Runner(carriers, means, Limits())
    collect_seldom()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, runner.stop)
    try:
        async with probe(settings.metrics_host, settings.metrics_port, lambda: runner.ready):
            await runner.run()
    finally:
        await appender.stop()
        await pool.close()


if __name__ == "__main__":
    main()
