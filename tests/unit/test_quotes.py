"""Quotes in the decision: the carrier's own price where there is one, and the same again offline."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from schemas.quotes import Lane, LaneQuote, QuotedService
from services.reference.places import Places
from services.reference.rule_book import sample_rule_book
from streams.cli.trace import deadline, fee_moments
from streams.rules.routing.decision import Recorded, decide, replay
from streams.rules.routing.quotes import Way, lanes_of
from streams.rules.routing.record import Decision
from tests.routing_facts import a_line, a_placed_order, some_inputs

if TYPE_CHECKING:
    from schemas.routing import Candidate
    from streams.rules.routing.record import Inputs

BOOK = sample_rule_book()
ASKED_AT = datetime(2026, 10, 1, tzinfo=UTC)
APIS = {"viettelpost": "partner_v2", "vnpost": "myvnpost"}
QUOTING = frozenset(APIS.items())
CODES = sorted({service.code for service in BOOK.services})


def a_quote(**services: int | QuotedService) -> LaneQuote:
    """Prices by service code."""
    told = {
        code: QuotedService(price_vnd=one) if isinstance(one, int) else one
        for code, one in services.items()
    }
    return LaneQuote(quoted_at=ASKED_AT, services=told)


def a_lane(carrier: str = "viettelpost", weight_g: int = 1_000) -> str:
    """From Lâm Đồng to Hà Nội, paid at the door."""
    return Lane(carrier, APIS[carrier], "68", "01", weight_g, with_cod=True).key


def inputs(quotes: dict[str, LaneQuote] | None = None, **line: int) -> Inputs:
    return some_inputs(a_placed_order(a_line(**line)), quotes=quotes or {})


def candidates(some: Inputs) -> dict[str, Candidate]:
    (shipment,) = decide(some, BOOK, Recorded({}, BOOK)).shipments
    return {one.candidate.service: one.candidate for one in shipment.ranked}


def refusals(some: Inputs) -> dict[str, str]:
    (shipment,) = decide(some, BOOK, Recorded({}, BOOK)).shipments
    return {one.service: one.reason for one in shipment.refused if one.rule == "not_offered"}


def test_a_lane_is_named_by_its_key() -> None:
    lane = Lane("viettelpost", "partner_v2", "68", "01", 1_500, with_cod=False)
    assert lane.key == "viettelpost|partner_v2|68|01|1500|paid"
    assert Lane.read(lane.key) == lane


def test_a_quoted_price_stands_in_the_place_of_the_sample() -> None:
    found = candidates(inputs({a_lane(): a_quote(VTK=19_900, VCN=25_000)}))
    assert (found["VTK"].price_vnd, found["VTK"].tariff) == (19_900, "quoted")
    assert found["VTK"].quoted_at == ASKED_AT
    assert found["CTN009"].tariff == "sample"


def test_the_cheaper_quote_wins() -> None:
    dear = decide(inputs({a_lane(): a_quote(VTK=90_000)}), BOOK, Recorded({}, BOOK))
    cheap = decide(inputs({a_lane(): a_quote(VTK=1_000)}), BOOK, Recorded({}, BOOK))
    assert dear.shipments[0].ranked[0].candidate.service != "VTK"
    assert cheap.shipments[0].ranked[0].candidate.service == "VTK"
    assert cheap.shipments[0].won_by == "cheapest"


def test_a_service_the_carrier_does_not_name_is_refused_with_the_lane() -> None:
    some = inputs({a_lane(): a_quote(VTK=19_900)})
    assert "VCN" not in candidates(some)
    assert refusals(some)["VCN"].startswith("the carrier offers other services from 68 to 01")


def test_a_carrier_that_offers_nothing_there_is_out_and_the_other_stands() -> None:
    some = inputs({a_lane(): a_quote()})
    assert {"VTK", "VCN"} <= set(refusals(some))
    assert "CTN009" in candidates(some)


def test_the_carriers_own_hours_decide_the_promise() -> None:
    plain = candidates(inputs({a_lane(): a_quote(VTK=19_900)}))["VTK"]
    slow = QuotedService(price_vnd=19_900, transit_h=240)
    found = candidates(inputs({a_lane(): a_quote(VTK=slow)}))["VTK"]
    assert (found.transit_h_to, plain.transit_h_to) == (240, 168)
    assert found.promised_on > plain.promised_on


def test_a_shipment_of_several_parcels_needs_a_quote_for_each() -> None:
    whole, rest = a_lane(weight_g=30_000), a_lane(weight_g=10_000)
    heavy = {"weight_g": 10_000, "quantity": 4}
    one = candidates(inputs({whole: a_quote(VTK=100_000)}, **heavy))["VTK"]
    both = candidates(inputs({whole: a_quote(VTK=100_000), rest: a_quote(VTK=40_000)}, **heavy))[
        "VTK"
    ]
    assert (one.tariff, both.tariff, both.price_vnd) == ("sample", "quoted", 140_000)


def test_a_quote_for_another_weight_or_for_paid_goods_says_nothing() -> None:
    paid = Lane("viettelpost", "partner_v2", "68", "01", 1_000, with_cod=False).key
    other = a_lane(weight_g=1_500)
    found = candidates(inputs({paid: a_quote(VTK=1), other: a_quote(VTK=1)}))
    assert found["VTK"].tariff == "sample"


def test_lanes_are_those_of_carriers_that_can_be_asked_and_may_be_chosen() -> None:
    way = Way("68", "01", with_cod=True)
    assert set(lanes_of([a_line()], way, BOOK, QUOTING)) == {a_lane(), a_lane("vnpost")}
    assert set(lanes_of([a_line()], way, BOOK, QUOTING, "vnpost")) == {a_lane("vnpost")}
    assert not list(lanes_of([a_line()], way, BOOK, frozenset()))


def test_bulky_goods_are_asked_for_by_their_volume() -> None:
    bulky = a_line(weight_g=100, quantity=1, length_cm=50, width_cm=40, height_cm=30)
    found = {
        lane.carrier: lane.weight_g
        for lane in map(Lane.read, lanes_of([bulky], Way("68", "01", with_cod=True), BOOK, QUOTING))
    }
    assert found == {"viettelpost": 12_000, "vnpost": 10_000}


@given(st.dictionaries(st.sampled_from(CODES), st.integers(1, 200_000)), st.integers(1, 40_000))
def test_a_decision_with_quotes_is_made_again_from_its_record(
    prices: dict[str, int], weight_g: int
) -> None:
    line = a_line(weight_g=weight_g, quantity=1)
    lanes = set(lanes_of([line], Way("68", "01", with_cod=True), BOOK, QUOTING))
    some = some_inputs(a_placed_order(line), quotes={key: a_quote(**prices) for key in lanes})
    decision = decide(some, BOOK, Recorded({}, BOOK))
    told = Decision.model_validate_json(decision.model_dump_json(exclude_defaults=True))
    assert replay(told, BOOK) == decision


def test_every_province_has_a_town_that_stands_for_it() -> None:
    places = Places.load()
    assert places.town("01").full_name.startswith("Phường ")
    assert places.town("68").province_code == "68"


def a_booked_shipment(drift_vnd: int | None) -> dict[str, Any]:
    booking = {"booked_at": "2026-10-02T09:00:00+07:00"}
    return {
        "shipment_id": "postmart:S:1/1",
        "tariff": "quoted",
        "booked_vnd": 30_000,
        "fee_drift_vnd": drift_vnd,
        "parcels": [{"bookings": [booking]}],
    }


def test_a_fee_that_is_not_what_was_quoted_is_told_in_the_trace() -> None:
    (dearer,) = fee_moments(a_booked_shipment(2_500))
    assert dearer.what == "shipment 1: freight 30.000 ₫, 2.500 ₫ more than the quoted tariff said"
    (same,) = fee_moments(a_booked_shipment(0))
    assert same.what.endswith("as reckoned")
    assert not list(fee_moments(a_booked_shipment(None)))


def test_the_trace_tells_the_sellers_deadline_on_vietnams_clock() -> None:
    assert deadline({"decide_by": "2026-10-05T16:00:00Z"}) == ", decide by 05/10 23:00"
    assert deadline({"decided": "return", "decide_by": None}) == ", return agreed"
    assert deadline({}) == ""
