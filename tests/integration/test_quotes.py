"""Prices from carriers in routing: asked for by jobs, read in bulk, kept with the decision."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from schemas.quotes import Lane
from schemas.routing import Candidate, OrderRouted
from services.carriers.account import Account
from services.carriers.viettelpost.proxy import ViettelPost
from services.carriers.vnpost.proxy import VietnamPost
from services.jobs.carrier_calls import Means
from services.jobs.quoting import QuotePolicy
from services.jobs.runner import Limits, Runner
from services.reference.places import Places
from services.reference.rule_book import sample_rule_book
from services.sandbox.options import CALM, EVEN, Options
from services.sandbox.serving import serving
from services.sandbox.viettelpost import ViettelPostSandbox
from services.sandbox.vnpost import VietnamPostSandbox
from services.store.journey import fee_drift
from services.store.lane_quotes import Answered, store_quote
from services.store.vault import Vault
from streams.routing import Routing
from streams.rules.routing.decision import replay
from streams.rules.routing.record import Decision
from streams.runtime.memory import ManualClock, Pipeline
from tests.routing_facts import ORDER, a_placed_order, a_refusal, register

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from schemas.event import Event
    from schemas.topics import Topic
    from services.carriers.port import Carrier
    from services.store.pool import Pool

pytestmark = pytest.mark.postgres

STILL = Options(mischief=CALM, lives=EVEN, speed=1.0)
VTP = Lane("viettelpost", "partner_v2", "68", "01", 1_000, with_cod=True)
VNP = Lane("vnpost", "myvnpost", "68", "01", 1_000, with_cod=True)
ASKED = frozenset({(VTP.carrier, VTP.api), (VNP.carrier, VNP.api)})
LANES = "SELECT dedupe_key FROM jobs.pgqueuer ORDER BY dedupe_key"


class World:
    """Routing, the queue and what carriers quoted."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        clock = ManualClock(datetime(2026, 11, 2, tzinfo=UTC))
        self.pipeline = Pipeline([Routing(sample_rule_book(), ASKED)], pool, clock)

    async def append(
        self, topic: Topic, key: str, value: bytes, headers: Mapping[str, str]
    ) -> None:
        """Nothing of a quote goes to the log."""
        raise AssertionError((topic.name, key, value, headers))

    async def place(self, number: int = 1, **changes: Any) -> OrderRouted:
        order = ORDER if number == 1 else f"{ORDER}{number}"
        await self.tell(a_placed_order(order=order, **changes))
        event = self.pipeline.events("order.routed.v1")[-1]
        assert isinstance(event, OrderRouted)
        return event

    async def tell(self, event: Event) -> None:
        await self.pipeline.send_event(event)
        await self.pipeline.run_until_idle()

    async def asked_for(self) -> list[str]:
        return [row["dedupe_key"] for row in await self.pool.fetch(LANES)]

    async def quote(self, lane: Lane, valid_s: float = 600.0, **prices: int) -> None:
        told = {code: {"price_vnd": price} for code, price in prices.items()}
        await store_quote(self.pool, lane, Answered("quoted", told, "", valid_s))


@pytest.fixture
async def world(pool: Pool) -> World:
    await register(pool)
    return World(pool)


def every(event: OrderRouted) -> dict[str, Candidate]:
    shipment = event.shipments[0]
    return {one.service: one for one in (shipment.chosen, *shipment.fallbacks)}


async def test_an_order_does_not_wait_for_prices_and_has_them_asked_for_once(world: World) -> None:
    first = await world.place()
    assert {one.tariff for one in every(first).values()} == {"sample"}
    await world.place(2)
    assert await world.asked_for() == [f"quote:{VTP.key}", f"quote:{VNP.key}"]


async def test_a_quoted_lane_is_used_and_not_asked_for_again(world: World) -> None:
    await world.quote(VTP, VTK=19_900, VCN=20_100)
    found = every(await world.place())
    assert (found["VTK"].price_vnd, found["VTK"].tariff) == (19_900, "quoted")
    assert found["CTN009"].tariff == "sample"
    assert await world.asked_for() == [f"quote:{VNP.key}"]


async def test_a_price_that_is_out_of_date_is_none_and_is_asked_for_again(world: World) -> None:
    await world.quote(VTP, valid_s=-1.0, VTK=19_900)
    assert every(await world.place())["VTK"].tariff == "sample"
    assert f"quote:{VTP.key}" in await world.asked_for()


async def test_a_lane_that_was_not_answered_is_left_alone_for_a_while(world: World) -> None:
    await store_quote(world.pool, VTP, Answered("unanswered", {}, "away", 600.0))
    await store_quote(world.pool, VNP, Answered("refused", {}, "Sai", 600.0))
    found = every(await world.place())
    assert {one.tariff for one in found.values()} == {"sample"}
    assert {"VTK", "CTN009"} <= set(found)
    assert await world.asked_for() == []


async def test_a_service_that_is_not_offered_there_is_refused_with_its_reason(
    world: World,
) -> None:
    await world.quote(VTP, VTK=19_900)
    (shipment,) = (await world.place()).shipments
    refused = {one.service: one for one in shipment.refused if one.rule == "not_offered"}
    assert "from 68 to 01" in refused["VCN"].reason


async def test_the_decision_is_made_again_from_its_record_after_the_quote_has_changed(
    world: World,
) -> None:
    await world.quote(VTP, VTK=19_900, VCN=20_100)
    await world.place()
    await world.quote(VTP, VTK=99_000)
    record = await world.pool.fetchval("SELECT record::text FROM routing.decisions")
    decision = Decision.model_validate_json(record)
    assert set(decision.inputs.quotes) == {VTP.key}
    assert replay(decision, sample_rule_book()) == decision


async def test_a_refused_booking_keeps_the_ranks_that_the_quotes_gave(world: World) -> None:
    await world.quote(VTP, VTK=1_000, VCN=2_000)
    first = (await world.place()).shipments[0]
    await world.quote(VTP, VTK=99_000, VCN=98_000)
    await world.tell(a_refusal(first.chosen.carrier, first.chosen.service))
    (*_, again) = world.pipeline.events("order.routed.v1")
    assert isinstance(again, OrderRouted)
    assert again.shipments[0].chosen == first.fallbacks[0]


async def test_without_carriers_to_ask_nothing_is_asked(world: World) -> None:
    clock = ManualClock(datetime(2026, 11, 2, tzinfo=UTC))
    plain = Pipeline([Routing(sample_rule_book())], world.pool, clock)
    await plain.send_event(a_placed_order())
    await plain.run_until_idle()
    assert await world.asked_for() == []


@contextlib.asynccontextmanager
async def running(world: World, *carriers: Carrier) -> AsyncIterator[None]:
    means = Means(world.pool, world, Vault(bytes(32)), Places.load(), 0.2, era=0)
    limits = Limits(concurrency=4, quotes=QuotePolicy(rest_s=600.0))
    runner = Runner(carriers, means, limits)
    task = asyncio.create_task(runner.run())
    yield
    runner.stop()
    await asyncio.wait_for(task, timeout=30)


async def answered(world: World, lanes: int = 2) -> dict[str, str]:
    """Carrier and outcome of every lane, once there are so many."""
    async with asyncio.timeout(30):
        while True:
            rows = await world.pool.fetch("SELECT carrier, outcome FROM jobs.lane_quotes")
            if len(rows) >= lanes and not await world.asked_for():
                return {row["carrier"]: row["outcome"] for row in rows}
            await asyncio.sleep(0.05)


async def test_the_runner_asks_both_carriers_over_http_and_the_next_order_is_quoted(
    world: World,
) -> None:
    vtp, vnp = ViettelPostSandbox(STILL), VietnamPostSandbox(STILL)
    async with serving(vtp) as vtp_url, serving(vnp) as vnp_url:
        account = Account(vtp_url, "sandbox", "sandbox", 5.0, customer_code="T000000001")
        other = replace(account, base_url=vnp_url)
        async with running(world, ViettelPost(account), VietnamPost(other)):
            await world.place()
            assert await answered(world) == {"viettelpost": "quoted", "vnpost": "quoted"}
    found = every(await world.place(2))
    asked = [one for one in found.values() if (one.carrier, one.api) in ASKED]
    assert {one.tariff for one in asked} == {"quoted"}
    assert await world.asked_for() == []


async def test_a_carrier_that_is_away_leaves_the_sample_price_standing(world: World) -> None:
    nowhere = Account("http://127.0.0.1:9", "u", "p", 0.5)
    async with running(world, ViettelPost(nowhere), VietnamPost(nowhere)):
        await world.place()
        assert set((await answered(world)).values()) == {"unanswered"}
    assert every(await world.place(2))["VTK"].tariff == "sample"


def test_the_drift_of_a_fee_is_known_once_every_parcel_is_booked_as_it_was_chosen() -> None:
    booked = {"carrier": "vnpost", "service": "CTN009", "state": "booked", "freight_vnd": 30_000}
    refused = booked | {"state": "refused", "freight_vnd": None}
    shipment = {"carrier": "vnpost", "service": "CTN009", "expected_vnd": 50_000}
    two = {"parcels": [{"bookings": [refused, booked]}, {"bookings": [booked]}]}
    assert fee_drift(shipment | two) == {"booked_vnd": 60_000, "fee_drift_vnd": 10_000}
    one = {"parcels": [{"bookings": [booked]}, {"bookings": [refused]}]}
    assert fee_drift(shipment | one) == {"booked_vnd": None, "fee_drift_vnd": None}
