"""The routing stage on a real database: decisions, fallbacks, holds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from schemas.intake import Handling, HoldReason, OrderHeld, OrderReleased
from schemas.routing import OrderRouted
from services.reference.rule_book import sample_rule_book
from streams.routing import Routing
from streams.rules.routing.decision import replay
from streams.rules.routing.record import Decision
from streams.runtime.memory import ManualClock, Pipeline
from tests.routing_facts import (
    ORDER,
    a_cancellation,
    a_line,
    a_placed_order,
    a_refusal,
    a_release,
    an_amended_order,
    register,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.event import Event
    from services.store.pool import Pool

pytestmark = pytest.mark.postgres

ROUTED, HELD, RELEASED = "order.routed.v1", "order.held.v1", "order.released.v1"
FROZEN_FAR = a_line(handling=(Handling.FROZEN, Handling.OVERSIZE))
"""No service of the sample rule book carries both."""


@pytest.fixture
async def registered(pool: Pool) -> Pool:
    await register(pool)
    return pool


def a_pipeline(pool: Pool, **more: Any) -> Pipeline:
    clock = ManualClock(datetime(2026, 11, 2, tzinfo=UTC))
    return Pipeline([Routing(sample_rule_book())], pool, clock, **more)


async def run(pipeline: Pipeline, *events: Event, one_by_one: bool = True) -> None:
    for event in events:
        await pipeline.send_event(event)
        if one_by_one:
            await pipeline.run_until_idle()
    await pipeline.run_until_idle()


def routed(pipeline: Pipeline) -> list[OrderRouted]:
    return [event for event in pipeline.events(ROUTED) if isinstance(event, OrderRouted)]


def ways(events: Iterable[OrderRouted]) -> list[tuple[str, ...]]:
    """Carrier and service of the first shipment, decision by decision."""
    return [(one.shipments[0].chosen.carrier, one.shipments[0].chosen.service) for one in events]


async def newest_decision(pool: Pool, order: str = ORDER) -> Decision:
    record = await pool.fetchval(
        "SELECT record::text FROM routing.decisions WHERE order_id = $1 ORDER BY version DESC",
        order,
    )
    return Decision.model_validate_json(record)


async def test_an_order_gets_a_carrier_a_promise_and_a_record_of_everything_weighed(
    registered: Pool,
) -> None:
    pipeline = a_pipeline(registered)
    await run(pipeline, a_placed_order())
    [event] = routed(pipeline)
    [shipment] = event.shipments
    assert shipment.shipment_id == f"{ORDER}/1"
    assert shipment.cod_vnd == 330_000
    assert {one.service for one in (shipment.chosen, *shipment.fallbacks)} | {
        one.service for one in shipment.refused
    } == {service.code for service in sample_rule_book().services}
    decision = await newest_decision(registered)
    assert decision.rule_book == event.rule_book == "2026-10-sample-1"
    assert decision.shipments[0].won_by


async def test_a_stored_decision_can_be_made_again_from_its_record_alone(registered: Pool) -> None:
    await run(a_pipeline(registered), a_placed_order(a_line(), a_line(2, origin_id="K2")))
    decision = await newest_decision(registered)
    assert replay(decision, sample_rule_book()) == decision


async def test_an_order_of_two_origins_is_split_and_loses_no_dong(registered: Pool) -> None:
    pipeline = a_pipeline(registered)
    lines = (a_line(unit_price_vnd=33_333), a_line(2, origin_id="K2", unit_price_vnd=11_111))
    await run(pipeline, a_placed_order(*lines, shipping_vnd=10_001, cod_vnd=98_887))
    [event] = routed(pipeline)
    assert [one.origin_id for one in event.shipments] == ["K1", "K2"]
    assert [one.origin.province_code for one in event.shipments] == ["68", "80"]
    assert sum(one.cod_vnd for one in event.shipments) == 98_887
    assert sum(one.shipping_vnd for one in event.shipments) == 10_001


async def test_after_each_refusal_the_next_service_stands_until_the_order_is_held(
    registered: Pool,
) -> None:
    pipeline = a_pipeline(registered)
    await run(pipeline, a_placed_order())
    [first] = routed(pipeline)
    services = [first.shipments[0].chosen, *first.shipments[0].fallbacks]
    for attempt, one in enumerate(services, start=1):
        await run(pipeline, a_refusal(one.carrier, one.service, attempt=attempt))
    events = routed(pipeline)
    assert ways(events) == [(one.carrier, one.service) for one in services]
    assert {one.shipments[0].promised_on for one in events} == {services[0].promised_on}
    [held] = pipeline.events(HELD)
    assert isinstance(held, OrderHeld)
    assert held.holds[0].reason is HoldReason.NO_ELIGIBLE_CARRIER
    assert "does not go there" in held.holds[0].detail
    assert held.version > events[-1].version
    assert await registered.fetchval("SELECT sum(parcels) FROM routing.capacity_used") == 0


async def test_a_release_forgives_refusals_once_nobody_is_left(registered: Pool) -> None:
    pipeline = a_pipeline(registered)
    await run(pipeline, a_placed_order(fixed_carrier="vnpost"))
    [first] = routed(pipeline)
    services = [first.shipments[0].chosen, *first.shipments[0].fallbacks]
    for attempt, one in enumerate(services, start=1):
        await run(pipeline, a_refusal(one.carrier, one.service, attempt=attempt))
    await run(pipeline, a_release())
    assert ways(routed(pipeline))[-1] == ("vnpost", services[0].service)
    [released] = pipeline.events(RELEASED)[1:]
    assert isinstance(released, OrderReleased)
    assert released.stage == "routing"


async def test_a_refusal_of_another_service_than_the_chosen_one_changes_nothing(
    registered: Pool,
) -> None:
    pipeline = a_pipeline(registered)
    await run(pipeline, a_placed_order())
    last = routed(pipeline)[0].shipments[0].fallbacks[-1]
    await run(pipeline, a_refusal(last.carrier, last.service))
    assert len(routed(pipeline)) == 1
    assert await registered.fetchval("SELECT count(*) FROM routing.decisions") == 1


async def test_an_order_nobody_may_carry_is_held_with_every_reason(registered: Pool) -> None:
    pipeline = a_pipeline(registered)
    await run(pipeline, a_placed_order(FROZEN_FAR))
    [held] = pipeline.events(HELD)
    assert isinstance(held, OrderHeld)
    for service in sample_rule_book().services:
        assert f"{service.carrier} {service.code}: " in held.holds[0].detail
    assert not routed(pipeline)


async def test_an_amendment_mends_a_held_order_and_routing_says_so(registered: Pool) -> None:
    pipeline = a_pipeline(registered)
    await run(pipeline, a_placed_order(FROZEN_FAR), an_amended_order())
    [event] = routed(pipeline)
    [released] = pipeline.events(RELEASED)
    assert event.based_on == 2
    assert released.version > event.version > pipeline.events(HELD)[0].version


async def test_a_released_order_that_still_has_no_carrier_is_held_again(registered: Pool) -> None:
    pipeline = a_pipeline(registered)
    await run(pipeline, a_placed_order(FROZEN_FAR), a_release())
    held = pipeline.events(HELD)
    assert [event.version for event in held] == [1, 2]


async def test_an_amendment_moves_goods_to_another_origin_under_a_new_shipment_id(
    registered: Pool,
) -> None:
    pipeline = a_pipeline(registered)
    await run(pipeline, a_placed_order(), an_amended_order(a_line(origin_id="K2")))
    assert [one.shipment_id for one in routed(pipeline)[-1].shipments] == [f"{ORDER}/2"]
    states = await registered.fetch("SELECT shipment_id, state FROM routing.shipments ORDER BY 1")
    assert [row["state"] for row in states] == ["dropped", "routed"]


async def test_an_unknown_origin_holds_the_order_instead_of_breaking_the_stage(
    registered: Pool,
) -> None:
    pipeline = a_pipeline(registered)
    await run(pipeline, a_placed_order(a_line(origin_id="K9")))
    [held] = pipeline.events(HELD)
    assert isinstance(held, OrderHeld)
    assert "K9 is not in the registry" in held.holds[0].detail


async def test_a_cancelled_order_gives_its_capacity_back_and_is_not_mentioned(
    registered: Pool,
) -> None:
    pipeline = a_pipeline(registered)
    await run(pipeline, a_placed_order())
    assert await registered.fetchval("SELECT sum(parcels) FROM routing.capacity_used") == 1
    await run(pipeline, a_cancellation())
    assert await registered.fetchval("SELECT sum(parcels) FROM routing.capacity_used") == 0
    assert await registered.fetchval("SELECT state FROM routing.shipments") == "cancelled"
    assert len(routed(pipeline)) == 1


async def test_a_full_day_sends_the_next_parcel_to_another_carrier(registered: Pool) -> None:
    book = sample_rule_book()
    none_left = {"daily_capacity": 12, "daily_capacity_in": {}}
    carriers = {key: one.model_copy(update=none_left) for key, one in book.carriers.items()}
    small = book.model_copy(update={"carriers": carriers})
    assert carriers["vnpost"].partition_share("68") == 1
    clock = ManualClock(datetime(2026, 11, 2, tzinfo=UTC))
    pipeline = Pipeline([Routing(small)], registered, clock)
    orders = [f"postmart:S68-01:PM-{number}" for number in range(40)]
    await run(pipeline, *(a_placed_order(order=order) for order in orders), one_by_one=False)
    carriers_won = {one.shipments[0].chosen.carrier for one in routed(pipeline)}
    assert carriers_won == set(book.carriers)
    worst = await registered.fetchval("SELECT max(parcels) FROM routing.capacity_used")
    assert worst == 1
    details = [
        held.holds[0].detail for held in pipeline.events(HELD) if isinstance(held, OrderHeld)
    ]
    assert details
    assert all("0 parcels are left" in detail for detail in details)
