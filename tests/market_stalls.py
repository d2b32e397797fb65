"""A marketplace's double over HTTP with the runner's calls to it, the log and intake behind it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import aiohttp

from schemas.catalogue import ORDER_RECEIVED
from services.jobs.channel_calls import ChannelCalls, ChannelMeans
from services.jobs.channel_polls import Polls
from services.jobs.channel_queue import read_job
from services.store.vault import Vault
from tests.market import Log

if TYPE_CHECKING:
    from services.channels.directory import ChannelInterface
    from services.channels.port import ChannelAccount, ChannelApi, Secrets
    from services.store.pool import Pool
    from tests.intaking import Intaking

JOBS = "SELECT id, payload FROM jobs.pgqueuer ORDER BY id"


@dataclass
class Means:
    """Our calls to one marketplace."""

    api: ChannelApi
    calls: ChannelCalls
    polls: Polls
    log: Log


def connected(
    row: ChannelInterface, account: ChannelAccount, secrets: Secrets, pool: Pool
) -> Means:
    api, log = row.connect(account, secrets), Log()
    calls = ChannelCalls(row.name, api, ChannelMeans(pool, log, Vault(bytes(32))))
    polls = Polls(row, api, pool, first_look=timedelta(days=1), every_s=1e-6)
    return Means(api, calls, polls, log)


@dataclass
class MarketStall(Means):
    """One marketplace as a test meets it."""

    name: str
    url: str
    intake: Intaking
    pool: Pool

    async def does(self, what: str, body: dict[str, Any] | None = None) -> None:
        """Somebody does something at the marketplace."""
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.url}/admin/orders{what}", json=body or {}) as answer,
        ):
            assert answer.status == 200, await answer.text()

    async def works(self) -> None:
        """Every fetch that waits, as the queue would do it."""
        for row in await self.pool.fetch(JOBS):
            await self.calls.perform(read_job(self.name, row["payload"]), 0)
            await self.pool.execute("DELETE FROM jobs.pgqueuer WHERE id = $1", row["id"])

    async def taken_in(self) -> list[str]:
        """What intake tells of the whole log, from its beginning."""
        for topic, key, value, headers in self.log.records:
            if topic == ORDER_RECEIVED.name:
                encoded = [(name, text.encode()) for name, text in headers.items()]
                await self.intake.pipeline.send(topic, key, value, encoded)
        await self.intake.pipeline.run_until_idle()
        return self.intake.kinds


def a_plain_order(**changes: Any) -> dict[str, Any]:
    return {
        "placed_at": "2026-07-01T07:00:00+07:00",
        "buyer": {"name": "Trần Thị B", "phone": "0900000002"},
        "shipping": 16_000,
        "cod": 366_000,
        **changes,
    }
