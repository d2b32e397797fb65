"""Routing's rules: nobody is chosen who was refused, and every choice can be explained."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.intake import Handling
from schemas.place import vietnam_date
from services.reference.rule_book import Service, sample_rule_book
from services.reference.zones import vietnam_regions
from streams.rules.routing.decision import Recorded, decide, replay, standing, weigh
from streams.rules.routing.options import Case, Option, make_case, work_out
from streams.rules.routing.rank import SIGNALS, rank
from streams.rules.routing.record import CarrierRefusal, Decision
from streams.rules.routing.rules import RULES, refusals
from tests.routing_facts import (
    DA_LAT,
    ORDER,
    a_line,
    a_place,
    a_placed_order,
    an_origin,
    at,
    lines,
    some_inputs,
)

if TYPE_CHECKING:
    from schemas.intake import OrderLine
    from schemas.routing import Refusal
    from streams.rules.routing.record import Inputs, Ranked

BOOK = sample_rule_book()
CALENDAR = BOOK.calendar
EMPTY_DAYS = Recorded({}, BOOK)
PROVINCES = sorted(vietnam_regions().by_province)
EVERY_DAY = frozenset(range(1, 8))


def a_service(code: str) -> Service:
    return next(service for service in BOOK.services if service.code == code)


def a_case(*lines: OrderLine, **changes: Any) -> Case:
    """A shipment from Lâm Đồng to Hà Nội; `cod_vnd`, `moment`, `origin` and what inputs have."""
    lines = lines or (a_line(),)
    cod_vnd, moment = changes.pop("cod_vnd", 330_000), changes.pop("moment", at(1))
    origin = changes.pop("origin", an_origin())
    inputs = some_inputs(a_placed_order(*lines), **changes)
    return make_case(inputs, origin, lines, cod_vnd, moment=moment, book=BOOK)


def refused_by(case: Case, code: str, capacity: Any = EMPTY_DAYS) -> dict[str, str]:
    """Rule → sentence of every objection to one service."""
    option = work_out(case, a_service(code), BOOK, capacity)
    found: tuple[Refusal, ...]
    found = refusals(case, option, BOOK) if isinstance(option, Option) else (option,)
    return {one.rule: one.reason for one in found}


@st.composite
def orders(draw: st.DrawFn) -> Inputs:
    """Any order between any provinces at any moment of two years, with any refusals."""
    some = [draw(lines(number)) for number in range(1, draw(st.integers(1, 4)) + 1)]
    moment = draw(st.datetimes(at(1).replace(tzinfo=None), at(1, 0, 0).replace(2028, tzinfo=None)))
    placed_at = moment.replace(tzinfo=at(1).tzinfo)
    content = a_placed_order(
        *some,
        placed_at=placed_at,
        occurred_at=placed_at,
        destination=a_place((draw(st.sampled_from(PROVINCES)), "00004")),
        shipping_vnd=draw(st.integers(0, 100_000)),
        cod_vnd=draw(st.integers(0, 60_000_000)),
        fixed_carrier=draw(st.sampled_from((None, None, "vnpost", "viettelpost"))),
    )
    weekdays = st.sets(st.integers(1, 7), max_size=7).map(lambda days: tuple(sorted(days)))
    origins = tuple(
        an_origin(
            name,
            (draw(st.sampled_from(PROVINCES)), "24778"),
            working_days=draw(weekdays),
            cut_off=draw(st.times().map(lambda one: one.replace(microsecond=0))),
        )
        for name in draw(st.sets(st.sampled_from(("K1", "K2", "K3"))))
    )
    refused = draw(st.lists(st.sampled_from(BOOK.services), unique=True))
    return some_inputs(
        content,
        origins=origins,
        refused=tuple(
            CarrierRefusal(
                shipment_id=f"{ORDER}/1",
                carrier=one.carrier,
                service=one.code,
                refused_at=placed_at,
                reason="no",
            )
            for one in refused
        ),
    )


@given(orders())
def test_no_service_is_possible_that_a_rule_refuses(inputs: Inputs) -> None:
    for shipment in decide(inputs, BOOK, EMPTY_DAYS).shipments:
        possible = {(one.candidate.carrier, one.candidate.service) for one in shipment.ranked}
        refused = {(one.carrier, one.service) for one in shipment.refused}
        assert not possible & refused
        if shipment.origin:
            assert len(possible | refused) == len(BOOK.services)


@given(orders())
def test_no_service_stands_that_its_carrier_refused(inputs: Inputs) -> None:
    for shipment in decide(inputs, BOOK, EMPTY_DAYS).shipments:
        against = {
            (one.carrier, one.service)
            for one in inputs.refused
            if one.shipment_id == shipment.shipment_id
        }
        left = standing(shipment, inputs.refused, None)
        assert not against & {(one.candidate.carrier, one.candidate.service) for one in left}


@given(orders())
def test_the_parts_of_an_order_add_up_to_the_last_dong(inputs: Inputs) -> None:
    shipments = decide(inputs, BOOK, EMPTY_DAYS).shipments
    assert sum(one.cod_vnd for one in shipments) == inputs.cod_vnd
    assert sum(one.shipping_vnd for one in shipments) == inputs.shipping_vnd
    assert sum(one.goods_vnd for one in shipments) == inputs.goods_vnd


@given(orders())
def test_nothing_is_promised_for_a_day_off_or_before_it_is_handed_over(inputs: Inputs) -> None:
    for shipment in decide(inputs, BOOK, EMPTY_DAYS).shipments:
        for one in shipment.ranked:
            service = a_service(one.candidate.service)
            assert CALENDAR.is_worked(one.candidate.promised_on, service.weekdays)
            assert CALENDAR.is_worked(vietnam_date(one.handover_by), service.weekdays)
            assert inputs.placed_at < one.handover_by < one.arrives_at
            assert one.candidate.promised_on >= vietnam_date(one.handover_by)


@given(orders())
def test_a_record_is_enough_to_decide_the_same_again(inputs: Inputs) -> None:
    decision = decide(inputs, BOOK, EMPTY_DAYS)
    stored = Decision.model_validate_json(decision.model_dump_json(exclude_defaults=True))
    assert replay(stored, BOOK) == decision


@given(orders())
def test_every_shipment_says_which_signal_decided(inputs: Inputs) -> None:
    names = {name for name, _ in SIGNALS} | {"only_one"}
    for shipment in decide(inputs, BOOK, EMPTY_DAYS).shipments:
        assert (shipment.won_by in names) == bool(shipment.ranked)


@pytest.mark.parametrize(
    ("rule", "code", "case"),
    [
        ("other_carrier_fixed", "VCN", a_case(fixed_carrier="vnpost")),
        ("not_covered", "VTK", a_case(destination=a_place(("11", "00004")))),
        ("not_covered", "VTK", a_case(origin=an_origin(place=("12", "00004")))),
        ("class_not_carried", "VTK", a_case(a_line(handling=(Handling.FROZEN,)))),
        ("too_heavy", "CTN009", a_case(a_line(weight_g=30_001))),
        ("too_bulky", "VTK", a_case(a_line(length_cm=90, width_cm=60, height_cm=30))),
        ("too_long", "VTK", a_case(a_line(length_cm=101))),
        ("too_long", "VTK", a_case(a_line(length_cm=90, width_cm=90, height_cm=30))),
        ("too_many_parcels", "VTK", a_case(a_line(weight_g=20_000, quantity=11))),
        ("cod_over_limit", "VTK", a_case(cod_vnd=20_000_001)),
        ("zone_not_served", "PTN", a_case()),
        ("cut_off_passed", "PTN", a_case(destination=a_place(DA_LAT), moment=at(1, 12))),
        ("too_slow_for_perishables", "CTN009", a_case(a_line(transit_tolerance_h=143))),
        ("too_slow_for_perishables", "CTN009", a_case(a_line(best_before=date(2026, 10, 10)))),
        ("zone_unknown", "VTK", a_case(destination=a_place(("99", "00004")))),
        ("no_common_day", "VTK", a_case(origin=an_origin(working_days=(7,)))),
    ],
)
def test_each_rule_refuses_what_it_is_for(rule: str, code: str, case: Case) -> None:
    assert rule in refused_by(case, code)


@pytest.mark.parametrize(
    ("code", "case"),
    [
        ("CTN009", a_case(a_line(weight_g=30_000))),
        ("VTK", a_case(a_line(length_cm=100, width_cm=60, height_cm=25))),
        ("VTK", a_case(cod_vnd=20_000_000)),
        ("VTK", a_case(a_line(weight_g=20_000, quantity=10))),
        ("PTN", a_case(destination=a_place(DA_LAT), moment=at(1, 9))),
        ("CTN009", a_case(a_line(transit_tolerance_h=168))),
        ("CTN009", a_case(a_line(best_before=date(2026, 10, 11)))),
    ],
)
def test_no_rule_objects_at_its_limit(code: str, case: Case) -> None:
    assert refused_by(case, code) == {}


def test_a_full_day_is_refused_with_what_is_left() -> None:
    full = {"vnpost|68|2026-10-01": 0}
    assert refused_by(a_case(), "CTN009", full) == {
        "capacity_used": "0 parcels are left on 2026-10-01 in province 68, 1 are needed"
    }


def test_every_rule_has_a_name_of_its_own() -> None:
    assert len({rule.__name__ for rule in RULES}) == len(RULES)


def test_the_cheapest_that_keeps_the_promise_wins() -> None:
    ranked, _ = weigh(a_case(), BOOK, EMPTY_DAYS)
    prices = [one.candidate.price_vnd for one in ranked]
    assert prices == sorted(prices)
    late = ranked[0].model_copy(update={"promise_met": False})
    assert rank([late, *ranked[1:]])[0] == ranked[1]


def a_carriers_refusal(ranked: Ranked, shipment: int = 1, day: int = 2) -> CarrierRefusal:
    return CarrierRefusal(
        shipment_id=f"{ORDER}/{shipment}",
        carrier=ranked.candidate.carrier,
        service=ranked.candidate.service,
        refused_at=at(day),
        reason="no",
    )


def test_a_refusal_of_one_shipment_says_nothing_about_another() -> None:
    [shipment] = decide(some_inputs(), BOOK, EMPTY_DAYS).shipments
    first = shipment.ranked[0]
    assert standing(shipment, [a_carriers_refusal(first, shipment=2)], None)[0] == first
    assert standing(shipment, [a_carriers_refusal(first)], None)[0] == shipment.ranked[1]


def test_a_release_forgives_older_refusals_only_once_nobody_is_left() -> None:
    [shipment] = decide(some_inputs(), BOOK, EMPTY_DAYS).shipments
    all_but_last = [a_carriers_refusal(one) for one in shipment.ranked[:-1]]
    last = a_carriers_refusal(shipment.ranked[-1], day=4)
    assert standing(shipment, all_but_last, at(3)) == shipment.ranked[-1:]
    assert standing(shipment, [*all_but_last, last], at(3)) == shipment.ranked[:-1]
    assert standing(shipment, [*all_but_last, last], at(1)) == ()


def test_a_deadline_outranks_the_price() -> None:
    near = [one for one in weigh(a_case(), BOOK, EMPTY_DAYS)[0] if one.promise_met]
    late = near[0].model_copy(update={"deadline_met": False})
    assert rank([late, near[-1]])[0] == near[-1]


def test_several_carriers_win_parcels_of_one_sample_order_sent_to_every_province() -> None:
    won = set()
    for province in PROVINCES:
        ranked, _ = weigh(a_case(destination=a_place((province, "00004"))), BOOK, EMPTY_DAYS)
        won.add(ranked[0].candidate.carrier)
    assert len(won) > 1


def test_frozen_goods_reach_the_other_end_of_the_country_in_time() -> None:
    frozen = a_line(handling=(Handling.FROZEN,), transit_tolerance_h=36)
    ranked, _ = weigh(a_case(frozen), BOOK, EMPTY_DAYS)
    assert [one.candidate.service for one in ranked] == ["VHT"]
