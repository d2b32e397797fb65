"""The packing stage between repeats, strangers and the words of other stages."""

from __future__ import annotations

import json
import random
from itertools import permutations
from typing import TYPE_CHECKING

import asyncpg
import pytest

from services.store.pack_list import shipments_to_pack
from services.store.packing import read_routed
from services.store.routing import lock_orders
from streams.runtime.memory import Disorder
from tests.packing_station import (
    REPORTED,
    Station,
    a_hold,
    a_parcel,
    a_pipeline,
    a_station,
    tell,
)
from tests.routing_facts import (
    ORDER,
    SELLER,
    a_cancellation,
    a_line,
    a_placed_order,
    a_release,
    an_amended_order,
    at,
    register,
)

if TYPE_CHECKING:
    from services.store.pool import Pool

pytestmark = pytest.mark.postgres


@pytest.fixture
async def registered(pool: Pool) -> Pool:
    await register(pool)
    return pool


@pytest.fixture
async def station(registered: Pool) -> Station:
    return await a_station(registered)


async def test_the_same_report_twice_has_one_effect(station: Station, registered: Pool) -> None:
    await station.report("started")
    parcel = await station.report("parcel", a_parcel())
    finished = await station.report("finished")
    await station.send(parcel)
    await station.send(finished)
    assert len(station.packed()) == 1
    assert not station.refused()
    duplicate = "SELECT sum(duplicate) FROM runtime.checkpoints WHERE stage = 'packing'"
    assert await registered.fetchval(duplicate) == 2


async def test_a_packed_shipment_takes_no_more_reports(station: Station) -> None:
    await station.pack()
    await station.pack()
    assert station.refused() == ["already_packed"] * 3
    assert len(station.packed()) == 1


async def test_a_cancelled_order_is_not_packed(station: Station) -> None:
    await station.report("started")
    await tell(station, a_cancellation())
    await station.report("parcel", a_parcel())
    await station.report("finished")
    assert station.refused() == ["order_cancelled"] * 2


async def test_a_cancellation_ends_the_hope_of_a_held_shipment(station: Station) -> None:
    await station.pack(a_parcel(weight_g=1_600))
    await tell(station, a_cancellation(), a_release(when=at(3)))
    assert not station.packed()


async def test_an_order_held_by_another_stage_is_not_packed_until_that_stage_lets_go(
    station: Station,
) -> None:
    await tell(station, a_hold(version=4))
    await station.report("started")
    assert station.refused() == ["order_held"]
    await tell(station, a_release(version=5))
    await station.pack()
    assert len(station.packed()) == 1


async def test_the_newest_word_of_a_stage_counts_in_any_order_of_arrival(station: Station) -> None:
    await tell(station, a_release(version=5), a_hold(version=4))
    await station.pack()
    assert len(station.packed()) == 1


async def test_the_words_of_others_end_in_one_state_in_any_order_of_arrival(
    registered: Pool,
) -> None:
    words = [
        a_hold(version=4),
        a_release(version=5),
        a_hold(version=1, stage="routing"),
        a_hold(version=6),
        a_cancellation(),
    ]
    ends = []
    for arrival in permutations(words):
        pipeline = a_pipeline(registered)
        for event in arrival:
            await pipeline.send_event(event)
            await pipeline.run_until_idle()
        row = await registered.fetchrow("SELECT * FROM packing.orders")
        assert row is not None
        ends.append({**row, "holds": json.loads(row["holds"])})
        await registered.execute("TRUNCATE packing.orders, routing.orders, runtime.checkpoints")
    assert ends[0]["blocked"]
    assert ends[0]["holds"]["intake"] == {"version": 6, "held": True}
    assert all(end == ends[0] for end in ends)


async def test_routing_waits_while_packing_closes_a_parcel_of_the_order(registered: Pool) -> None:
    pipeline = a_pipeline(registered)
    await pipeline.send_event(a_placed_order())
    await pipeline.run_until_idle()
    async with registered.acquire() as packing, registered.acquire() as routing:
        await routing.execute("SET lock_timeout = '200ms'")
        async with packing.transaction():
            await read_routed(packing, [ORDER])
            with pytest.raises(asyncpg.LockNotAvailableError):
                async with routing.transaction():
                    await lock_orders(routing, [ORDER])


async def test_packing_what_an_amendment_took_away_is_refused(station: Station) -> None:
    await tell(station, an_amended_order(a_line(origin_id="K2")))
    await station.report("started")
    assert station.refused() == ["shipment_dropped"]


async def test_an_amendment_that_comes_after_packing_changes_no_routing(
    station: Station, registered: Pool
) -> None:
    await station.pack()
    await tell(station, an_amended_order(a_line(quantity=3)))
    assert await registered.fetchval("SELECT based_on FROM routing.shipments") == 1


@pytest.mark.parametrize(
    ("key", "body", "code"),
    [
        (ORDER, b"not json", "unreadable_report"),
        (ORDER, b'{"kind": "finished"}', "unreadable_report"),
    ],
)
async def test_what_is_no_report_is_buried_with_a_reason(
    station: Station, key: str, body: bytes, code: str
) -> None:
    await station.pipeline.send(REPORTED, key, body)
    await station.pipeline.run_until_idle()
    assert [dead.code for dead in station.pipeline.dead] == [code]


async def test_reports_of_unknown_shipments_and_of_strangers_are_buried(station: Station) -> None:
    await station.report("started", shipment_id=f"{ORDER}/9")
    report = await station.report("started", report_id="mine")
    stranger = [("ocop_actor", b"seller:S01-01")]
    body = report.model_copy(update={"report_id": "theirs"}).model_dump_json().encode()
    await station.pipeline.send(REPORTED, ORDER, body, stranger)
    await station.pipeline.send(REPORTED, "postmart:S68-01:PM-2", body)
    await station.pipeline.run_until_idle()
    codes = [dead.code for dead in station.pipeline.dead]
    assert sorted(codes) == ["not_yours", "shipment_unknown", "wrong_key"]


async def test_the_pack_list_shows_what_waits_and_nothing_else(registered: Pool) -> None:
    pipeline = a_pipeline(registered)
    orders = [f"postmart:{SELLER}:PM-{number}" for number in range(4)]
    for order in orders:
        await pipeline.send_event(a_placed_order(order=order))
    await pipeline.run_until_idle()
    await Station(pipeline, f"{orders[0]}/1").pack()
    await pipeline.send_event(a_cancellation(orders[1]))
    await pipeline.run_until_idle()
    async with registered.acquire() as connection:
        waiting = await shipments_to_pack(connection, SELLER, 10)
        page = await shipments_to_pack(connection, SELLER, 1, f"{orders[2]}/1")
        strangers = await shipments_to_pack(connection, "S01-01", 10)
    assert [one["shipment_id"] for one in waiting] == [f"{orders[2]}/1", f"{orders[3]}/1"]
    assert [one["shipment_id"] for one in page] == [f"{orders[3]}/1"]
    assert strangers == []
    [line] = waiting[0]["lines"]
    assert (line["sku"], line["quantity"], line["weight_g"]) == ("SKU-1", 2, 500)
    assert "unit_price_vnd" not in line


async def test_duplicates_and_cut_batches_pack_every_shipment_once(registered: Pool) -> None:
    disorder = Disorder(seed=3, duplicated=0.4, redelivered=0.3, cut=True)
    pipeline = a_pipeline(registered, disorder=disorder)
    orders = [f"postmart:{SELLER}:PM-{number}" for number in range(30)]
    for order in orders:
        await pipeline.send_event(a_placed_order(order=order))
    await pipeline.run_until_idle()
    chance = random.Random(3)
    for order in orders:
        station = Station(pipeline, f"{order}/1")
        await station.pack(a_parcel(weight_g=chance.choice((1_060, 1_600))))
        await pipeline.send_event(a_release(order, when=at(2)))
    await pipeline.run_until_idle()
    packed = await registered.fetch("SELECT shipment_id, count(*) FROM packing.parcels GROUP BY 1")
    assert len(packed) == len(orders)
    assert {row["count"] for row in packed} == {1}
    assert not pipeline.dead
