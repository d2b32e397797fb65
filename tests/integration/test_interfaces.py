"""Two parcels, one with EMS and one with Vietnam Post's older interface, from packing to the door.

Booking, tracking, queue, runner, proxies and both sandboxes are real; only the log is in memory,
and the gateway is played by what it is made of.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from schemas.ids import booking_reference, tracking_key
from schemas.partner import FORMAT
from schemas.tracking import CodState, TrackingStatus
from services.carriers.account import Account
from services.carriers.ems.proxy import Ems
from services.carriers.rsa_keys import public_key_pem
from services.carriers.vnpost_legacy.proxy import VietnamPostLegacy
from services.carriers.webhook import Trusted
from services.carriers.webhooks import ANSWERS, EVENT_ID_HEADERS, WEBHOOKS
from services.gateway.partners import read_batch
from services.jobs.carrier_calls import Means
from services.jobs.runner import Limits, Runner
from services.reference.places import Places
from services.reference.status_map import read_status_map
from services.sandbox.ems import EmsSandbox
from services.sandbox.options import CALM, EVEN, Options, Webhooks
from services.sandbox.serving import serving
from services.sandbox.vnpost_legacy import VietnamPostLegacySandbox
from services.store.vault import Vault
from streams.booking import Booking
from streams.runtime.memory import ManualClock, Pipeline
from streams.tracking import Tracking
from tests.booking_facts import MORNING, packed, recall_requested, routed, void_requested
from tests.booking_world import place_order

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from schemas.topics import Topic
    from services.store.pool import Pool

    Peer = EmsSandbox | VietnamPostLegacySandbox

pytestmark = pytest.mark.postgres

PLACES = Places.load()
BY_EMS, BY_LEGACY = ("ems", "EMS"), ("vnpost", "BK")
APIS = {BY_EMS: "merchantsite", BY_LEGACY: "legacy"}
FIRST, SECOND = "postmart:HTX-MAU-01:PM-0000001", "postmart:HTX-MAU-01:PM-0000002"
STILL = Options(MORNING, mischief=CALM, lives=EVEN, speed=1.0)
FAST = replace(STILL, speed=400_000.0)


class World:
    """Booking and tracking, the runner, and a door for the sandboxes' webhooks."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        clock = ManualClock(datetime(2026, 11, 23, tzinfo=UTC))
        self.pipeline = Pipeline([Booking(), Tracking(read_status_map())], pool, clock)
        self.vault = Vault(bytes(32))
        self.trusted: dict[str, Trusted] = {}
        self.door = ""
        self.refused = 0

    async def append(
        self, topic: Topic, key: str, value: bytes, headers: Mapping[str, str]
    ) -> None:
        encoded = [(name, text.encode()) for name, text in headers.items()]
        await self.pipeline.send(topic.name, key, value, encoded)

    async def receive(self, request: web.Request) -> web.Response:
        carrier, api = (request.match_info[name] for name in ("carrier", "api"))
        raw, form = await request.read(), WEBHOOKS[carrier, api]
        headers = {name.lower(): value for name, value in request.headers.items()}
        if not form.verify(raw, headers, self.trusted[carrier], request.query):
            self.refused += 1
            return web.Response(status=401)
        ours = {"ocop_event_id": headers.get(EVENT_ID_HEADERS.get((carrier, api), ""), "")}
        for number, item in form.keys(raw):
            await self._receive(carrier, api, number, raw, ours | {"ocop_item": str(item)})
        shape = ANSWERS.get((carrier, api))
        return web.Response(body=shape.stored(headers) if shape else b"{}")

    async def receive_partner(self, request: web.Request) -> web.Response:
        for event in read_batch(await request.read()).events:
            raw = event.model_dump_json(exclude_none=True).encode()
            ours = {"ocop_format": FORMAT}
            await self._receive("ems", "emsevt_v3", event.tracking_no, raw, ours)
        return web.Response()

    async def _receive(
        self, carrier: str, api: str, number: str, raw: bytes, ours: dict[str, str]
    ) -> None:
        told = {"ocop_carrier": carrier, "ocop_api": api, **ours}
        encoded = [(name, text.encode()) for name, text in told.items() if text]
        key = tracking_key(carrier, number)
        await self.pipeline.send("tracking.received.v1", key, raw, encoded)

    async def route(self, order: str, service: tuple[str, str]) -> None:
        """The order goes by this service; its one parcel is packed."""
        decision = routed(service, order=order)
        chosen = decision.shipments[0].chosen.model_copy(update={"api": APIS[service]})
        shipment = decision.shipments[0].model_copy(update={"chosen": chosen})
        await self.tell(decision.model_copy(update={"shipments": (shipment,)}))
        await self.tell(packed(f"{order}/1/1"))

    async def tell(self, event: Any) -> None:
        await self.pipeline.send_event(event)
        await self.pipeline.run_until_idle()

    async def until(self, said: Callable[[], Any], within_s: float = 60.0) -> Any:
        async with asyncio.timeout(within_s):
            while not (found := said()):
                await asyncio.sleep(0.03)
                await self.pipeline.run_until_idle()
        return found

    def said(self, topic: str) -> list[Any]:
        return self.pipeline.events(f"{topic}.v1")

    def last_states(self) -> dict[str, Any]:
        return {one.reference: one for one in self.said("shipment.status_changed")}

    async def open_tasks(self) -> list[str]:
        query = "SELECT kind FROM booking.ops_tasks WHERE closed_at IS NULL ORDER BY kind"
        return [row["kind"] for row in await self.pool.fetch(query)]


@contextlib.asynccontextmanager
async def a_door(world: World) -> AsyncIterator[None]:
    app = web.Application()
    app.router.add_post("/v1/carriers/{carrier}/{api}/events", world.receive)
    app.router.add_post("/v1/partners/ems-emsevt/events", world.receive_partner)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    world.door = f"http://127.0.0.1:{runner.addresses[0][1]}/v1/carriers"
    yield
    await runner.cleanup()


@contextlib.asynccontextmanager
async def a_world(pool: Pool, options: Options) -> AsyncIterator[tuple[World, Any, Any]]:
    world = World(pool)
    async with a_door(world):
        ems = EmsSandbox(telling(options, f"{world.door}/ems/merchantsite/events"))
        legacy = VietnamPostLegacySandbox(telling(options, f"{world.door}/vnpost/legacy/events"))
        for carrier, peer in (("ems", ems), ("vnpost", legacy)):
            world.trusted[carrier] = trust_in(peer)
        async with serving(ems) as ems_url, serving(legacy) as legacy_url:
            for order in (FIRST, SECOND):
                await place_order(pool, world.vault, order)
            accounts = (
                Account(url, "sandbox", "sandbox", 0.5, token="sandbox", may_repeat=False)
                for url in (ems_url, legacy_url)
            )
            carriers = [proxy(one) for proxy, one in zip(PROXIES, accounts, strict=True)]
            means = Means(pool, world, world.vault, PLACES, 0.2, era=0)
            runner = Runner(carriers, means, Limits(16, 3, 0.3))
            running = asyncio.create_task(runner.run())
            yield world, ems, legacy
            runner.stop()
            await asyncio.wait_for(running, timeout=30)


PROXIES = (Ems, VietnamPostLegacy)


def telling(options: Options, url: str) -> Options:
    return replace(options, webhooks=Webhooks(url=url, retry_s=0.05))


def trust_in(peer: Peer) -> Trusted:
    given = peer.joining()
    digests = tuple(hashlib.sha256(one.encode()).digest() for one in given["secrets"])
    key = given["public_key"]
    return Trusted(digests, (public_key_pem(key),) if key else ())


async def test_one_order_by_each_is_booked_and_followed_to_the_door(pool: Pool) -> None:
    async with a_world(pool, FAST) as (world, _ems, _legacy):
        await world.route(FIRST, BY_EMS)
        await world.route(SECOND, BY_LEGACY)
        by_order = {order: booking_reference(f"{order}/1/1", 1) for order in (FIRST, SECOND)}

        def arrived() -> bool:
            states = world.last_states()
            return all(
                reference in states and states[reference].status is TrackingStatus.DELIVERED
                for reference in by_order.values()
            )

        await world.until(arrived)
        booked = {one.order_id: (one.carrier, one.api) for one in world.said("shipment.booked")}
        assert booked == {FIRST: ("ems", "merchantsite"), SECOND: ("vnpost", "legacy")}
        states = world.last_states()
        ems, legacy = (states[by_order[order]] for order in (FIRST, SECOND))
        assert (ems.cod_state, ems.cod_vnd) == (CodState.COLLECTED, 350_000)
        assert legacy.cod_state in {CodState.COLLECTED, CodState.REMITTED}
        assert not ems.implied
        assert world.refused == 0
        assert world.pipeline.dead == []
        apis = await pool.fetch("SELECT DISTINCT api FROM tracking.events ORDER BY api")
        assert [row["api"] for row in apis] == ["emsevt_v3", "legacy", "merchantsite", "myems"]
        kept = "SELECT max(delivery_times) FROM tracking.events WHERE api = 'legacy'"
        assert await pool.fetchval(kept) == 1


async def test_jobs_wait_in_the_queue_of_their_interface(pool: Pool) -> None:
    world = World(pool)
    await world.route(FIRST, BY_EMS)
    await world.route(SECOND, BY_LEGACY)
    rows = await pool.fetch("SELECT entrypoint FROM jobs.pgqueuer ORDER BY 1")
    assert [row["entrypoint"] for row in rows] == ["carrier.ems", "carrier.vnpost_legacy"]


@pytest.mark.parametrize("service", [BY_EMS, BY_LEGACY])
async def test_a_void_that_nobody_can_be_asked_for_is_a_persons_until_the_carrier_has_the_parcel(
    pool: Pool, service: tuple[str, str]
) -> None:
    async with a_world(pool, STILL) as (world, ems, legacy):
        peer = ems if service is BY_EMS else legacy
        await world.route(FIRST, service)
        (booked,) = await world.until(lambda: world.said("shipment.booked"))
        await world.tell(void_requested())
        results = await world.until(lambda: world.said("booking.resulted")[1:])
        assert [one.outcome.value for one in results] == ["void_unasked"]
        assert await world.open_tasks() == ["void_by_hand"]
        parcel = peer.yard.by_number[booked.tracking_no]
        code = "4" if service is BY_EMS else "70"
        peer.yard.happen(parcel, replace(parcel.plan[0], code=code, after_h=1.0))
        await world.until(lambda: world.said("booking.void_refused"))
        assert await world.open_tasks() == []
        assert await pool.fetchval("SELECT count(*) FROM jobs.pgqueuer") == 0


async def test_a_recall_is_a_persons_too(pool: Pool) -> None:
    async with a_world(pool, STILL) as (world, _ems, _legacy):
        await world.route(FIRST, BY_LEGACY)
        await world.until(lambda: world.said("shipment.booked"))
        await world.tell(recall_requested())
        await world.until(lambda: world.said("booking.resulted")[1:])
        assert await world.open_tasks() == ["recall"]


async def test_a_lost_answer_is_never_asked_again_and_the_webhook_brings_the_number(
    pool: Pool,
) -> None:
    async with a_world(pool, STILL) as (world, _ems, legacy):
        await world.route(FIRST, BY_LEGACY)
        await world.until(lambda: world.said("shipment.booked"))
        legacy.yard.options = replace(STILL, mischief=replace(CALM, server_error=1.0))
        await world.route(SECOND, BY_LEGACY)
        await world.until(lambda: world.said("booking.resulted")[1:])
        assert await world.open_tasks() == ["unknown_booking"]
        legacy.yard.options = STILL
        await asyncio.sleep(1.5)
        (parcel,) = legacy.yard.by_reference[booking_reference(f"{SECOND}/1/1", 1)]
        assert len(world.said("shipment.booked")) == 1
        assert len(world.said("booking.resulted")) == 2  # told once, however often it is looked at
        legacy.yard.happen(parcel, parcel.plan[0])
        await world.until(lambda: world.said("shipment.booked")[1:])
        assert world.said("shipment.booked")[1].tracking_no == parcel.number
        await world.pipeline.run_until_idle()
        assert await world.open_tasks() == []
