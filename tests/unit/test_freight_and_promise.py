"""What a shipment weighs and costs in a carrier's eyes, and when it arrives by everybody's calendar."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.reference.rule_book import Service, sample_rule_book
from services.reference.zones import vietnam_regions
from streams.rules.pricing import Load, charged_g, loads, price_vnd, volumetric_g
from streams.rules.promise import arrival, hand_over_by, ready_at
from tests.routing_facts import TAY_NINH, a_line, at, lines

if TYPE_CHECKING:
    from schemas.intake import OrderLine

BOOK = sample_rule_book()
CALENDAR = BOOK.calendar
EVERY_DAY = frozenset(range(1, 8))


def a_service(code: str) -> Service:
    return next(service for service in BOOK.services if service.code == code)


@pytest.mark.parametrize(
    ("sides", "divisor", "grams"),
    [
        ((12, 10, 5), 6000, 100),
        ((12, 10, 5), 5000, 120),
        ((30, 20, 15), 6000, 1_500),
        ((30, 20, 15), 5000, 1_800),
        ((40, 30, 20), 6000, 4_000),
        ((40, 30, 20), 5000, 4_800),
    ],
)
def test_volumetric_weight_is_that_of_the_published_table(
    sides: tuple[int, int, int], divisor: int, grams: int
) -> None:
    length, width, height = sides
    assert volumetric_g(length * width * height, divisor) == grams


@pytest.mark.parametrize(
    ("grams", "price"),
    [(1, 22_000), (500, 22_000), (501, 29_000), (1_000, 29_000), (1_001, 36_000)],
)
def test_freight_steps_up_with_the_weight(grams: int, price: int) -> None:
    tariff = next(
        one for one in BOOK.tariffs if (one.service, one.zone) == ("CTN009", "inter_region")
    )
    assert price_vnd(charged_g(Load(grams, 0), 6000, tariff), tariff) == price


@given(st.lists(lines(), min_size=1, max_size=5), st.sampled_from(BOOK.services))
def test_planned_parcels_hold_everything_within_the_limit(
    goods: list[OrderLine], service: Service
) -> None:
    planned = loads(goods, service, 10_000)
    assert sum(one.weight_g for one in planned) == sum(x.weight_g * x.quantity for x in goods)
    heaviest = max(line.weight_g for line in goods)
    assert all(one.weight_g <= max(service.max_weight_g, heaviest) for one in planned)


def test_counting_parcels_stops_after_too_many() -> None:
    ton = a_line(weight_g=30_000, quantity=1_000_000_000)
    assert len(loads([ton], a_service("VTK"), 10)) == 11


@pytest.mark.parametrize(
    ("ordered", "ready"),
    [
        (at(1, 6), at(1, 9, 30)),  # before the desk opens: from 07:30, two hours
        (at(1, 10), at(1, 12)),
        (at(1, 16), at(1, 18)),  # the last minute of the seller's day
        (at(1, 16, 1), at(2, 9, 30)),
        (at(3, 17), at(5, 9, 30)),  # Saturday evening: Monday morning
    ],
)
def test_an_order_is_ready_by_the_sellers_own_hours(ordered: Any, ready: Any) -> None:
    days = frozenset(range(1, 7))
    assert ready_at(ordered, time(16), days, BOOK.desk, CALENDAR) == ready


def test_goods_leave_at_the_next_cut_off_that_both_sides_work() -> None:
    service, days = a_service("CTN009"), frozenset((4, 6))
    assert hand_over_by(at(1, 16, 30), service, days, CALENDAR) == at(1, 16, 30)
    assert hand_over_by(at(1, 16, 31), service, days, CALENDAR) == at(3, 16, 30)


def test_hours_on_the_way_rest_on_sundays_and_holidays() -> None:
    six_days = frozenset(range(1, 7))
    moment, day = arrival(at(3, 16), 24, six_days, CALENDAR)  # from a Saturday
    assert (moment, day) == (at(5, 16), date(2026, 10, 5))
    before_tet = at(1).replace(2026, 2, 15, 9)  # 16:00 of the day before the eve
    assert arrival(before_tet, 24, EVERY_DAY, CALENDAR)[1] == date(2026, 2, 21)


def test_a_day_that_ends_exactly_with_the_journey_is_the_promised_one() -> None:
    begins = at(2, 0)
    assert arrival(begins, 24, EVERY_DAY, CALENDAR) == (
        begins + timedelta(days=1),
        date(2026, 10, 2),
    )


@pytest.mark.parametrize(
    ("origin", "destination", "zone"),
    [
        ("68", "68", "intra_province"),
        ("68", "66", "intra_region"),
        ("68", "46", "near_region"),
        ("68", "01", "inter_region"),
        (TAY_NINH[0], "79", "intra_region"),
    ],
)
def test_zones_follow_the_six_regions(origin: str, destination: str, zone: str) -> None:
    assert vietnam_regions().zone(origin, destination) == zone


def test_bulky_goods_are_planned_by_volume() -> None:
    feathers = a_line(weight_g=10, quantity=4, length_cm=50, width_cm=50, height_cm=50)
    assert len(loads([feathers], a_service("VTK"), 10)) == 4  # 25,000 g each by volume
