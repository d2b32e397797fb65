"""The whole channel runner, killed again and again, against doubles that fail, repeat and dawdle."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson
import pytest

from schemas.catalogue import ORDER_RECEIVED
from schemas.intake import OrderPlaced
from services.channels.directory import CHANNELS
from services.channels.settings import ChannelSettings
from services.jobs.channel_calls import ChannelMeans
from services.jobs.channels import ChannelRunner
from services.sandbox.market import PlainOrder
from services.sandbox.options import CALM, Options
from services.sandbox.sendo import SendoSandbox
from services.sandbox.serving import serving
from services.sandbox.tiki import TikiSandbox
from services.store.channel_secrets import ChannelSecrets
from services.store.credentials import seal_secret
from services.store.vault import Vault
from tests.contract.test_tiki_sendo import REGISTRY, SHOP, an_order
from tests.intaking import start_intake
from tests.market import Log

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.sandbox.market import Market
    from services.store.pool import Pool

pytestmark = [pytest.mark.postgres]

VAULT = Vault(bytes(32))
MISCHIEF = replace(CALM, unserved=0.03, server_error=0.03, dropped=0.03, duplicate=0.2)
WAITING = "SELECT count(*) FROM jobs.pgqueuer"
SECRETS = {
    "tiki": "sandbox",
    f"tiki/{SHOP}": f"{SHOP}:sandbox",
    f"sendo/{SHOP}": f"{SHOP}:sandbox",
}
END_LEASES = "UPDATE channels.cursors SET leased_until = '-infinity'"
"""A minute later, as it were: so long nobody else polls what a killed runner was polling."""
QUIET_S = 3.0
ORDERS, LIVES = 40, 4


class Town:
    """Both doubles, and a runner that can be killed."""

    def __init__(self, pool: Pool, urls: dict[str, str]) -> None:
        self.pool = pool
        self.log = Log()
        self.settings = ChannelSettings(
            tiki_url=urls["tiki"], sendo_url=urls["sendo"], poll_every_s=0.2, timeout_s=2.0
        )
        # Shopee and Lazada have no secrets here and are never asked.
        self.rows = [
            replace(row, drains_every_s=row.drains_every_s and 0.1)
            for row in CHANNELS
            if row.name in urls
        ]

    @contextlib.asynccontextmanager
    async def runner(self) -> AsyncIterator[None]:
        """A runner while the block lasts; then it is gone, whatever it had in hand."""
        secrets = ChannelSecrets(VAULT.open_secret)
        means = ChannelMeans(self.pool, self.log, VAULT)
        task = asyncio.create_task(ChannelRunner(self.rows, self.settings, secrets, means).run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self.pool.execute(END_LEASES)

    async def settle(self) -> None:
        """Until nothing waits and the log has stood still for a while."""
        quiet_since, seen = asyncio.get_running_loop().time(), -1
        async with asyncio.timeout(60):
            while True:
                now = asyncio.get_running_loop().time()
                if await self.pool.fetchval(WAITING) or len(self.log.records) != seen:
                    quiet_since, seen = now, len(self.log.records)
                if now - quiet_since > QUIET_S:
                    return
                await asyncio.sleep(0.2)


async def test_killed_runners_skip_no_order_and_place_none_twice(pool: Pool) -> None:
    intake = await start_intake(pool)
    await pool.execute(REGISTRY)
    async with pool.acquire() as connection:
        for owner, secret in SECRETS.items():
            await seal_secret(connection, owner, secret, VAULT.seal_secret)
    options = Options(start=datetime.now(UTC), speed=1.0, mischief=MISCHIEF)
    tiki, sendo = TikiSandbox(options), SendoSandbox(options)
    rng = random.Random(7)
    async with serving(tiki) as tiki_url, serving(sendo) as sendo_url:
        town = Town(pool, {"tiki": tiki_url, "sendo": sendo_url})
        markets = {"tiki": tiki.yard, "sendo": sendo.yard}
        for life in range(LIVES):
            async with town.runner():
                for number in range(ORDERS // LIVES):
                    for market in markets.values():
                        order = an_order(f"1{life:03d}{number:03d}")
                        market.place(PlainOrder.model_validate(order))
                    await asyncio.sleep(rng.uniform(0.0, 0.1))
                    perhaps_cancel(rng, markets["tiki"], "canceled")
                    perhaps_cancel(rng, markets["sendo"], "13")
        async with town.runner():
            await town.settle()
    for name, market in markets.items():
        newest = {
            key: orjson.loads(value)
            for topic, key, value, headers in town.log.records
            if topic == ORDER_RECEIVED.name and headers["ocop_channel"] == name
        }
        assert len(newest) == len(market.sold) == ORDERS
        for code, sold in market.sold.items():
            order = newest[f"{name}:{code}"]
            status = order.get("status") or order["sales_order"]["order_status"]
            assert str(status) == sold.status
    for topic, key, value, headers in town.log.records:
        encoded = [(header, text.encode()) for header, text in headers.items()]
        await intake.pipeline.send(topic, key, value, encoded)
    await intake.pipeline.run_until_idle()
    assert intake.dead_codes == []
    placed = Counter(one.order_id for one in intake.events if isinstance(one, OrderPlaced))
    assert set(placed.values()) == {1}
    live = sum(
        sold.status not in {"canceled", "13"} for x in markets.values() for sold in x.sold.values()
    )
    assert live <= len(placed) <= 2 * ORDERS


def perhaps_cancel(rng: random.Random, market: Market, status: str) -> None:
    """A buyer changes their mind, now and then."""
    if rng.random() < 0.3:
        market.move(rng.choice(list(market.sold.values())), status, "changed_mind")
