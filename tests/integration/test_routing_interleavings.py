"""Facts reach the routing stage in any order, late and twice: the end is the same."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import permutations
from typing import TYPE_CHECKING, Any

import pytest

from services.reference.rule_book import sample_rule_book
from streams.routing import Routing
from streams.runtime.memory import Disorder, ManualClock, Pipeline
from tests.routing_facts import (
    TAY_NINH,
    a_cancellation,
    a_line,
    a_place,
    a_placed_order,
    a_refusal,
    a_release,
    an_amended_order,
    register,
)

if TYPE_CHECKING:
    import asyncpg

    from schemas.event import Event
    from schemas.intake import OrderLine
    from services.store.pool import Pool

pytestmark = pytest.mark.postgres

LIVE_SHIPMENTS = """
    SELECT shipment_id, origin_id, carrier, service, parcels, cod_vnd, promised_on, handover_by,
           based_on, state
    FROM routing.shipments WHERE state IN ('routed', 'held') ORDER BY shipment_id
"""
USED_CAPACITY = """
    SELECT day, province, carrier, parcels FROM routing.capacity_used
    WHERE parcels <> 0 ORDER BY day, province, carrier
"""


FORGET_EVERYTHING = """
    TRUNCATE routing.orders, routing.shipments, routing.refusals, routing.decisions,
             routing.capacity_used, runtime.checkpoints
"""


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


async def state(pool: Pool) -> tuple[list[asyncpg.Record], ...]:
    """What counts in the end, whatever happened on the way: shipments, capacity, orders."""
    return (
        await pool.fetch(LIVE_SHIPMENTS),
        await pool.fetch(USED_CAPACITY),
        await pool.fetch("SELECT order_id, based_on, cancelled, held FROM routing.orders"),
    )


def a_life() -> list[Event]:
    """Placed in Lâm Đồng, moved to Tây Ninh, refused by the first service, released."""
    moved: OrderLine = a_line(origin_id="K2")
    return [
        a_placed_order(a_line(), a_line(2)),
        an_amended_order(moved, a_line(2), destination=a_place(TAY_NINH)),
        a_refusal("viettelpost", "VTK"),
        a_release(),
    ]


async def test_any_order_of_arrival_ends_in_the_same_state(registered: Pool) -> None:
    ends = []
    for arrival in permutations(a_life()):
        await run(a_pipeline(registered), *arrival)
        ends.append(await state(registered))
        await registered.execute(FORGET_EVERYTHING)
    [shipment, other] = ends[0][0]
    assert (shipment["service"], other["state"]) != ("VTK", "held")
    assert all(end == ends[0] for end in ends)


async def test_a_cancellation_that_overtakes_its_order_leaves_nothing_to_do(
    registered: Pool,
) -> None:
    for arrival in permutations((*a_life(), a_cancellation())):
        await run(a_pipeline(registered), *arrival)
        shipments, used, orders = await state(registered)
        assert (shipments, used) == ([], [])
        assert orders[0]["cancelled"]
        await registered.execute(FORGET_EVERYTHING)


async def test_repeats_and_shuffles_of_the_log_change_nothing(registered: Pool) -> None:
    disorder = Disorder(seed=7, duplicated=0.5, redelivered=0.3, cut=True)
    pipeline = a_pipeline(registered, disorder=disorder)
    orders = [f"postmart:S68-01:PM-{number}" for number in range(50)]
    events = [as_of_order(event, order) for event in a_life() for order in orders]
    await run(pipeline, *events, one_by_one=False)
    shipments, used, _ = await state(registered)
    assert len(shipments) == 2 * len(orders)
    assert sum(row["parcels"] for row in used) == sum(row["parcels"] for row in shipments)
    assert not pipeline.dead


def as_of_order(event: Any, order: str) -> Event:
    """The same fact about another order."""
    changed = {"order_id": order}
    if hasattr(event, "shipment_id"):
        changed["shipment_id"] = f"{order}/1"
    result: Event = event.model_copy(update=changed)
    return result
