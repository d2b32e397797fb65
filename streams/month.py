"""The sample month on a running system: everybody joins, the month runs, and the end is seen."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from services.sandbox.month.onboarding import (
    join_everybody,
    join_markets,
    read_keys,
    write_keys,
)
from services.sandbox.month.run import DAY_S, Month, run_month, set_clocks
from services.sandbox.month.run import Progress as MonthProgress
from services.store.master_key import master_key
from services.store.pool import READER_SESSION, open_pool
from services.store.vault import Vault

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from services.sandbox.month.door import Keys
    from services.sandbox.serving import Joining
    from services.settings import Settings
    from services.store.pool import Pool

# An order is finished, or waits for a person who will not come: it is held, or its carrier neither
# confirms nor denies a booking whose answer was lost.
COUNT_ORDERS = """
SELECT count(*) FILTER (WHERE finished) AS finished,
       count(*) FILTER (WHERE NOT finished AND (fulfilment = 'on_hold' OR in_doubt)) AS held,
       count(*) AS known
FROM (SELECT finished, fulfilment, EXISTS (
          SELECT FROM booking.ops_tasks t
          WHERE t.order_id = o.order_id AND t.kind = 'unknown_booking' AND t.closed_at IS NULL
            AND t.opened_at < now() - interval '30 seconds') AS in_doubt
      FROM status.orders o WHERE seller_id IS NOT NULL) AS orders
"""

AS_EVERYWHERE = 1.0
"""The pace of a clock that nobody has speeded up."""

KEYS_TRIES_S = 6.0
"""The gateway reads new keys within this time."""


async def join(settings: Settings) -> Keys:
    """Load the sample registry and issue keys; they are kept in the data folder.

    The carriers' and marketplaces' doubles tell their secrets and keys, as a carrier would when it joins.
    """
    doubles = (*settings.carrier_urls.values(), *settings.channel_urls.values())
    async with aiohttp.ClientSession() as session:
        # A shop is looked at as soon as it has joined: no clock may be put back after that.
        await set_clocks(session, doubles, AS_EVERYWHERE)
        partners = {
            name: await what_joining_gives(session, url)
            for name, url in settings.carrier_urls.items()
        }
        markets = {
            name: await what_joining_gives(session, url)
            for name, url in settings.channel_urls.items()
        }
    pool = await open_pool(
        settings.database, application_name="ocop-demo", size=2, session=READER_SESSION
    )
    async with pool, pool.acquire() as connection:
        vault = Vault(master_key(settings))
        keys = await join_everybody(connection, vault.seal_secret, partners)
        await join_markets(connection, vault.seal_secret, markets)
    write_keys(keys_path(settings), keys)
    await asyncio.sleep(KEYS_TRIES_S)
    return keys


async def what_joining_gives(session: aiohttp.ClientSession, url: str) -> Joining:
    """What one double hands over."""
    async with session.get(f"{url}/admin/joining") as answer:
        answer.raise_for_status()
        given: Joining = await answer.json()
        return given


def keys_path(settings: Settings) -> Path:
    """Where the sample month's keys are kept, readable by their owner only."""
    return settings.data_dir / "sample-keys.json"


def kept_keys(settings: Settings) -> Keys | None:
    """The keys of an earlier `join`, if there was one."""
    path = keys_path(settings)
    return read_keys(path) if path.exists() else None


async def run(
    settings: Settings,
    keys: Keys,
    console: Console,
    *,
    orders: int | None = None,
    seed: int = 0,
    day_s: float = DAY_S,
    repeat: float = 0.0,
) -> MonthProgress:
    """Run the month against the gateway and draw what it does; return when all is finished."""
    month = Month(
        gateway=settings.gateway,
        keys=keys,
        carriers=tuple(settings.carrier_urls.values()),
        markets=settings.channel_urls,
        orders=orders,
        day_s=day_s,
        seed=seed,
        repeat=repeat,
    )
    pool = await open_pool(
        settings.database, application_name="ocop-month", size=2, session=READER_SESSION
    )
    columns = (
        TextColumn("{task.description:<16}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    async with pool:
        with Progress(*columns, console=console) as bars:
            watch = Watch(pool, bars)
            return await run_month(month, watch.all_finished, watch.moved)


class Watch:
    """Draws sent lines, packed shipments and finished orders, and sees when the month is over."""

    def __init__(self, pool: Pool, bars: Progress) -> None:
        self._pool = pool
        self._bars = bars
        self._sent = bars.add_task("orders sent", total=None)
        self._packed = bars.add_task("shipments packed", total=None)
        self._finished = bars.add_task("orders finished", total=None)

    def moved(self, progress: MonthProgress) -> None:
        """Move the first two bars."""
        self._bars.update(self._sent, completed=progress.sent, total=progress.lines)
        self._bars.update(self._packed, completed=progress.packed)

    async def all_finished(self, orders: int) -> bool:
        """Whether every order has come to its end, or is held."""
        (row,) = await self._pool.fetch(COUNT_ORDERS)
        done = row["finished"] + row["held"]
        self._bars.update(self._finished, completed=done, total=orders)
        return bool(row["known"] >= orders and done == row["known"])
