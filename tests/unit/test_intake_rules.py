"""The checks an order must pass, certificates, and the fold of facts and commands."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.intake import Channel, Handling, HoldReason, OcopGroup, OrderAmended, OrderPlaced
from services.channels.contact import ContactProblem, read_contact
from services.channels.neutral import Platform, read_order
from services.channels.port import Nothing
from services.reference.places import Places
from services.store.vault import Vault
from streams.intake_book import Book
from streams.intake_desk import Desk
from streams.intake_reading import read
from streams.intake_registry import Sellers
from streams.rules import intake_fold as fold
from streams.rules.certificates import Certificate, ended_certificate, ocop_certificate
from streams.rules.intake import Case, Verdict, address_of, judge
from streams.rules.intake_order import Cause, Order, remember, sighting, tell_content
from streams.rules.order_lines import Product
from streams.runtime.stage import Batch, Dead, Handled, Record
from tests.intake_examples import (
    NUMBER,
    ORDER_ID,
    SELLER,
    SKU,
    a_cancellation,
    a_line,
    an_amendment,
    an_order,
    body,
)

PLACES = Places.load()
VAULT = Vault(bytes(32))
AT = datetime(2026, 7, 1, 3, tzinfo=UTC)
DAY = date(2026, 7, 1)


def a_certificate(**changes: Any) -> Certificate:
    values: dict[str, Any] = {
        "number": "OCOP-MAU-0001",
        "kind": "OCOP",
        "star": 4,
        "issued_on": date(2025, 6, 30),
        "expires_on": date(2028, 6, 30),
    }
    return Certificate(**(values | changes))


def a_product(**changes: Any) -> Product:
    values: dict[str, Any] = {
        "sku": SKU,
        "name": "Trà sen",
        "origin_id": "K1",
        "origin_province": "68",
        "group": OcopGroup.BEVERAGE,
        "weight_g": 650,
        "certificates": (a_certificate(),),
    }
    return Product(**(values | changes))


def a_case(product: Product | None = None, **changes: Any) -> Case:
    payload = read_order(an_order(**changes))
    _, problems = read_contact(payload)
    products = {SKU: product or a_product()}
    return Case(payload, problems, products, PLACES.locate(address_of(payload)))


def reasons(case: Case, *waived: str) -> list[HoldReason]:
    return [problem.reason for problem in judge(case, frozenset(waived)).problems]


def a_placed_order(**changes: Any) -> Order:
    order = Order(
        order_id=ORDER_ID,
        channel=Channel.POSTMART,
        seller_id=SELLER,
        number=NUMBER,
        wanted=read_order(an_order()),
        placed=True,
        untold=False,
        version=1,
    )
    return replace(order, **changes)


def a_cause(by: str = f"seller:{SELLER}", era: int = 0) -> Cause:
    return Cause(by, "agreed", AT, era, "c-1")


def fine(order: Order, waived: frozenset[str]) -> Verdict:
    del waived
    return judge(replace(a_case(), order=order.wanted))


def test_what_its_channel_holds_waits_for_its_next_word() -> None:
    case = a_case()
    held = case.order.model_copy(update={"channel_hold": "holded"})
    [problem] = judge(replace(case, order=held)).problems
    assert (problem.reason, problem.detail) == (
        HoldReason.CHANNEL_HOLD,
        "postmart holds the order (holded).",
    )


def test_a_masked_buyer_passes_only_where_the_platform_ships() -> None:
    case = a_case(buyer={"name": "T******B", "phone": "******02"})
    assert set(reasons(case)) == {HoldReason.ADDRESS_INCORRECT}
    shipped = case.order.model_copy(update={"platform": Platform(), "fixed_carrier": "shopee"})
    assert reasons(replace(case, order=shipped)) == []


def test_a_feed_cannot_say_that_a_platform_ships() -> None:
    claimed = an_order(platform={"packages": ["PKG1"]}, channel_hold="x")
    order = read_order(claimed)
    assert (order.platform, order.channel_hold) == (None, "")


def test_a_good_order_has_no_problem_and_all_its_lines() -> None:
    verdict = judge(a_case())
    assert verdict.problems == ()
    assert [(line.sku, line.star) for line in verdict.lines] == [(SKU, 4)]


def test_what_the_line_says_wins_and_the_registry_fills_the_rest() -> None:
    product = a_product(length_cm=20, transit_tolerance_h=96)
    (line,) = judge(a_case(product, lines=[a_line(name="", weight_g=None)])).lines
    assert (line.weight_g, line.name, line.length_cm) == (650, "Trà sen", 20)
    (line,) = judge(a_case(product)).lines
    assert (line.weight_g, line.unit_price_vnd, line.lot) == (600, 175_000, "L2606")


def test_star_and_certificate_are_the_registrys_alone() -> None:
    boast = a_line(ocop={"star": 5, "certificate_no": "MINE"})
    (line,) = judge(a_case(a_product(certificates=()), lines=[boast])).lines
    assert (line.star, line.certificate_no) == (0, None)


def test_a_channel_may_add_a_hazard_but_take_none_away() -> None:
    product = a_product(handling=(Handling.LIQUID,))
    (line,) = judge(a_case(product, lines=[a_line(handling=["fragile"])])).lines
    assert line.handling == (Handling.LIQUID, Handling.FRAGILE)


@pytest.mark.parametrize(
    ("product", "expected"),
    [
        (a_product(group=OcopGroup.TOURISM), [HoldReason.NOT_SHIPPABLE]),
        (a_product(prohibited=True), [HoldReason.NOT_SHIPPABLE]),
        (a_product(handling=(Handling.LIVE_ANIMAL,)), [HoldReason.NOT_SHIPPABLE]),
        (a_product(sku="X", weight_g=None), [HoldReason.PRODUCT_UNKNOWN]),
        (a_product(group=OcopGroup.TOURISM, weight_g=None), [HoldReason.NOT_SHIPPABLE]),
    ],
)
def test_a_product_that_cannot_go_is_named(product: Product, expected: list[HoldReason]) -> None:
    assert reasons(a_case(product, lines=[a_line(weight_g=None)])) == expected


def test_an_unknown_sku_names_its_line() -> None:
    (problem,) = judge(a_case(lines=[a_line(sku="NO-SUCH", line_no=3)])).problems
    assert problem.reason is HoldReason.PRODUCT_UNKNOWN
    assert "Line 3" in problem.detail


@pytest.mark.parametrize(
    ("change", "count"),
    [
        ({"totals": {"discount": 366_000, "grand_total": 0}, "payment": {"cod_amount": 0}}, 1),
        ({"totals": {"goods": 1}}, 2),
        ({"totals": {"shipping": 0}}, 1),
        ({"payment": {"cod_amount": 0}}, 1),
        ({"payment": {"method": "prepaid"}}, 1),
        ({"payment": {"method": "prepaid", "cod_amount": 0}}, 0),
        ({"payment": {"cod_amount": 100_000}}, 0),
    ],
)
def test_amounts_agree_to_the_last_dong(change: dict[str, Any], count: int) -> None:
    assert reasons(a_case(**change)) == [HoldReason.CHANNEL_HOLD] * count


def test_every_problem_is_told_at_once() -> None:
    case = a_case(
        a_product(prohibited=True),
        buyer={"phone": "113"},
        ship_to={"ward_code": None, "ward_name": "?"},
        payment={"cod_amount": 0},
    )
    assert reasons(case) == [
        HoldReason.NOT_SHIPPABLE,
        HoldReason.ADDRESS_INCORRECT,
        HoldReason.ADDRESS_INCORRECT,
        HoldReason.CHANNEL_HOLD,
    ]


def test_a_waived_certificate_ships_as_ordinary_goods_and_no_other_does() -> None:
    case = a_case(a_product(certificates=(a_certificate(expires_on=date(2026, 6, 30)),)))
    assert reasons(case) == [HoldReason.CERTIFICATE_EXPIRED]
    assert reasons(case, "certificate_expired:OTHER") == [HoldReason.CERTIFICATE_EXPIRED]
    (line,) = judge(case, frozenset({f"certificate_expired:{SKU}"})).lines
    assert line.star == 0


@pytest.mark.parametrize(
    ("change", "valid"),
    [
        ({}, True),
        ({"expires_on": DAY}, True),
        ({"expires_on": date(2026, 6, 30)}, False),
        ({"revoked_on": DAY}, False),
        ({"revoked_on": date(2026, 7, 2)}, True),
        ({"kind": "ATVSTP", "star": None, "expires_on": date(2026, 6, 30)}, False),
        ({"kind": "VietGAP", "star": None, "expires_on": date(2026, 6, 30)}, True),
        ({"issued_on": date(2026, 7, 2), "expires_on": date(2029, 7, 2)}, True),
    ],
)
def test_only_an_ended_ocop_or_food_safety_certificate_stops_an_order(
    change: dict[str, Any], *, valid: bool
) -> None:
    assert (ended_certificate([a_certificate(**change)], DAY) is None) is valid


def test_a_renewed_certificate_replaces_the_ended_one() -> None:
    old = a_certificate(expires_on=date(2026, 6, 30))
    new = a_certificate(number="NEW", star=5, issued_on=DAY, expires_on=date(2029, 7, 1))
    assert ended_certificate([new, old], DAY) is None
    assert ocop_certificate([new, old], DAY) == new


def test_a_certificate_of_the_future_gives_no_star_yet() -> None:
    assert ocop_certificate([a_certificate(issued_on=date(2026, 7, 2))], DAY) is None


def test_a_hold_by_a_channel_is_a_channel_hold() -> None:
    step = fold.hold(a_placed_order(), a_cause("channel:postmart"))
    assert not isinstance(step, fold.No)
    assert [one.reason for one in step.order.holds] == [HoldReason.CHANNEL_HOLD]


def test_an_order_has_a_bounded_number_of_holds() -> None:
    order = a_placed_order()
    for _ in range(fold.MOST_HOLDS):
        step = fold.hold(order, a_cause())
        assert not isinstance(step, fold.No)
        order = step.order
    assert fold.hold(order, a_cause()) is fold.TOO_MANY_HOLDS


def test_an_amendment_waits_behind_a_persons_hold() -> None:
    held = fold.hold(a_placed_order(), a_cause())
    assert not isinstance(held, fold.No)
    wanted = read_order(an_amendment())
    amended = fold.amend(held.order, wanted, (), a_cause(), fine, packed=False)
    assert not isinstance(amended, fold.No)
    assert amended.events == ()
    step = fold.release(amended.order, a_cause(), fine)
    assert not isinstance(step, fold.No)
    assert [event.version for event in step.events] == [3, 4]
    assert isinstance(step.events[-1], OrderAmended)


def test_a_new_era_leads_every_version() -> None:
    step = fold.look(a_placed_order(untold=True), a_cause(era=2), fine)
    assert step.order.version == 2 << 40


def test_an_order_with_problems_is_never_told_of() -> None:
    verdict = judge(a_case(buyer={"phone": ""}))
    with pytest.raises(ValueError, match="did not pass"):
        tell_content(a_placed_order(), verdict, a_cause())


def test_only_the_newest_versions_are_remembered() -> None:
    order = a_placed_order()
    for version in range(1, 101):
        order = remember(order, version, "f")
    assert len(order.seen) == 64
    assert sighting(order, 100, "other") == "conflicting"
    assert sighting(order, 1, "other") == "known"


def a_record(payload: dict[str, Any]) -> Record:
    headers = (("ocop_channel", b"postmart"), ("ocop_kind", b"order"))
    return Record(
        "order.received.v1", 0, 0, 0, f"postmart:{NUMBER}".encode(), body(payload), headers
    )


def delivered(payloads: list[dict[str, Any]]) -> tuple[Desk, Handled]:
    """A batch of payloads on an empty desk, and what became of it."""
    handled = Handled()
    products = {SELLER: {SKU: a_product()}}
    book = Book(Sellers([(None, SELLER, SELLER)]), {}, [], products, set(), {}, PLACES)
    desk = Desk(book, Batch(0, [], AT), handled)
    for payload in payloads:
        reading = read(a_record(payload), VAULT)
        assert not isinstance(reading, Dead | Nothing)
        desk.settle(reading)
    return desk, handled


FACTS = [
    an_order(),
    an_amendment(version=2, ship_to={"ward_code": None, "ward_name": "?"}),
    an_amendment(version=3, fixed_carrier="vnpost"),
    a_cancellation(version=4),
    a_cancellation(version=5, event="returned"),
]


@given(st.permutations(FACTS * 2))
def test_facts_in_any_order_and_twice_leave_the_same_order(facts: list[dict[str, Any]]) -> None:
    desk, handled = delivered(facts)
    (order,) = desk.changed
    assert order.wanted == read_order(FACTS[2])
    assert order.payload_version == 3
    assert sorted(order.seen) == [1, 2, 3, 4, 5]
    assert order.cancel_requested
    assert not any(desk.waiting.values())
    assert handled.dead == []


@given(st.permutations(FACTS[:3] * 2))
def test_without_a_cancellation_the_newest_content_is_the_last_told(
    facts: list[dict[str, Any]],
) -> None:
    desk, handled = delivered(facts)
    (order,) = desk.changed
    told = [
        one.event for one in handled.outputs if isinstance(one.event, OrderPlaced | OrderAmended)
    ]
    assert (order.holds, order.untold) == ((), False)
    assert told[-1].fixed_carrier == "vnpost"
    assert len([event for event in told if isinstance(event, OrderPlaced)]) == 1
    versions = [one.event.version for one in handled.outputs]
    assert versions == list(range(1, len(versions) + 1))


@given(st.binary(), st.sampled_from(["order", "amend", "cancel", "hold", "", "x"]))
def test_any_bytes_of_any_kind_are_a_dead_letter(raw: bytes, kind: str) -> None:
    headers = (
        ("ocop_channel", b"postmart"),
        ("ocop_kind", kind.encode()),
        ("ocop_actor", b"ops:an"),
        ("ocop_command_id", b"c-1"),
    )
    reading = read(Record("order.received.v1", 0, 0, 0, None, raw, headers), VAULT)
    assert isinstance(reading, Dead)


def test_a_commune_that_is_not_certain_is_ambiguous() -> None:
    case = replace(a_case(), contact_problems=(ContactProblem.COMMUNE_UNSURE,))
    assert reasons(case) == [HoldReason.ADDRESS_AMBIGUOUS]


@pytest.mark.parametrize("problem", sorted({*ContactProblem} - {ContactProblem.COMMUNE_UNSURE}))
def test_an_unreachable_person_is_a_wrong_address(problem: ContactProblem) -> None:
    assert reasons(replace(a_case(), contact_problems=(problem,))) == [HoldReason.ADDRESS_INCORRECT]
