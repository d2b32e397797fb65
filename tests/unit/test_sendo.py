"""Sendo's orders and searches, on payloads of the documented shape."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.channels.contact import ContactProblem, read_contact
from services.channels.invalid import PayloadInvalid
from services.channels.neutral import NoticePayload, OrderPayload, parse_order
from services.channels.port import Change, Effect, Missing, Nothing, Unmapped
from services.channels.sendo import answers
from services.channels.sendo.reading import read_sendo
from tests.intake_examples import PLACED, an_order, body
from tests.marketplace_examples import JSON, SENDO, a_sendo_order

NOW = datetime(2026, 7, 2, tzinfo=UTC)


def the_order(**changes: Any) -> OrderPayload:
    read = read_sendo(a_sendo_order(**changes), "SHOP-1")
    assert isinstance(read, OrderPayload)
    return read


def a_sku(variant: str, quantity: int) -> dict[str, object]:
    return {"product_variant_id": variant, "quantity": quantity}


def test_the_documented_order_is_ours() -> None:
    order = the_order(seen_at=1_782_900_000)
    assert (order.channel, order.channel_order_no, order.seller_ref) == (
        "sendo",
        "10000000001",
        "SHOP-1",
    )
    assert order.placed_at == datetime.fromtimestamp(1_782_860_000, UTC)
    assert order.version == 1_782_900_000
    assert [(one.sku, one.quantity, one.unit_price) for one in order.lines] == [
        ("30000000001", 2, 175_000)
    ]
    assert (order.totals.grand_total, order.payment.cod_amount) == (366_000, 366_000)
    assert (order.ship_to.street, order.ship_to.ward_name, order.ship_to.province_name) == (
        "Số 1 Đường Mẫu",
        "Phường Cầu Giấy",
        "Hà Nội",
    )
    assert read_contact(order)[1] == ()


@pytest.mark.parametrize("method", [2, "5", None])
def test_another_payment_than_1_is_paid(method: object) -> None:
    order = the_order(sales_order={"payment_method": method})
    assert (order.payment.method, order.payment.cod_amount) == ("prepaid", 0)


@given(st.integers(0, 10**9), st.lists(st.integers(1, 50), min_size=1, max_size=5))
def test_the_lines_come_to_the_goods_to_the_last_dong(goods: int, quantities: list[int]) -> None:
    skus = [a_sku(str(number), quantity) for number, quantity in enumerate(quantities)]
    order = the_order(sales_order={"sub_total": goods}, sku_details=skus)
    assert sum(one.quantity * one.unit_price for one in order.lines) == goods
    assert sum(one.quantity for one in order.lines) == sum(quantities)


def test_an_address_that_is_not_certain_is_a_doubt_and_no_part_of_the_content() -> None:
    order = the_order(sales_order={"buyer_address": "Số 1, Cầu Giấy, Hà Nội"})
    assert read_contact(order)[1] == (ContactProblem.COMMUNE_UNSURE,)
    assert "doubts" not in order.model_dump_json()


def test_a_sender_of_the_neutral_format_has_no_doubts_and_no_other_words_of_ours() -> None:
    raw = body(an_order(doubts=["commune_unsure"], channel_hold="x", related_no="R-1"))
    assert parse_order(raw) == parse_order(PLACED)


@pytest.mark.parametrize("status", [11, 12, 14, 15, 19, 23])
def test_a_delayed_or_split_order_is_held(status: int) -> None:
    assert the_order(sales_order={"order_status": status}).channel_hold == f"status_{status}"


@pytest.mark.parametrize(("status", "event"), [(13, "cancelled"), (21, "returned")])
def test_an_order_that_ends_is_a_notice(status: int, event: str) -> None:
    read = read_sendo(a_sendo_order(sales_order={"order_status": status}), "SHOP-1")
    assert isinstance(read, NoticePayload)
    assert read.event == event


def test_what_we_know_already_is_nothing_and_an_unknown_status_is_not_guessed() -> None:
    shipping = a_sendo_order(sales_order={"order_status": 6})
    assert read_sendo(shipping, "S") == Nothing(Effect.INFO, "6")
    assert read_sendo(a_sendo_order(sales_order={"order_status": 99}), "S") == Unmapped("99")


@given(st.binary() | JSON.map(lambda one: json.dumps(one).encode()))
def test_no_bytes_break_the_reading(raw: bytes) -> None:
    try:
        read_sendo(raw, "SHOP-1")
    except PayloadInvalid:
        return


@given(st.sampled_from(sorted(json.loads(SENDO)["sales_order"])), JSON)
def test_no_field_breaks_the_reading(field: str, value: Any) -> None:
    try:
        read_sendo(a_sendo_order(sales_order={field: value}), "SHOP-1")
    except PayloadInvalid:
        return


def test_a_search_is_read_to_its_last_page() -> None:
    page = {"result": {"data": [json.loads(SENDO), {}], "next_token": "T2"}}
    assert answers.changes(page) == ((Change("10000000001", state="2"),), "T2")
    assert answers.changes({"result": {"data": [], "next_token": "T3"}}) == ((), None)


def test_a_fetched_order_carries_when_it_was_seen() -> None:
    for answer in (json.loads(SENDO), {"result": json.loads(SENDO)}):
        found = answers.fetched(answer, NOW)
        assert not isinstance(found, Missing)
        assert (found.number, found.state, found.at) == ("10000000001", "2", NOW)
        assert json.loads(found.body)["seen_at"] == int(NOW.timestamp())


@pytest.mark.parametrize("expires", [NOW.timestamp() + 60, "2026-07-02T00:01:00", "soon", None])
def test_the_end_of_a_token_is_read_or_left_open(expires: object) -> None:
    token = answers.read_token({"result": {"token": "T", "expires": expires}})
    assert token is not None
    assert answers.seconds_left(token[1], NOW) in {60, None}


@given(JSON)
def test_no_answer_is_taken_for_an_order_or_a_token(body: Any) -> None:
    assert isinstance(answers.fetched(body, NOW), Missing)
    assert answers.read_token(body) is None
