"""The packing stage on a real database, its shipments routed by the routing stage."""

from __future__ import annotations

import json
import random
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from schemas.intake import Channel, Hold, HoldReason, OrderHeld, OrderReleased
from schemas.packing import PackedLine, PackingRefused, PackingReport, ParcelPacked, ReportedParcel
from services.reference.rule_book import sample_rule_book
from services.store.pack_list import shipments_to_pack
from services.store.packing import read_routed
from services.store.routing import lock_orders
from streams.packing import Packing
from streams.routing import Routing
from streams.runtime.memory import Disorder, ManualClock, Pipeline
from tests.routing_facts import (
    ORDER,
    SELLER,
    a_cancellation,
    a_line,
    a_placed_order,
    a_release,
    an_amended_order,
    at,
    certify,
    register,
)

if TYPE_CHECKING:
    from services.store.pool import Pool

pytestmark = pytest.mark.postgres

SHIPMENT = f"{ORDER}/1"
REPORTED, PACKED, REFUSED = "packing.reported.v1", "parcel.packed.v1", "packing.refused.v1"
HELD, RELEASED, STARTED = "order.held.v1", "order.released.v1", "packing.started.v1"


def a_parcel(number: int = 1, *contents: tuple[int, int], **changes: Any) -> ReportedParcel:
    """Both units of the coffee order, in a box of 60 g; contents as (line, quantity)."""
    lines = tuple(PackedLine(line_no=line, quantity=units) for line, units in contents or ((1, 2),))
    grams = 500 * sum(line.quantity for line in lines) + 60
    sizes = {"weight_g": grams, "length_cm": 25, "width_cm": 20, "height_cm": 10}
    return ReportedParcel(**{"parcel_no": number, "contents": lines, **sizes, **changes})


class Station:
    """A station that reports; each report a minute after the last, under an id of its own."""

    def __init__(self, pipeline: Pipeline, shipment: str = SHIPMENT) -> None:
        self.pipeline = pipeline
        self.shipment = shipment
        self.moment = at(1, 14)
        self.sent = 0

    async def report(
        self, kind: str, parcel: ReportedParcel | None = None, **changes: Any
    ) -> PackingReport:
        self.sent += 1
        self.moment += timedelta(minutes=1)
        report = PackingReport(
            **{
                "report_id": f"R{self.sent}",
                "shipment_id": self.shipment,
                "station": "T1",
                "kind": kind,
                "reported_at": self.moment,
                "parcel": parcel,
                **changes,
            }
        )
        await self.send(report)
        return report

    async def send(self, report: PackingReport) -> None:
        headers = [("ocop_actor", f"seller:{SELLER}".encode())]
        body = report.model_dump_json().encode()
        await self.pipeline.send(REPORTED, report.order_id, body, headers)
        await self.pipeline.run_until_idle()

    async def pack(self, *parcels: ReportedParcel) -> None:
        await self.report("started")
        for parcel in parcels or (a_parcel(),):
            await self.report("parcel", parcel)
        await self.report("finished")

    def packed(self) -> list[ParcelPacked]:
        events = self.pipeline.events(PACKED)
        return [event for event in events if isinstance(event, ParcelPacked)]

    def refused(self) -> list[str]:
        events = self.pipeline.events(REFUSED)
        return [event.code for event in events if isinstance(event, PackingRefused)]

    def held(self) -> list[OrderHeld]:
        return [one for one in self.pipeline.events(HELD) if isinstance(one, OrderHeld)]

    def released(self) -> list[OrderReleased]:
        events = self.pipeline.events(RELEASED)
        return [one for one in events if isinstance(one, OrderReleased) and one.stage == "packing"]


@pytest.fixture
async def registered(pool: Pool) -> Pool:
    await register(pool)
    return pool


def a_pipeline(pool: Pool, **more: Any) -> Pipeline:
    book = sample_rule_book()
    clock = ManualClock(datetime(2026, 11, 2, tzinfo=UTC))
    return Pipeline([Routing(book), Packing(book)], pool, clock, **more)


@pytest.fixture
async def station(registered: Pool) -> Station:
    """A station before the shipment of a routed order."""
    pipeline = a_pipeline(registered)
    await pipeline.send_event(a_placed_order())
    await pipeline.run_until_idle()
    return Station(pipeline)


async def tell(station: Station, *events: Any) -> None:
    for event in events:
        await station.pipeline.send_event(event)
        await station.pipeline.run_until_idle()


def a_hold(version: int = 2, stage: str = "intake") -> OrderHeld:
    hold = Hold(reason=HoldReason.OPS, detail="wait", by="ops:an", since=at(1))
    return OrderHeld(
        version=version,
        occurred_at=at(1),
        order_id=ORDER,
        channel=Channel.POSTMART,
        seller_id=SELLER,
        placed_at=at(1),
        stage=stage,  # type: ignore[arg-type] # one of StageName
        holds=(hold,),
    )


async def test_a_shipment_is_packed_into_one_parcel(station: Station) -> None:
    await station.pack()
    [parcel] = station.packed()
    assert (parcel.parcel_id, parcel.parcel_count) == (f"{SHIPMENT}/1", 1)
    assert (parcel.goods_vnd, parcel.cod_vnd, parcel.weight_g) == (300_000, 330_000, 1_060)
    assert len(station.pipeline.events(STARTED)) == 1
    assert not station.refused()


async def test_several_parcels_share_money_to_the_last_dong(
    station: Station, registered: Pool
) -> None:
    await station.pack(a_parcel(1, (1, 1)), a_parcel(3, (1, 1)))
    parcels = station.packed()
    assert [one.parcel_id for one in parcels] == [f"{SHIPMENT}/1", f"{SHIPMENT}/3"]
    assert {one.parcel_count for one in parcels} == {2}
    assert sum(one.cod_vnd for one in parcels) == 330_000
    sums = await registered.fetchrow("SELECT sum(cod_vnd), sum(goods_vnd) FROM packing.parcels")
    assert sums is not None
    assert tuple(sums) == (330_000, 300_000)


@pytest.mark.parametrize(
    ("parcel", "code"),
    [
        (a_parcel(1, (1, 1)), "short_contents"),
        (a_parcel(1, (1, 3)), "over_contents"),
        (a_parcel(1, (1, 2), (7, 1)), "wrong_contents"),
        (a_parcel(weight_g=0), "impossible_weight"),
        (a_parcel(weight_g=400), "impossible_weight"),
        (a_parcel(weight_g=2_500), "impossible_weight"),
        (a_parcel(width_cm=0), "impossible_size"),
        (a_parcel(width_cm=40_000), "impossible_size"),
    ],
)
async def test_a_wrong_parcel_is_refused_and_packed_right_the_second_time(
    station: Station, parcel: ReportedParcel, code: str
) -> None:
    await station.pack(parcel)
    assert (station.refused(), station.packed()) == ([code], [])
    await station.report("parcel", a_parcel())
    await station.report("finished")
    assert len(station.packed()) == 1


async def test_a_parcel_of_a_refused_try_is_forgotten(station: Station) -> None:
    await station.pack(a_parcel(1, (1, 1)), a_parcel(2, (1, 2)))
    await station.pack(a_parcel())
    assert [one.parcel_count for one in station.packed()] == [1]


async def test_a_lot_that_is_over_is_refused_by_the_reports_day(station: Station) -> None:
    old = PackedLine(line_no=1, quantity=2, lot="L2604", best_before=date(2026, 9, 30))
    await station.pack(a_parcel(contents=(old,)))
    assert station.refused() == ["lot_expired"]


async def test_a_suspicious_weight_waits_for_a_person_who_lets_it_go(
    station: Station, registered: Pool
) -> None:
    await station.pack(a_parcel(weight_g=1_600))
    [held] = station.held()
    assert [hold.reason for hold in held.holds] == [HoldReason.WEIGHT_MISMATCH]
    assert not station.packed()
    await tell(station, a_release(when=at(1, 15)))
    assert [one.weight_g for one in station.packed()] == [1_600]
    [released] = station.released()
    assert (released.by, released.version) == ("ops:an", 2)
    assert await registered.fetchval("SELECT state FROM packing.shipments") == "packed"


async def test_a_release_that_overtakes_the_report_it_answers_still_counts(
    station: Station,
) -> None:
    await tell(station, a_release(when=at(1, 18)))
    await station.pack(a_parcel(weight_g=1_600))
    assert len(station.packed()) == 1
    assert not station.held()


async def test_a_release_older_than_the_report_does_not_count(station: Station) -> None:
    await tell(station, a_release(when=at(1, 10)))
    await station.pack(a_parcel(weight_g=1_600))
    assert len(station.held()) == 1
    assert not station.packed()


async def test_a_station_that_weighs_again_needs_no_release(station: Station) -> None:
    await station.pack(a_parcel(weight_g=1_600))
    await station.report("parcel", a_parcel())
    await station.report("finished")
    assert [one.weight_g for one in station.packed()] == [1_060]
    assert [one.by for one in station.released()] == ["packing"]


async def test_a_certificate_that_ran_out_since_the_order_asks_a_person(
    station: Station, registered: Pool
) -> None:
    await certify(registered, "SKU-1", date(2026, 10, 5))
    station.moment = at(6, 8)
    await station.pack()
    assert [hold.reason for hold in station.held()[0].holds] == [HoldReason.CERTIFICATE_EXPIRED]
    await tell(station, a_release(when=at(6, 12)))
    assert [one.uncertified for one in station.packed()] == [(1,)]


async def test_a_revoked_food_safety_certificate_blocks_and_is_no_ocop_matter(
    station: Station, registered: Pool
) -> None:
    await certify(registered, "SKU-1", date(2028, 10, 5))
    await certify(
        registered, "SKU-1", date(2028, 10, 5), kind="ATVSTP", revoked_on=date(2026, 10, 2)
    )
    station.moment = at(2, 8)
    await station.pack()
    await tell(station, a_release(when=at(2, 12)))
    assert [one.uncertified for one in station.packed()] == [()]


async def test_what_was_not_certified_when_ordered_is_not_asked_again(
    station: Station, registered: Pool
) -> None:
    await certify(registered, "SKU-1", date(2026, 9, 5))
    await station.pack()
    assert len(station.packed()) == 1


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


async def test_packing_follows_the_amended_lines(station: Station) -> None:
    await tell(station, an_amended_order(a_line(quantity=3)))
    await station.pack()
    assert station.refused() == ["short_contents"]
    await station.pack(a_parcel(1, (1, 3)))
    assert len(station.packed()) == 1


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
