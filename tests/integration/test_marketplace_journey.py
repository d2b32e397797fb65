"""From a marketplace's door to the doorstep: its double over HTTP, our runner, all stages between."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import pytest

from schemas.booking import ShipmentBooked
from schemas.catalogue import FEED_APPENDED, SHIPMENT_BOOKED
from services.channels.directory import CHANNELS
from services.channels.port import ChannelAccount
from services.jobs.channel_calls import ChannelCalls, ChannelMeans
from services.jobs.channel_polls import Polls
from services.jobs.channel_queue import read_job
from services.sandbox.lazada import LazadaSandbox
from services.sandbox.market import PlainOrder
from services.sandbox.options import CALM, EVEN, Options
from services.sandbox.serving import serving
from services.sandbox.shopee import ShopeeSandbox
from services.store.vault import Vault
from tests.market import Log
from tests.whole_flow import WholeFlow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from services.store.pool import Pool

ROWS: Final = {row.name: row for row in CHANNELS}
APP_IDS: Final = {"shopee": "2000001", "lazada": "100001"}
NUMBERS: Final = {"shopee": "261001TESTAA01", "lazada": "400000000000001"}
SHIPPED: Final = {
    "shopee": ("PROCESSED", "SHIPPED", "TO_CONFIRM_RECEIVE", "COMPLETED"),
    "lazada": ("packed", "ready_to_ship", "shipped", "delivered"),
}
OF_CHANNEL: Final = """
SELECT s.shop_ref, s.seller_id, min(p.sku) AS sku
FROM registry.shops s JOIN registry.products p USING (seller_id)
JOIN registry.certificates c USING (seller_id, sku)
WHERE s.channel = $1 AND c.expires_on > '2027-06-01' AND c.revoked_on IS NULL
GROUP BY 1, 2 ORDER BY 1 LIMIT 1
"""

ONE_SHOP: Final = """
DELETE FROM registry.shops WHERE channel = $1 AND shop_ref <> (
    SELECT min(s.shop_ref) FROM registry.shops s
    JOIN registry.certificates c USING (seller_id)
    WHERE s.channel = $1 AND c.expires_on > '2027-06-01' AND c.revoked_on IS NULL)
"""


@dataclass
class Held:
    """What would be sealed in the registry."""

    peer: ShopeeSandbox | LazadaSandbox

    def of_app(self, channel: str) -> Sequence[str]:
        return self.peer.joining()["secrets"] if channel in ROWS else ()

    def of_shop(self, channel: str, shop: str) -> Sequence[str]:
        return (self.peer.token(shop),) if channel in ROWS else ()


@dataclass
class Journey:
    """One marketplace, the runner's calls to it, and every stage."""

    name: str
    flow: WholeFlow
    peer: ShopeeSandbox | LazadaSandbox
    calls: ChannelCalls
    polls: Polls
    log: Log
    passed_on: int = 0

    async def looks(self) -> None:
        """Poll, fetch, and let every stage take it in."""
        for _ in range(3):
            await self.polls.poll_due()
        jobs = "DELETE FROM jobs.pgqueuer WHERE entrypoint LIKE 'channel.%' RETURNING payload"
        for row in await self.flow.pool.fetch(jobs):
            await self.calls.perform(read_job(self.name, row["payload"]), 0)
        new, self.passed_on = self.log.records[self.passed_on :], len(self.log.records)
        for topic, key, value, headers in new:
            encoded = [(name, text.encode()) for name, text in headers.items()]
            await self.flow.pipeline.send(topic, key, value, encoded)
        await self.flow.pipeline.run_until_idle()

    async def sells(self) -> str:
        """A buyer orders from a sample shop; our id of the order."""
        shop = await self.flow.pool.fetchrow(OF_CHANNEL, self.name)
        assert shop is not None
        line = {"sku": shop["sku"], "quantity": 1, "price": 90_000, "weight": 500}
        order = {
            "number": NUMBERS[self.name],
            "shop": shop["shop_ref"],
            "placed_at": self.peer.yard.now(),
            "buyer": {"name": "Trần Thị B", "phone": "0900000002"},
            "address": {"street": "Số 1", "ward": "Phường Cầu Giấy", "province": "Hà Nội"},
            "lines": [line],
            "shipping": 16_000,
            "cod": 106_000,
        }
        self.peer.yard.place(PlainOrder.model_validate(order))
        await self.looks()
        return f"{self.name}:{shop['seller_id']}:{NUMBERS[self.name]}"

    async def moves(self, status: str) -> None:
        """Hours later the platform says this of it."""
        clock = self.peer.yard.clock
        clock.set(clock.now() + timedelta(hours=6))
        self.peer.yard.move(self.peer.yard.sold[NUMBERS[self.name]], status)
        await self.looks()

    async def status(self, order_id: str) -> str:
        found: str = await self.flow.pool.fetchval(
            "SELECT status FROM status.orders WHERE order_id = $1", order_id
        )
        return found


@pytest.fixture(params=["shopee", "lazada"])
async def journey(request: pytest.FixtureRequest, pool: Pool) -> AsyncIterator[Journey]:
    name: str = request.param
    flow = WholeFlow(pool)
    await flow.registers()
    await pool.execute(ONE_SHOP, name)
    options = Options(start=datetime.now(UTC), speed=1.0, mischief=CALM, lives=EVEN)
    peer = (ShopeeSandbox if name == "shopee" else LazadaSandbox)(options)
    async with serving(peer) as url:
        api = ROWS[name].connect(ChannelAccount(url, APP_IDS[name], timeout_s=5.0), Held(peer))
        log = Log()
        calls = ChannelCalls(name, api, ChannelMeans(pool, log, Vault(bytes(32))))
        polls = Polls(ROWS[name], api, pool, first_look=timedelta(days=1), every_s=1e-6)
        yield Journey(name, flow, peer, calls, polls, log)
        await api.close()


async def test_an_order_is_followed_to_the_doorstep(journey: Journey) -> None:
    order_id = await journey.sells()
    assert await journey.status(order_id) == "allocated"
    await journey.flow.packs()
    for status in SHIPPED[journey.name]:
        await journey.moves(status)
    assert await journey.status(order_id) == "delivered"
    [booked] = journey.flow.pipeline.events(SHIPMENT_BOOKED.name)
    assert isinstance(booked, ShipmentBooked)
    assert (booked.carrier, booked.api) == (journey.name, "logistics")
    assert journey.flow.pipeline.dead == []


async def test_an_order_cancelled_on_the_way_ends_everywhere(journey: Journey) -> None:
    order_id = await journey.sells()
    await journey.flow.packs()
    await journey.moves(SHIPPED[journey.name][0])
    await journey.moves("CANCELLED" if journey.name == "shopee" else "canceled")
    assert await journey.status(order_id) == "cancelled"
    assert journey.flow.pipeline.dead == []


async def test_nothing_of_a_person_is_told_to_anybody(journey: Journey) -> None:
    await journey.sells()
    await journey.flow.packs()
    told = b"".join(
        event.model_dump_json().encode()
        for event in journey.flow.pipeline.events(FEED_APPENDED.name)
    )
    assert told
    assert b"0900000002" not in told
    assert b"******" not in told
