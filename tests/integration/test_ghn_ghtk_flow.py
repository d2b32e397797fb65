"""A parcel each with GHN and GHTK: booked by the runner, followed by their webhooks to its end.

Booking and tracking are the real stages, the carriers are asked and tell over HTTP.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from schemas.catalogue import TRACKING_RECEIVED
from schemas.ids import tracking_key
from schemas.intake import DeliveryDecided
from services.carriers.account import CarrierSettings
from services.carriers.ghn.proxy import Ghn
from services.carriers.ghtk.proxy import Ghtk
from services.carriers.webhook import Trusted
from services.carriers.webhooks import WEBHOOKS
from services.jobs.carrier_calls import Means
from services.jobs.runner import Limits, Runner
from services.reference.places import Places
from services.reference.status_map import read_status_map
from services.sandbox.ghn import GhnSandbox
from services.sandbox.ghtk import GhtkSandbox
from services.sandbox.options import CALM, EVEN, Options, Webhooks
from services.sandbox.plans import Step
from services.sandbox.serving import serving
from services.store.vault import Vault
from streams.booking import Booking
from streams.runtime.memory import ManualClock, Pipeline
from streams.tracking import Tracking
from tests.booking_facts import MORNING, ORDER, PARCEL, REFERENCE, packed, routed
from tests.booking_world import place_order

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from schemas.event import Event
    from schemas.topics import Topic
    from services.store.pool import Pool
    from streams.runtime.stage import Stage

pytestmark = pytest.mark.postgres

FAST = Options(mischief=CALM, lives=EVEN, speed=500_000.0)
SERVICES = {"ghn": ("ghn", "2"), "ghtk": ("ghtk", "road")}
APIS = {"ghn": "v2", "ghtk": "services"}
LINE = """
INSERT INTO intake.lines (order_id, line_no, sku, name, quantity, unit_price_vnd, weight_g,
                          origin_id, ocop_group, star, handling, transit_tolerance_h)
VALUES ($1, 1, 'S', 'Cam', 2, 1, 1, 'O-1', 'food', 3, '{fresh,fragile}', 96)
"""


class World:
    """Two stages, the runner, one carrier, and the door its webhooks come in by."""

    def __init__(self, pool: Pool, made: str) -> None:
        self.pool, self.made = pool, made
        stages: list[Stage] = [Booking(), Tracking(read_status_map())]
        self.pipeline = Pipeline(stages, pool, ManualClock(datetime(2026, 11, 23, tzinfo=UTC)))
        self.vault = Vault(bytes(32))
        self.refused = 0
        self.peer: GhnSandbox | GhtkSandbox

    async def append(
        self, topic: Topic, key: str, value: bytes, headers: Mapping[str, str]
    ) -> None:
        encoded = [(name, text.encode()) for name, text in headers.items()]
        await self.pipeline.send(topic.name, key, value, encoded)

    async def receive(self, request: web.Request) -> web.Response:
        """The gateway in small: verify the raw bytes, append a record an item."""
        raw, form = await request.read(), WEBHOOKS[self.made, APIS[self.made]]
        trusted = Trusted((hashlib.sha256(Webhooks().secret.encode()).digest(),))
        if not form.verify(raw, {}, trusted, request.query):
            self.refused += 1
            return web.Response(status=401)
        for number, item in form.keys(raw):
            headers = {
                "ocop_carrier": self.made,
                "ocop_api": APIS[self.made],
                "ocop_partner": self.made,
                "ocop_item": str(item),
            }
            await self.append(TRACKING_RECEIVED, tracking_key(self.made, number), raw, headers)
        return web.Response()

    async def tell(self, *events: Event) -> None:
        for event in events:
            await self.pipeline.send_event(event)
        await self.pipeline.run_until_idle()

    async def until(self, said: Callable[[], Any]) -> Any:
        async with asyncio.timeout(60):
            while not (found := said()):
                await asyncio.sleep(0.03)
                await self.pipeline.run_until_idle()
        return found

    def said(self, topic: str) -> list[Any]:
        return self.pipeline.events(topic)

    def status(self) -> str | None:
        told = self.said("shipment.status_changed.v1")
        return max(told, key=lambda event: event.version).status if told else None


@contextlib.asynccontextmanager
async def a_world(pool: Pool, made: str) -> AsyncIterator[World]:
    world = World(pool, made)
    door = web.Application()
    door.router.add_post("/", world.receive)
    gateway = web.AppRunner(door, access_log=None)
    await gateway.setup()
    await web.TCPSite(gateway, "127.0.0.1", 0).start()
    hooks = Webhooks(url=f"http://127.0.0.1:{gateway.addresses[0][1]}/")
    options = replace(FAST, webhooks=hooks)
    world.peer = GhnSandbox(options) if made == "ghn" else GhtkSandbox(options)
    async with serving(world.peer) as url:
        account = replace(CarrierSettings().account(made), base_url=url)
        carrier = Ghn(account) if made == "ghn" else Ghtk(account)
        means = Means(pool, world, world.vault, Places.load(), 0.2, era=0)
        runner = Runner((carrier,), means, Limits(concurrency=4))
        running = asyncio.create_task(runner.run())
        await place_order(pool, world.vault, ORDER)
        yield world
        runner.stop()
        await asyncio.wait_for(running, timeout=30)
    await gateway.cleanup()


@pytest.fixture(params=["ghn", "ghtk"])
async def world(request: pytest.FixtureRequest, pool: Pool) -> AsyncIterator[World]:
    async with a_world(pool, request.param) as made:
        yield made


async def test_a_parcel_is_booked_and_followed_to_the_door(world: World) -> None:
    await world.tell(routed(SERVICES[world.made]), packed())
    await world.until(lambda: world.status() == "delivered")
    (booked,) = world.said("shipment.booked.v1")
    parcel = world.peer.yard.by_number[booked.tracking_no]
    assert (booked.carrier, booked.api) == (world.made, APIS[world.made])
    assert (parcel.reference, parcel.recipient) == (REFERENCE, "Trần Thị B")
    assert world.refused == 0
    assert world.pipeline.dead == []


async def test_ghtk_is_told_how_the_goods_want_to_be_handled(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    book = Ghtk.book

    async def overheard(self: Ghtk, request: Any) -> Any:
        asked.append(request)
        return await book(self, request)

    monkeypatch.setattr(Ghtk, "book", overheard)
    async with a_world(pool, "ghtk") as world:
        await pool.execute(LINE, ORDER)
        await world.tell(routed(SERVICES["ghtk"]), packed())
        await world.until(lambda: asked)
    assert asked[0].handling == {"fresh", "fragile"}
    assert asked[0].perishable


@pytest.mark.parametrize(("decision", "end"), [("redeliver", "delivered"), ("return", "returned")])
async def test_inside_ghns_window_the_seller_decides(pool: Pool, decision: Any, end: str) -> None:
    async with a_world(pool, "ghn") as world:
        await world.tell(routed(SERVICES["ghn"]), packed())
        (booked,) = await world.until(lambda: world.said("shipment.booked.v1"))
        waits = [Step(1, "picked"), Step(9, "delivering"), Step(3, "waiting_to_return")]
        world.peer.yard.lead(world.peer.yard.by_number[booked.tracking_no], waits)
        await world.until(lambda: world.status() == "return_pending")
        await world.tell(
            DeliveryDecided(
                version=1,
                occurred_at=MORNING + timedelta(hours=40),
                order_id=ORDER,
                seller_id="HTX-MAU-01",
                by="seller:HTX-MAU-01",
                why="khách hẹn lại",
                command_id="c-1",
                decision=decision,
                parcel_id=PARCEL,
            )
        )
        await world.until(lambda: world.status() == end)
        (answer,) = world.said("booking.decision_answered.v1")
        assert answer.decision == decision
