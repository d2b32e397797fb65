"""Packing's rules: what is refused, what asks a person, and how a shipment's money is shared."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.intake import HoldReason
from schemas.packing import PackedLine, ReportedParcel
from services.reference.rule_book import PackingLimits
from streams.rules.packing import (
    Certificate,
    Finish,
    lapsed_kinds,
    problems,
    refusal,
    shares,
    uncertified_lines,
)
from tests.routing_facts import a_line

LIMITS = PackingLimits(tolerance_percent=20, tolerance_g=300)
ORDERED, REPORTED = date(2026, 10, 1), date(2026, 10, 6)


def a_parcel(units: int = 2, **changes: Any) -> ReportedParcel:
    sizes = {"weight_g": 1_060, "length_cm": 25, "width_cm": 20, "height_cm": 10}
    contents = (PackedLine(line_no=1, quantity=units),)
    return ReportedParcel(**{"parcel_no": 1, "contents": contents, **sizes, **changes})


def a_finish(*parcels: ReportedParcel, **changes: Any) -> Finish:
    return Finish(
        **{
            "lines": (a_line(),),
            "parcels": parcels or (a_parcel(),),
            "ordered_on": ORDERED,
            "reported_on": REPORTED,
            "certificates": (),
            "limits": LIMITS,
            **changes,
        }
    )


def a_certificate(**changes: Any) -> Certificate:
    return Certificate(
        **{
            "sku": "SKU-1",
            "kind": "OCOP",
            "issued_on": date(2024, 10, 1),
            "expires_on": date(2027, 10, 1),
            "revoked_on": None,
            **changes,
        }
    )


def test_the_right_goods_are_neither_refused_nor_held() -> None:
    assert refusal(a_finish()) is None
    assert problems(a_finish()) == ()


def test_a_station_that_reported_no_parcel_is_told_so() -> None:
    found = refusal(a_finish(parcels=()))
    assert found is not None
    assert found.code == "nothing_packed"


def test_a_line_may_be_spread_over_parcels_and_lots() -> None:
    lots = (
        PackedLine(line_no=1, quantity=1, lot="A"),
        PackedLine(line_no=1, quantity=1, lot="B"),
    )
    one, other = a_parcel(1, weight_g=520), a_parcel(1, parcel_no=2, weight_g=520)
    assert refusal(a_finish(a_parcel(contents=lots))) is None
    assert refusal(a_finish(one, other)) is None


@pytest.mark.parametrize(
    ("best_before", "is_refused"), [(date(2026, 10, 5), True), (date(2026, 10, 6), False)]
)
def test_the_best_before_day_itself_is_still_good(best_before: date, is_refused: bool) -> None:
    lot = PackedLine(line_no=1, quantity=2, best_before=best_before)
    assert (refusal(a_finish(a_parcel(contents=(lot,)))) is not None) == is_refused


@pytest.mark.parametrize(
    ("weight_g", "outcome"),
    [
        (0, "refused"),
        (499, "refused"),
        (500, "held"),
        (699, "held"),
        (700, "fine"),
        (1_000, "fine"),
        (1_300, "fine"),
        (1_301, "held"),
        (2_000, "held"),
        (2_001, "refused"),
    ],
)
def test_the_further_the_weight_is_off_the_less_it_is_believed(weight_g: int, outcome: str) -> None:
    finish = a_finish(a_parcel(weight_g=weight_g))
    refused = refusal(finish)
    held = [problem.reason for problem in problems(finish)]
    assert {
        "refused": refused is not None and refused.code == "impossible_weight",
        "held": refused is None and held == [HoldReason.WEIGHT_MISMATCH],
        "fine": refused is None and not held,
    }[outcome]


def test_a_box_may_weigh_more_than_the_light_thing_in_it() -> None:
    light = a_line(weight_g=40, quantity=1)
    finish = a_finish(a_parcel(1, weight_g=250), lines=(light,))
    assert refusal(finish) is None
    assert problems(finish) == ()


@pytest.mark.parametrize(
    ("changes", "lapsed"),
    [
        ({}, False),
        ({"expires_on": REPORTED}, False),  # valid through the last day
        ({"expires_on": date(2026, 10, 5)}, True),
        ({"revoked_on": REPORTED}, True),
        ({"revoked_on": date(2026, 10, 7)}, False),
        ({"expires_on": date(2026, 9, 30)}, False),  # had run out before: intake has asked
        ({"kind": "VietGAP", "expires_on": date(2026, 10, 5)}, False),
        ({"sku": "SKU-2", "expires_on": date(2026, 10, 5)}, False),
    ],
)
def test_only_a_certificate_lost_since_the_order_asks_a_person(
    changes: dict[str, Any], lapsed: bool
) -> None:
    finish = a_finish(certificates=(a_certificate(**changes),))
    reasons = [problem.reason for problem in problems(finish)]
    assert reasons == ([HoldReason.CERTIFICATE_EXPIRED] if lapsed else [])
    assert uncertified_lines(finish) == ((1,) if lapsed else ())


def test_a_renewed_certificate_takes_the_place_of_the_old_one() -> None:
    old, new = a_certificate(expires_on=date(2026, 10, 5)), a_certificate(issued_on=REPORTED)
    finish = a_finish(certificates=(old, new))
    assert lapsed_kinds(finish, finish.lines[0]) == []


def test_goods_without_food_safety_are_still_ocop_goods() -> None:
    lost = a_certificate(kind="ATVSTP", expires_on=date(2026, 10, 5))
    finish = a_finish(certificates=(a_certificate(), lost))
    assert [problem.reason for problem in problems(finish)] == [HoldReason.CERTIFICATE_EXPIRED]
    assert uncertified_lines(finish) == ()


@given(
    st.lists(st.integers(1, 50), min_size=1, max_size=9),
    st.integers(0, 10**9),
    st.integers(0, 10**9),
    st.integers(0, 10**6),
)
def test_parcels_share_a_shipments_money_to_the_last_dong(
    units: list[int], goods_vnd: int, cod_vnd: int, price: int
) -> None:
    lines = (a_line(unit_price_vnd=price, quantity=sum(units)),)
    parcels = tuple(a_parcel(count, parcel_no=no) for no, count in enumerate(units, start=1))
    parts = list(shares(lines, parcels, goods_vnd, cod_vnd))
    assert sum(part.goods_vnd for part in parts) == goods_vnd
    assert sum(part.cod_vnd for part in parts) == cod_vnd
