"""From a buyer at Tiki or Sendo to the doorstep and back to the channel, over HTTP on both ends."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from services.carriers.directory import name_of
from services.channels.directory import CHANNELS
from services.channels.port import ChannelAccount
from services.jobs.channel_calls import ChannelCalls, ChannelMeans
from services.jobs.channel_polls import Polls
from services.jobs.channel_queue import channel_entrypoint, read_job
from services.sandbox.market import Address, Buyer, Line, PlainOrder
from services.sandbox.options import CALM, Options
from services.sandbox.sendo import SendoSandbox
from services.sandbox.serving import serving
from services.sandbox.tiki import TikiSandbox
from services.store.vault import Vault
from tests.carrier_lives import DELIVERED
from tests.market import Log
from tests.whole_flow import BOOKED, WholeFlow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from services.store.pool import Pool

pytestmark = pytest.mark.postgres

JOBS = "SELECT id, payload FROM jobs.pgqueuer WHERE entrypoint = $1 ORDER BY id"
STANDING = "SELECT status, fulfilment FROM status.orders WHERE order_id = $1"
CARRIERS = "SELECT carrier FROM booking.bookings WHERE order_id = $1 AND state = 'booked'"
SHOPS = {"tiki": "T-S01-01", "sendo": "D-S01-01"}
NUMBER = "100000001"


class AnyShop:
    """Every shop's secret is the double's."""

    def of_app(self, channel: str) -> Sequence[str]:
        return ("sandbox",) if channel == "tiki" else ()

    def of_shop(self, channel: str, shop: str) -> Sequence[str]:
        return (f"{shop}:sandbox",) if shop == SHOPS[channel] else ()


class Street:
    """A channel's double, our runner's parts, and the whole flow behind the log."""

    def __init__(self, name: str, url: str, peer: TikiSandbox | SendoSandbox, pool: Pool) -> None:
        row = next(row for row in CHANNELS if row.name == name)
        self.name, self.market, self.pool = name, peer.yard, pool
        self.log, self.flow = Log(), WholeFlow(pool)
        self.api = row.connect(ChannelAccount(url, app_id="sandbox"), AnyShop())
        self.calls = ChannelCalls(name, self.api, ChannelMeans(pool, self.log, Vault(bytes(32))))
        self.polls = Polls(row, self.api, pool, first_look=timedelta(days=1), every_s=1e-6)
        self.order_id = f"{name}:S01-01:{NUMBER}"

    async def buys(self, *, platform_ships: bool = False) -> None:
        """Two packs of young rice for Cầu Giấy, cash on delivery."""
        self.market.place(
            PlainOrder(
                number=NUMBER,
                shop=SHOPS[self.name],
                placed_at=self.market.now(),
                buyer=Buyer(name="Trần Thị B", phone="0900000002"),
                address=Address(street="Số 1", ward="Phường Cầu Giấy", province="Hà Nội"),
                lines=(Line(sku="S01-01-01", quantity=2, price=175_000, ref="30000010101"),),
                shipping=16_000,
                cod=366_000,
                platform_ships=platform_ships,
            )
        )

    async def exchanges(self) -> None:
        """Ask the channel, take in what it says, tell it what came of it; until nothing is new."""
        for _ in range(3):
            for _ in range(3):
                await self.polls.poll_due()
            for row in await self.pool.fetch(JOBS, channel_entrypoint(self.name)):
                await self.calls.perform(read_job(self.name, row["payload"]), 0)
                await self.pool.execute("DELETE FROM jobs.pgqueuer WHERE id = $1", row["id"])
            records, self.log.records = self.log.records, []
            for topic, key, value, headers in records:
                encoded = [(header, text.encode()) for header, text in headers.items()]
                await self.flow.pipeline.send(topic, key, value, encoded)
            await self.flow.pipeline.run_until_idle()
            # A second of the channel's is its shortest time: the next change has a later one.
            self.market.clock.set(self.market.clock.now() + timedelta(seconds=1))

    async def standing(self) -> str:
        row = await self.pool.fetchrow(STANDING, self.order_id)
        return str(row["status"]) if row else ""


@contextlib.asynccontextmanager
async def a_street(name: str, pool: Pool) -> AsyncIterator[Street]:
    options = Options(start=datetime.now(UTC), speed=1.0, mischief=CALM)
    peer = (TikiSandbox if name == "tiki" else SendoSandbox)(options)
    async with serving(peer) as url:
        street = Street(name, url, peer, pool)
        await street.flow.registers()
        yield street
        await street.api.close()


@pytest.mark.parametrize(
    ("name", "words"),
    [("tiki", ["queueing", "processing", "successful_delivery"]), ("sendo", ["2", "3", "7"])],
)
async def test_an_order_goes_from_its_channel_to_the_door_and_its_channel_hears_of_it(
    pool: Pool, name: str, words: list[str]
) -> None:
    async with a_street(name, pool) as street:
        await street.buys()
        await street.exchanges()
        assert await street.standing() == "allocated"
        await street.flow.packs()
        await street.flow.books()
        [booking] = await pool.fetch(BOOKED)
        for code, hours in DELIVERED[name_of(booking["carrier"], booking["api"])]:
            at = booking["booked_at"] + timedelta(hours=hours)
            await street.flow.scans(dict(booking), code, at)
        await street.flow.pipeline.run_until_idle()
        await street.exchanges()
        assert await street.standing() == "delivered"
        sold = street.market.sold[NUMBER]
        assert [status for _, status in sold.history] == words


async def test_where_tiki_ships_the_parcel_is_followed_by_its_number(pool: Pool) -> None:
    async with a_street("tiki", pool) as street:
        await street.buys(platform_ships=True)
        await street.exchanges()
        await street.flow.packs()
        await street.exchanges()
        assert [row["carrier"] for row in await pool.fetch(CARRIERS, street.order_id)] == ["tiki"]
        for status in ("handover_to_partner", "shipping", "successful_delivery"):
            street.market.move(street.market.sold[NUMBER], status)
            await street.exchanges()
        assert await street.standing() == "delivered"


async def test_a_buyer_who_cancels_at_the_channel_ends_the_order(pool: Pool) -> None:
    async with a_street("sendo", pool) as street:
        await street.buys()
        await street.exchanges()
        street.market.move(street.market.sold[NUMBER], "13")
        await street.exchanges()
        assert await street.standing() == "cancelled"
