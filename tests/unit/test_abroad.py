"""Orders abroad: how addresses are read, what may go, who carries it, and what EMS is sent."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.intake import Handling, HoldReason, OcopGroup, OrderPlaced
from schemas.place import Abroad, Place
from schemas.tracking import TrackingStatus
from services.carriers.account import Account
from services.carriers.ems import mapping
from services.carriers.port import BookingRequest, Party
from services.channels.contact import ContactProblem, read_contact
from services.channels.invalid import PayloadInvalid
from services.channels.neutral import parse_order, read_order
from services.reference.countries import country_name
from services.reference.places import Places
from services.reference.rule_book import RuleBookInvalid, read_rule_book, sample_rule_book
from services.reference.status_map import read_status_map
from services.sandbox.options import EVEN, Lives
from services.sandbox.post_plans import ems_plan_abroad
from streams.intake_reading import _compared
from streams.rules.intake import Case, judge, where_to
from streams.rules.order_lines import Product
from streams.rules.routing.decision import Recorded, weigh
from streams.rules.routing.options import make_case
from tests.intake_examples import SKU, a_line, an_order, body
from tests.routing_facts import a_line as an_order_line
from tests.routing_facts import a_placed_order, an_origin, at, some_inputs

BOOK = sample_rule_book()
PLACES = Places.load()
MEANINGS = read_status_map()
PRAGUE: dict[str, Any] = {
    "country": "CZ",
    "street": "Vodičkova 12",
    "city": "Praha 1",
    "postcode": "110 00",
    "ward_code": None,
    "ward_name": None,
    "province_code": None,
    "province_name": None,
    "vintage": None,
}
PAID = {"method": "card", "cod_amount": 0, "shipping_payer": "buyer", "paid": True}
NOODLES = Product(
    sku=SKU,
    name="Miến dong",
    origin_id="K1",
    origin_province="19",
    group=OcopGroup.FOOD,
    weight_g=520,
    name_en="Canna starch noodles",
    hs_code="190230",
)
P = ContactProblem


def an_order_abroad(**changes: Any) -> dict[str, Any]:
    """The worked order, paid and for Prague."""
    buyer = {"name": "Jan Novák", "phone": "601 123 456"}
    return an_order(**{"ship_to": PRAGUE, "buyer": buyer, "payment": PAID} | changes)


def problems_of(**place: Any) -> tuple[ContactProblem, ...]:
    return read_contact(read_order(an_order_abroad(ship_to=PRAGUE | place)))[1]


def holds(product: Product = NOODLES, **changes: Any) -> list[tuple[HoldReason, str]]:
    """What the checks say of an order abroad."""
    payload = read_order(an_order_abroad(**changes))
    where = where_to(payload, PLACES)
    case = Case(payload, read_contact(payload)[1], {SKU: product}, where, BOOK.exports)
    return [(problem.reason, problem.detail) for problem in judge(case).problems]


def test_a_czech_buyer_is_reached_by_a_phone_without_prefix() -> None:
    contact, problems = read_contact(read_order(an_order_abroad()))
    assert problems == ()
    assert (contact.phone, contact.city, contact.postcode) == ("+420601123456", "Praha 1", "110 00")


@pytest.mark.parametrize(
    ("place", "problem"),
    [
        ({"city": ""}, P.CITY_MISSING),
        ({"postcode": None}, P.POSTCODE_MISSING),
        ({"postcode": "1100"}, P.POSTCODE_INVALID),
        ({"street": ""}, P.STREET_MISSING),
        ({"country": "DE", "postcode": "10115-1"}, P.POSTCODE_INVALID),
    ],
)
def test_what_an_address_abroad_lacks_is_said(place: dict[str, Any], problem: P) -> None:
    assert problem in problems_of(**place)


def test_a_phone_is_one_of_the_country_the_parcel_goes_to() -> None:
    buyer = {"name": "Jan Novák", "phone": "0900000002"}
    assert read_contact(read_order(an_order_abroad(buyer=buyer)))[1] == (P.PHONE_INVALID,)
    home = {"name": "Jan Novák", "phone": "+84900000002"}
    assert read_contact(read_order(an_order_abroad(buyer=home)))[1] == ()


def test_a_country_without_postcodes_needs_none() -> None:
    assert P.POSTCODE_MISSING not in problems_of(country="HK", postcode=None)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            name: st.none() | st.text(max_size=20) | st.integers() | st.sampled_from(("cz", " JP "))
            for name in PRAGUE
        },
    )
)
def test_whatever_stands_in_an_address_is_read_or_refused(place: dict[str, Any]) -> None:
    try:
        payload = parse_order(body(an_order(ship_to=PRAGUE | place)))
    except PayloadInvalid:
        return
    read_contact(read_order(an_order(ship_to=PRAGUE | place)))
    assert payload.event == "placed"


@given(
    *(st.text("abcxyzŘĐ", min_size=8, max_size=20).map(lambda text: f"q{text}q") for _ in range(3))
)
def test_street_town_and_postcode_are_not_kept_in_the_clear(
    street: str, city: str, postcode: str
) -> None:
    place = PRAGUE | {"street": street, "city": city, "postcode": postcode}
    kept = read_order(an_order_abroad(ship_to=place)).wanted_json()
    assert not [text for text in (street, city, postcode) if text in kept]


def test_what_is_new_in_the_format_changes_no_fingerprint_of_an_order_at_home() -> None:
    at_home = _compared(read_order(an_order()))
    for name in ("country", "city", "name_en", "hs_code", "origin_country"):
        assert f'"{name}"' not in at_home
    assert '"country":"CZ"' in _compared(read_order(an_order_abroad()))


@pytest.mark.parametrize(
    ("hs_code", "read"), [("1902.30", "190230"), ("1902 30 90", "19023090"), ("", None)]
)
def test_an_hs_code_is_its_digits(hs_code: str, read: str | None) -> None:
    payload = read_order(an_order_abroad(lines=[a_line(hs_code=hs_code)]))
    assert payload.lines[0].hs_code == read


def test_a_wrong_hs_code_is_named() -> None:
    with pytest.raises(PayloadInvalid, match="hs_code"):
        read_order(an_order_abroad(lines=[a_line(hs_code="19023")]))


def test_noodles_may_go_to_prague() -> None:
    assert holds() == []


def test_the_line_wins_over_the_registry_for_customs_too() -> None:
    line = a_line(name_en="Glass noodles", hs_code="19021900", origin_country="vn")
    payload = read_order(an_order_abroad(lines=[line]))
    case = Case(payload, (), {SKU: NOODLES}, where_to(payload, PLACES), BOOK.exports)
    (told,) = judge(case).lines
    assert (told.name_en, told.hs_code, told.origin_country) == ("Glass noodles", "19021900", "VN")


def test_customs_data_stays_off_an_order_at_home() -> None:
    payload = read_order(an_order())
    case = Case(payload, (), {SKU: NOODLES}, where_to(payload, PLACES), BOOK.exports)
    (told,) = judge(case).lines
    assert (told.name_en, told.hs_code, told.origin_country) == (None, None, None)


@pytest.mark.parametrize(
    ("product", "reason", "said"),
    [
        ({"hs_code": "040900"}, HoldReason.NOT_SHIPPABLE, "HS 04, which CZ does not let in"),
        ({"handling": (Handling.FROZEN,)}, HoldReason.NOT_SHIPPABLE, "may not leave the country"),
        ({"handling": (Handling.LIQUID,)}, HoldReason.NOT_SHIPPABLE, "CZ does not let in (liquid)"),
        ({"hs_code": None}, HoldReason.PRODUCT_UNKNOWN, "customs need its HS code."),
        (
            {"hs_code": None, "name_en": None},
            HoldReason.PRODUCT_UNKNOWN,
            "customs need its English name and HS code.",
        ),
    ],
)
def test_goods_that_cannot_go_are_held_with_what_to_do(
    product: dict[str, Any], reason: HoldReason, said: str
) -> None:
    ((held, detail),) = holds(replace(NOODLES, **product))
    assert held is reason
    assert said in detail


def test_cash_is_not_collected_abroad() -> None:
    cash = {"method": "cod", "cod_amount": 366_000}
    ((reason, detail),) = holds(payment=cash)
    assert reason is HoldReason.CHANNEL_HOLD
    assert "not possible in CZ" in detail


def test_a_country_that_nobody_serves_is_named() -> None:
    ((reason, detail),) = holds(ship_to=PRAGUE | {"country": "GB", "postcode": "SW1A 1AA"})[:1]
    assert reason is HoldReason.NOT_SHIPPABLE
    assert "No service carries to GB" in detail


def routed(destination: Place | Abroad, cod_vnd: int = 0) -> tuple[set[str], dict[str, str]]:
    """Services that may carry a shipment of coffee there, and every other's first refusal."""
    order = a_placed_order(an_order_line(), destination=destination, cod_vnd=cod_vnd)
    inputs = some_inputs(order, destination=destination)
    case = make_case(inputs, an_origin(), (an_order_line(),), cod_vnd, moment=at(1), book=BOOK)
    ranked, refused = weigh(case, BOOK, Recorded({}, BOOK))
    return {one.candidate.service for one in ranked}, {one.service: one.reason for one in refused}


def test_only_ems_abroad_serves_the_czech_republic() -> None:
    possible, refused = routed(Abroad(country="CZ"))
    assert possible == {"EMS-QT"}
    assert set(refused.values()) == {"it does not serve CZ"}
    assert refused.keys() == {one.code for one in BOOK.services} - possible


def test_cash_abroad_has_no_service_whoever_let_it_pass() -> None:
    possible, refused = routed(Abroad(country="CZ"), cod_vnd=100_000)
    assert possible == set()
    assert refused["EMS-QT"].startswith("COD")


def test_ems_abroad_carries_nothing_at_home() -> None:
    possible, refused = routed(Place(province_code="01", ward_code="00004"))
    assert "EMS-QT" not in possible
    assert refused["EMS-QT"].startswith("it does not serve")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('countries = ["CZ"', 'countries = ["SK", "CZ"', "goes to SK, which has no"),
        ('zone = "abroad_america"', 'zone = "abroad_moon"', "no tariff for US"),
        ('zone = "abroad_america"', 'zone = "moon"', r"exports\.countries\.US\.zone"),
    ],
)
def test_a_rule_book_that_does_not_carry_what_it_promises_is_refused(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    data = Path(__file__).parents[2] / "services/reference/data"
    for file in (*data.glob("sample_tariff*.csv"), data / "rule_book.toml"):
        (tmp_path / file.name).write_text(file.read_text("utf-8").replace(old, new, 1), "utf-8")
    with pytest.raises(RuleBookInvalid, match=told):
        read_rule_book(tmp_path / "rule_book.toml")


def test_orders_told_of_before_there_was_an_abroad_are_read() -> None:
    told = a_placed_order(an_order_line()).model_dump(mode="json")
    for name in ("hs_code", "origin_country", "name_en"):
        del told["lines"][0][name]
    assert OrderPlaced.model_validate(told).destination == Place(
        province_code="01", ward_code="00004"
    )


def test_events_say_the_country_and_nothing_else() -> None:
    told = a_placed_order(an_order_line(), destination=Abroad(country="CZ"))
    assert told.model_dump(mode="json")["destination"] == {"country": "CZ"}
    assert OrderPlaced.model_validate_json(told.model_dump_json()) == told


def a_request(**changes: Any) -> BookingRequest:
    seller = Party("HTX", "0900000009", "Thôn 1", "05641", "Xã A", "19", "Thái Nguyên")
    buyer = Party(
        *("Jan Novák", "+420601123456", "Vodičkova 12", "", "", "", ""),
        country="CZ",
        city="Praha 1",
        postcode="110 00",
    )
    made = BookingRequest(
        *("OC-1", "EMS-QT", seller, buyer, "Canna starch noodles", 4, 2_180, 30, 20, 15),
        *(480_000, 0, datetime(2026, 11, 17, tzinfo=UTC)),
        number="EA000000059VN",
    )
    return replace(made, **changes)


def test_ems_is_sent_documented_fields_and_two_that_are_settings() -> None:
    documented = mapping.create_order(a_request(), Account("http://ems"))
    assert {name: value for name, value in documented.items() if name.startswith("to_")} == {
        "to_name": "Jan Novák",
        "to_phone": "+420601123456",
        "to_address": "Vodičkova 12, Praha 1",
        "to_postal": "110 00",
    }
    assert documented["product_name"] == "Canna starch noodles"
    named = Account("http://ems", country_field="to_country", number_field="tracking_code")
    more = mapping.create_order(a_request(), named)
    assert {name: more[name] for name in more.keys() - documented.keys()} == {
        "to_country": "CZ",
        "tracking_code": "EA000000059VN",
    }


@given(st.integers(), st.sampled_from((0.0, 0.5, 1.0)), st.sampled_from((0.0, 0.5, 1.0)))
def test_a_life_abroad_is_told_in_codes_we_know_and_comes_to_an_end(
    seed: int, returned: float, hold: float
) -> None:
    lives = Lives(returned=returned, customs_hold=hold)
    codes = [step.code for step in ems_plan_abroad(random.Random(seed), lives)]
    api = {True: "merchantsite", False: "emsevt_v3"}
    known = [MEANINGS.meaning("ems", api[code.isdigit()], code, None) for code in codes]
    assert TrackingStatus.UNMAPPED not in {one.status for one in known}
    assert codes[-1] == ("EDX" if "EDX" in codes else "EMI")
    if hold in {0.0, 1.0}:
        assert ("EME" in codes) is bool(hold)


def test_an_even_life_is_the_usual_order_of_emsevt() -> None:
    codes = [step.code for step in ems_plan_abroad(random.Random(1), EVEN)]
    assert codes == [
        *("2", "EMA", "EMB", "EXA", "EXC", "EMC", "EMD", "EDB", "EDC", "EMF", "EMG", "EDG", "EMI")
    ]


def test_a_country_without_a_name_of_ours_stands_for_itself() -> None:
    assert (country_name("CZ"), country_name("AQ")) == ("Czech Republic", "AQ")
