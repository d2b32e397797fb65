"""The channel runner against the doubles of Shopee and Lazada over HTTP, and what intake makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from schemas.catalogue import ORDER_RECEIVED, TRACKING_RECEIVED
from services.channels.directory import CHANNELS
from services.channels.port import (
    ChannelAccount,
    ChannelDenied,
    Fetched,
    Milestone,
    Missing,
    NotTold,
    Report,
)
from services.sandbox.lazada import LazadaSandbox
from services.sandbox.market import PlainOrder
from services.sandbox.options import CALM, EVEN, Options
from services.sandbox.serving import serving
from services.sandbox.shopee import ShopeeSandbox
from tests.intaking import start_intake
from tests.market_stalls import MarketStall, a_plain_order, connected

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from services.store.pool import Pool

ROWS = {row.name: row for row in CHANNELS}
SHOP = "100001"
APP_IDS = {"shopee": "2000001", "lazada": "100001"}
NUMBERS = {"shopee": "261001TESTAA01", "lazada": "400000000000001"}


@dataclass
class Held:
    """What would be sealed in the registry."""

    peer: ShopeeSandbox | LazadaSandbox
    key: str

    def of_app(self, channel: str) -> Sequence[str]:
        return (self.key,) if channel in ROWS else ()

    def of_shop(self, channel: str, shop: str) -> Sequence[str]:
        return (self.peer.token(shop),) if channel in ROWS and shop == SHOP else ()


@dataclass
class Stall(MarketStall):
    """One of the two, and what stands behind it."""

    peer: ShopeeSandbox | LazadaSandbox
    held: Held

    @property
    def number(self) -> str:
        return NUMBERS[self.name]

    async def buys(self, **changes: Any) -> None:
        """A buyer orders, told in the plain shape."""
        await self.does("", an_order(**{"number": self.number} | changes))

    async def moves(self, status: str) -> None:
        """The platform moves the order on, a minute later by its clock."""
        self.peer.yard.clock.set(self.peer.yard.clock.now() + timedelta(minutes=1))
        await self.does(f"/{self.number}/status", {"status": status})

    async def looks(self) -> None:
        """Poll until nothing is new, and fetch it."""
        for _ in range(3):
            await self.polls.poll_due()
        await self.works()

    async def taken_in(self) -> list[str]:
        """What intake tells of the whole log, in which nothing is dead."""
        kinds = await super().taken_in()
        assert self.intake.dead_codes == []
        return kinds


def an_order(**changes: Any) -> dict[str, Any]:
    line = {"sku": "OCOP-TS-01-600", "name": "Trà sen", "quantity": 2, "price": 175_000}
    address = {"street": "Số 1", "ward": "Phường Cầu Giấy", "province": "Hà Nội"}
    ours = {"number": "x", "shop": SHOP, "address": address, "lines": [line | {"weight": 600}]}
    return a_plain_order(**ours | changes)


@pytest.fixture(params=["shopee", "lazada"])
async def stall(request: pytest.FixtureRequest, pool: Pool) -> AsyncIterator[Stall]:
    async for one in a_stall(request.param, pool):
        yield one


@pytest.fixture
async def shopee(pool: Pool) -> AsyncIterator[Stall]:
    async for one in a_stall("shopee", pool):
        yield one


@pytest.fixture
async def lazada(pool: Pool) -> AsyncIterator[Stall]:
    async for one in a_stall("lazada", pool):
        yield one


async def a_stall(name: str, pool: Pool) -> AsyncIterator[Stall]:
    intake = await start_intake(pool)
    await pool.execute("INSERT INTO registry.shops VALUES ($1, $2, 'HTX-MAU-01')", name, SHOP)
    options = Options(start=datetime.now(UTC), speed=1.0, mischief=CALM, lives=EVEN)
    peer = (ShopeeSandbox if name == "shopee" else LazadaSandbox)(options)
    held = Held(peer, peer.joining()["secrets"][0])
    async with serving(peer) as url:
        account = ChannelAccount(url, app_id=APP_IDS[name], timeout_s=5.0)
        means = connected(ROWS[name], account, held, pool)
        yield Stall(
            **vars(means), name=name, url=url, intake=intake, pool=pool, peer=peer, held=held
        )
        await means.api.close()


async def test_an_order_is_fetched_and_placed_with_a_masked_buyer(stall: Stall) -> None:
    await stall.buys()
    await stall.looks()
    assert await stall.taken_in() == ["OrderPlaced"]
    [order] = (await stall.intake.state())["orders"]
    assert order["order_id"] == f"{stall.name}:HTX-MAU-01:{stall.number}"
    assert (order["cod_vnd"], order["ward_code"], order["fixed_carrier"]) == (
        366_000,
        "00166",
        stall.name,
    )
    [line] = (await stall.intake.state())["lines"]
    assert (line["quantity"], line["unit_price_vnd"]) == (2, 175_000)


async def test_every_order_is_listed_whatever_the_pages(stall: Stall) -> None:
    for number in range(7):
        await stall.buys(number=f"{40_000 + number}")
    for _ in range(2):
        await stall.looks()
        assert len(stall.log.values(ORDER_RECEIVED)) == 7


async def test_a_cancelled_order_is_cancelled(stall: Stall) -> None:
    await stall.buys()
    await stall.looks()
    await stall.moves("CANCELLED" if stall.name == "shopee" else "canceled")
    await stall.looks()
    assert (await stall.taken_in())[-1] == "OrderCancelRequested"


async def test_the_platforms_logistics_are_tracked_by_package(stall: Stall) -> None:
    await stall.buys()
    path = {
        "shopee": ("PROCESSED", "SHIPPED", "TO_CONFIRM_RECEIVE"),
        "lazada": ("packed", "shipped", "delivered"),
    }
    for status in path[stall.name]:
        await stall.moves(status)
        await stall.looks()
    told = stall.log.values(TRACKING_RECEIVED)
    last = {"shopee": b"LOGISTICS_DELIVERY_DONE", "lazada": b"delivered"}[stall.name]
    assert len(told) == 3
    assert last in told[-1]


async def test_an_order_of_another_shop_is_not_answered(stall: Stall) -> None:
    await stall.buys(shop="999999")
    assert isinstance(await stall.api.fetch(SHOP, stall.number), Missing)


async def test_a_wrong_secret_is_denied(stall: Stall) -> None:
    await stall.buys()
    stall.held.key = "another"
    with pytest.raises(ChannelDenied):
        await stall.api.fetch(SHOP, stall.number)


async def test_a_renewed_token_is_used_at_once(stall: Stall) -> None:
    await stall.buys()
    stall.peer.forget_tokens()
    assert isinstance(await stall.api.fetch(SHOP, stall.number), Fetched)


async def test_a_shop_without_a_token_is_not_asked(stall: Stall) -> None:
    assert stall.api.can_ask(SHOP)
    assert not stall.api.can_ask("999999")


async def test_no_call_reports_a_status_back(stall: Stall) -> None:
    report = Report(SHOP, stall.number, Milestone.DELIVERED, datetime.now(UTC))
    assert isinstance(await stall.api.report(report), NotTold)
    assert ROWS[stall.name].reports == frozenset()


async def test_only_the_fields_that_are_asked_for_come(shopee: Stall) -> None:
    await shopee.buys()
    fetched = await shopee.api.fetch(SHOP, shopee.number)
    assert isinstance(fetched, Fetched)
    assert b"package_list" in fetched.body
    assert b"pickup_done" not in fetched.body
    assert fetched.packages[0].status == "LOGISTICS_READY"


async def test_lost_pushes_are_fetched_and_confirmed(shopee: Stall) -> None:
    """Without an address to push to, every push is lost."""
    for number in range(150):
        await shopee.buys(number=f"2610{number:010d}")
    assert isinstance(shopee.peer, ShopeeSandbox)
    assert len(shopee.peer.lost) == 150
    assert await shopee.polls.drain() == 150
    assert shopee.peer.lost == []
    await shopee.works()
    assert len(shopee.log.values(ORDER_RECEIVED)) == 150


async def test_lost_pushes_that_were_not_confirmed_come_again(shopee: Stall) -> None:
    await shopee.buys()
    waiting = await shopee.api.waiting()
    assert (await shopee.api.waiting()).hints == waiting.hints
    assert waiting.receipt is not None
    await shopee.api.confirm(waiting.receipt)
    assert (await shopee.api.waiting()).hints == ()


async def test_a_unit_cancelled_is_an_amendment(lazada: Stall) -> None:
    await lazada.buys()
    await lazada.looks()
    lazada.peer.yard.clock.set(lazada.peer.yard.clock.now() + timedelta(minutes=1))
    await lazada.does(f"/{lazada.number}/cancel-unit")
    await lazada.looks()
    assert await lazada.taken_in() == ["OrderPlaced", "OrderAmended"]
    [line] = (await lazada.intake.state())["lines"]
    assert line["quantity"] == 1


async def test_more_orders_than_a_page_holds_are_all_listed(lazada: Stall) -> None:
    for number in range(230):
        if number % 20 == 0:
            lazada.peer.yard.clock.set(lazada.peer.yard.clock.now() + timedelta(seconds=2))
        lazada.peer.yard.place(plain(f"{50_000 + number}"))
    await lazada.looks()
    assert len({key for _, key, _, _ in lazada.log.records}) == 230


def plain(number: str) -> PlainOrder:
    return PlainOrder.model_validate(an_order(number=number))
