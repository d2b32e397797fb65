"""The channel runner against the doubles of Tiki and Sendo over HTTP, and what intake makes of it.

Nothing is skipped and nothing doubled, whatever dies when.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import asyncpg
import orjson
import pytest

from services.channels.directory import CHANNELS
from services.channels.port import (
    ChannelAccount,
    ChannelDenied,
    ChannelUnreachable,
    Milestone,
    NotTold,
    Page,
    Report,
    Told,
)
from services.jobs import channel_calls
from services.sandbox.options import CALM, Options
from services.sandbox.sendo import SendoSandbox
from services.sandbox.serving import serving
from services.sandbox.tiki import TikiSandbox
from tests.intaking import start_intake
from tests.market_stalls import MarketStall, a_plain_order, connected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from services.sandbox.market import Market
    from services.store.pool import Pool

SHOP = "SHOP-1"
ROWS = {row.name: row for row in CHANNELS}
REGISTRY = """
INSERT INTO registry.shops VALUES ('tiki', 'SHOP-1', 'HTX-MAU-01'), ('sendo', 'SHOP-1', 'HTX-MAU-01');
INSERT INTO registry.listings VALUES ('HTX-MAU-01', '30000000001', 'sendo', 'OCOP-TS-01-600');
"""


@dataclass
class KnownSecrets:
    """What would be sealed in the registry."""

    shop: str = f"{SHOP}:sandbox"

    def of_app(self, channel: str) -> Sequence[str]:
        return () if channel == "sendo" else ("sandbox",)

    def of_shop(self, channel: str, shop: str) -> Sequence[str]:
        assert channel in ROWS
        return (self.shop,) if shop == SHOP else ()


@dataclass
class Stall(MarketStall):
    """One of the two, and what stands behind it."""

    market: Market
    peer: TikiSandbox | SendoSandbox

    async def buys(self, number: str = "100000001", **changes: Any) -> None:
        """A buyer orders, told in the plain shape."""
        await self.does("", an_order(number, **changes))

    async def looks(self) -> None:
        """Poll until nothing is new, take what is kept, fetch it."""
        for _ in range(3):
            await self.polls.poll_due()
        if ROWS[self.name].drains_every_s is not None:
            await self.polls.drain()
        await self.works()


def an_order(number: str, **changes: Any) -> dict[str, Any]:
    address = {"street": "Số 1 Đường Mẫu", "ward": "Phường Cầu Giấy", "province": "Hà Nội"}
    line = {"sku": "OCOP-TS-01-600", "quantity": 2, "price": 175_000, "ref": "30000000001"}
    ours = {"number": number, "shop": SHOP, "address": address, "lines": [line]}
    return a_plain_order(**ours | changes)


@pytest.fixture(params=["tiki", "sendo"])
async def stall(request: pytest.FixtureRequest, pool: Pool) -> AsyncIterator[Stall]:
    async for one in a_stall(request.param, pool):
        yield one


@pytest.fixture
async def tiki(pool: Pool) -> AsyncIterator[Stall]:
    async for one in a_stall("tiki", pool):
        yield one


async def a_stall(name: str, pool: Pool) -> AsyncIterator[Stall]:
    intake = await start_intake(pool)
    await pool.execute(REGISTRY)
    options = Options(start=datetime.now(UTC), speed=1.0, mischief=CALM)
    peer = (TikiSandbox if name == "tiki" else SendoSandbox)(options)
    async with serving(peer) as url:
        account = ChannelAccount(url, app_id="sandbox", timeout_s=5.0)
        means = connected(ROWS[name], account, KnownSecrets(), pool)
        yield Stall(
            **vars(means), name=name, url=url, intake=intake, pool=pool, market=peer.yard, peer=peer
        )
        await means.api.close()


def the_numbers(stall: Stall) -> set[str]:
    """The orders of which something is in the log."""
    return {key.partition(":")[2] for _, key, _, _ in stall.log.records}


async def test_an_order_is_fetched_once_and_placed(stall: Stall) -> None:
    await stall.buys()
    for _ in range(2):
        await stall.looks()
    assert len(stall.log.records) == 1
    assert await stall.taken_in() == ["OrderPlaced"]
    [order] = (await stall.intake.state())["orders"]
    assert (order["order_id"], order["seller_id"]) == (
        f"{stall.name}:HTX-MAU-01:100000001",
        "HTX-MAU-01",
    )
    assert (order["cod_vnd"], order["ward_code"]) == (366_000, "00166")
    [line] = (await stall.intake.state())["lines"]
    assert (line["sku"], line["quantity"], line["unit_price_vnd"]) == ("OCOP-TS-01-600", 2, 175_000)


async def test_a_cancelled_order_is_cancelled(stall: Stall) -> None:
    await stall.buys()
    await stall.looks()
    await stall.does("/100000001/cancel")
    await stall.looks()
    assert await stall.taken_in() == ["OrderPlaced", "OrderCancelRequested"]


async def test_an_order_the_channel_delays_waits_until_it_goes_on(stall: Stall) -> None:
    held, on = ("holded", "processing") if stall.name == "tiki" else ("12", "3")
    await stall.buys()
    for status in ("", held, on):
        if status:
            await stall.does("/100000001/status", {"status": status})
        await stall.looks()
        stall.market.clock.set(stall.market.clock.now() + timedelta(seconds=2))
    assert (await stall.taken_in())[:3] == ["OrderPlaced", "OrderHeld", "OrderReleased"]
    [order] = (await stall.intake.state())["orders"]
    assert (order["placed"], order["holds"]) == (True, "[]")


async def test_an_order_cancelled_before_we_looked_waits_for_nobody(stall: Stall) -> None:
    await stall.buys()
    await stall.does("/100000001/cancel")
    await stall.looks()
    assert await stall.taken_in() == []
    assert stall.intake.dead_codes == []


async def test_an_uncertain_address_is_held(stall: Stall) -> None:
    address = {"street": "Số 1", "ward": "Phường An Phú", "district": "TP Thủ Đức"}
    await stall.buys(address=address | {"province": "TP Hồ Chí Minh"})
    await stall.looks()
    told = await stall.taken_in()
    assert told == (["OrderHeld"] if stall.name == "sendo" else ["OrderPlaced"])


async def test_many_pages_are_read_while_orders_come_and_change(stall: Stall) -> None:
    for number in range(120):
        await stall.buys(f"1{number:08d}")
    pages = 0
    ask = stall.api.page

    async def page(shop: str, since: datetime, until: datetime, token: str | None) -> Page:
        nonlocal pages
        found = await ask(shop, since, until, token)
        if pages < 3:
            await stall.does(f"/1{pages:08d}/cancel")
            await stall.buys(f"2{pages:08d}")
        pages += 1
        return found

    stall.api.page = page  # type: ignore[method-assign] # the double of a double
    await stall.looks()
    await stall.looks()
    assert the_numbers(stall) == set(stall.market.sold)
    newest = {key: value for _, key, value, _ in stall.log.records}
    for code, sold in stall.market.sold.items():
        order = orjson.loads(newest[f"{stall.name}:{code}"])
        status = order.get("status") or order["sales_order"]["order_status"]
        assert str(status) == sold.status


async def test_a_runner_that_dies_before_the_cursor_moves_skips_and_doubles_nothing(
    stall: Stall, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stall.buys()
    with monkeypatch.context() as dying:
        dying.setattr("services.jobs.channel_polls.MOVE_CURSOR", "UPDATE nowhere")
        with pytest.raises(asyncpg.PostgresError):
            await stall.polls.poll_due()
    await stall.pool.execute("UPDATE channels.cursors SET leased_until = '-infinity'")
    await stall.looks()
    assert await stall.taken_in() == ["OrderPlaced"]
    assert len(stall.log.records) == 1


async def test_a_runner_that_dies_after_the_append_tells_of_the_order_once(
    stall: Stall, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stall.buys()

    async def dies(*_: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as dying:
        dying.setattr(channel_calls, "keep_order", dies)
        with pytest.raises(RuntimeError):
            await stall.looks()
    await stall.looks()
    assert len(stall.log.records) == 2
    assert await stall.taken_in() == ["OrderPlaced"]
    assert stall.intake.dead_codes == []


async def test_a_token_that_ended_is_renewed(stall: Stall) -> None:
    await stall.looks()
    await stall.buys()
    stall.peer.forget_tokens()
    await stall.looks()
    assert len(stall.log.records) == 1


async def test_a_wrong_secret_is_denied_and_another_shops_order_is_missing(stall: Stall) -> None:
    account = ChannelAccount(stall.url, app_id="sandbox")
    api = ROWS[stall.name].connect(account, KnownSecrets(shop=f"{SHOP}:wrong"))
    with pytest.raises(ChannelDenied):
        await api.fetch(SHOP, "100000001")
    await api.close()
    assert not stall.api.can_ask("SHOP-2")
    await stall.buys(shop="SHOP-2")
    await stall.looks()
    assert stall.log.records == []


async def test_a_channel_that_is_away_is_asked_again_later(stall: Stall) -> None:
    api = ROWS[stall.name].connect(ChannelAccount("http://127.0.0.1:9"), KnownSecrets())
    with pytest.raises(ChannelUnreachable):
        await api.fetch(SHOP, "1")
    await api.close()


async def test_a_milestone_is_told_once_and_told_again_harmlessly(stall: Stall) -> None:
    await stall.buys()
    report = Report(SHOP, "100000001", Milestone.ARRANGED, datetime.now(UTC))
    delivered = replace(report, milestone=Milestone.DELIVERED)
    for told in (report, report, delivered, delivered):
        assert await stall.api.report(told) == Told()
    statuses = [status for _, status in stall.market.sold["100000001"].history]
    expected = ["queueing", "processing", "successful_delivery"]
    assert statuses == (expected if stall.name == "tiki" else ["2", "3", "7"])


async def test_what_a_channel_will_not_have_is_said(stall: Stall) -> None:
    await stall.buys()
    report = Report(SHOP, "100000001", Milestone.DELIVERED, datetime.now(UTC))
    assert isinstance(await stall.api.report(report), NotTold)
    number = replace(report, milestone=Milestone.TRACKING_NUMBER)
    assert isinstance(await stall.api.report(number), NotTold)


async def subscribed(tiki: Stall) -> None:
    """The first poll subscribes; the routing begins a little later."""
    await tiki.looks()
    tiki.market.clock.set(tiki.market.clock.now() + timedelta(seconds=10))


async def test_events_that_were_not_acknowledged_come_again(
    tiki: Stall, monkeypatch: pytest.MonkeyPatch
) -> None:
    await subscribed(tiki)
    await tiki.buys()
    with monkeypatch.context() as dying:
        dying.setattr(tiki.api, "confirm", tiki.api.fetch)
        with pytest.raises(TypeError):
            await tiki.polls.drain()
    await tiki.polls.drain()
    await tiki.works()
    assert isinstance(tiki.peer, TikiSandbox)
    assert (tiki.peer.events, tiki.market.totals["events_pulled"]) == ([], 2)
    assert await tiki.taken_in() == ["OrderPlaced"]


async def test_what_came_before_the_routing_is_found_by_the_list(tiki: Stall) -> None:
    await tiki.looks()
    await tiki.buys()
    await tiki.polls.drain()
    assert tiki.market.totals["events_unrouted"] == 1
    await tiki.looks()
    assert await tiki.taken_in() == ["OrderPlaced"]


async def test_a_list_is_read_even_while_the_queue_is_away(
    tiki: Stall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.channels.tiki.api.QUEUES", "/nowhere")
    await tiki.buys()
    await tiki.polls.poll_due()
    await tiki.works()
    assert len(tiki.log.records) == 1


async def test_where_tiki_ships_its_number_is_the_package(tiki: Stall) -> None:
    await tiki.buys(platform_ships=True)
    await tiki.looks()
    await tiki.api.report(Report(SHOP, "100000001", Milestone.ARRANGED, datetime.now(UTC)))
    tiki.market.clock.set(tiki.market.clock.now() + timedelta(seconds=2))
    await tiki.looks()
    topics = [topic for topic, _, _, _ in tiki.log.records]
    assert topics == ["order.received.v1", "order.received.v1", "tracking.received.v1"]
    _, key, value, headers = tiki.log.records[-1]
    assert (key, headers["ocop_carrier"], headers["ocop_api"]) == (
        "tiki:TKVN00000000",
        "tiki",
        "logistics",
    )
    assert b'"status":"new"' in value
