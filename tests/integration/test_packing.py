"""What the packing stage thinks of a finished shipment: packed, refused, or a person is asked."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from schemas.intake import HoldReason
from schemas.packing import PackedLine, ReportedParcel
from tests.packing_station import (
    SHIPMENT,
    STARTED,
    Station,
    a_parcel,
    a_station,
    tell,
)
from tests.routing_facts import (
    a_line,
    a_release,
    an_amended_order,
    at,
    certify,
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


async def test_packing_follows_the_amended_lines(station: Station) -> None:
    await tell(station, an_amended_order(a_line(quantity=3)))
    await station.pack()
    assert station.refused() == ["short_contents"]
    await station.pack(a_parcel(1, (1, 3)))
    assert len(station.packed()) == 1
