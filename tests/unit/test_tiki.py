"""Tiki's orders, events and lists, on payloads of the documented shape."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.channels.invalid import PayloadInvalid
from services.channels.neutral import NoticePayload, OrderPayload
from services.channels.port import Effect, Hint, Missing, Nothing, PackageState, Unmapped
from services.channels.tiki import answers
from services.channels.tiki.details import TikiDetails
from services.channels.tiki.reading import read_tiki
from services.errors import OperatorError
from tests.marketplace_examples import JSON, TIKI, a_tiki_order, merged

UPDATED = datetime(2026, 7, 1, 1, 0, 12, tzinfo=UTC)


def the_order(**changes: Any) -> OrderPayload:
    read = read_tiki(a_tiki_order(**changes), "SID-1")
    assert isinstance(read, OrderPayload)
    return read


def test_the_documented_order_is_ours() -> None:
    order = the_order()
    assert (order.channel, order.channel_order_no, order.seller_ref) == (
        "tiki",
        "100000001",
        "SID-1",
    )
    assert (order.placed_at, order.at) == (datetime(2026, 7, 1, tzinfo=UTC), UPDATED)
    assert order.version == int(UPDATED.timestamp())
    line = order.lines[0]
    assert (line.sku, line.quantity, line.unit_price) == ("OCOP-TS-01-600", 2, 175_000)
    assert (order.totals.goods, order.totals.shipping, order.totals.grand_total) == (
        350_000,
        16_000,
        366_000,
    )
    assert (order.payment.method, order.payment.cod_amount) == ("cod", 366_000)
    assert (order.ship_to.ward_name, order.ship_to.province_name) == ("Phường Cầu Giấy", "Hà Nội")
    assert order.ship_to.ward_code is None
    assert (order.fixed_carrier, order.platform, order.channel_hold) == (None, None, "")


def test_what_is_not_collected_is_paid_whatever_the_method_says() -> None:
    order = the_order(invoice={"collectible_amount": 0})
    assert (order.payment.method, order.payment.cod_amount) == ("prepaid", 0)


def test_without_a_shipping_amount_the_seller_pays_shipping() -> None:
    order = the_order(invoice={"shipping_amount_after_discount": 0, "grand_total": 350_000})
    assert order.payment.shipping_payer == "seller"


def test_a_tracking_code_says_that_tikis_carrier_takes_it() -> None:
    order = the_order(shipping={"tracking_code": "TIKI0001"})
    assert order.fixed_carrier == "tiki"
    assert order.platform is not None
    assert order.platform.packages == ("TIKI0001",)


def test_a_held_order_waits_for_its_reason() -> None:
    assert the_order(status="holded").channel_hold == "holded"


def test_every_part_of_a_split_order_is_an_order_of_its_own_code() -> None:
    order = the_order(code=100_000_002, relation_code="100000001", siblings=[{"code": "100000003"}])
    assert (order.channel_order_no, order.related_no) == ("100000002", "100000001")


def test_numbers_may_come_as_text_or_with_decimals() -> None:
    order = the_order(invoice={"subtotal": "350000", "grand_total": 366_000.0})
    assert (order.totals.goods, order.totals.grand_total) == (350_000, 366_000)


@pytest.mark.parametrize(("status", "event"), [("canceled", "cancelled"), ("returned", "returned")])
def test_an_order_that_ends_is_a_notice(status: str, event: str) -> None:
    raw = a_tiki_order(status=status, cancel_info={"reason_code": "BUYER-Changed mind"})
    read = read_tiki(raw, "SID-1")
    assert isinstance(read, NoticePayload)
    assert (read.event, read.cancel.reason, read.at) == (event, "buyer_changed_mind", UPDATED)


@pytest.mark.parametrize("status", ["waiting_payment", "payment_review"])
def test_an_unpaid_order_waits(status: str) -> None:
    assert read_tiki(a_tiki_order(status=status), "SID-1") == Nothing(Effect.WAIT, status)


def test_what_we_know_already_is_nothing_and_an_unknown_status_is_not_guessed() -> None:
    assert read_tiki(a_tiki_order(status="shipping"), "S") == Nothing(Effect.INFO, "shipping")
    assert read_tiki(a_tiki_order(status="teleported"), "S") == Unmapped("teleported")


def test_a_wrong_order_names_its_field_and_repeats_nothing() -> None:
    with pytest.raises(PayloadInvalid) as invalid:
        read_tiki(a_tiki_order(invoice={"subtotal": "Bí Mật"}), "SID-1")
    assert "subtotal" in invalid.value.reason
    assert "Mật" not in invalid.value.reason


@given(st.binary() | JSON.map(lambda one: json.dumps(one).encode()))
def test_no_bytes_break_the_reading(raw: bytes) -> None:
    try:
        read_tiki(raw, "SID-1")
    except PayloadInvalid:
        return


@given(st.sampled_from(sorted(json.loads(TIKI))), JSON)
def test_no_field_breaks_the_reading(field: str, value: Any) -> None:
    order = json.loads(TIKI) | {field: value}
    try:
        read_tiki(json.dumps(order).encode(), "SID-1")
    except PayloadInvalid:
        return


def test_a_fetched_order_keeps_its_time_and_tells_of_its_package() -> None:
    body = merged(json.loads(TIKI), {"shipping": {"tracking_code": "TK1"}, "status": "shipping"})
    for answer in (body, {"data": body}):
        found = answers.fetched(answer)
        assert not isinstance(found, Missing)
        assert (found.number, found.at) == ("100000001", UPDATED)
        assert found.packages == (PackageState("TK1", "shipping", UPDATED),)


def test_a_page_tells_what_changed_and_whether_it_is_the_last() -> None:
    listed = [
        json.loads(a_tiki_order(code=str(n), updated_at=f"2026-07-01 0{n}:00:00")) for n in (1, 2)
    ]
    page = {"data": [*listed, {"code": None}], "total": 51, "current_page": 1}
    since = datetime(2026, 6, 30, 18, 30, tzinfo=UTC)
    assert [one.number for one in answers.changes(page, since)] == ["2"]
    assert [answers.is_last(page, number, 50) for number in (1, 2)] == [False, True]


def test_an_event_that_does_not_say_its_order_is_left_to_the_lists() -> None:
    event = {"id": "E1", "sid": "SID-1", "type": "ORDER_CREATED_SUCCESSFULLY"}
    assert answers.hint(event) is None
    assert answers.hint(event | {"payload": {"order_code": 7}}) == Hint(
        "SID-1", "7", "ORDER_CREATED_SUCCESSFULLY:E1"
    )


@given(st.dictionaries(st.sampled_from(["sid", "id", "type", "payload", "code"]), JSON))
def test_no_event_breaks_the_queue(event: dict[str, Any]) -> None:
    found = answers.hint(event)
    assert found is None or found.number


@given(JSON)
def test_no_answer_is_taken_for_an_order(body: Any) -> None:
    assert isinstance(answers.fetched(body), Missing)


def test_a_detail_that_tiki_does_not_have_is_refused_by_name() -> None:
    assert TikiDetails.of({"queue": "mau"}).queue == "mau"
    with pytest.raises(OperatorError, match="ack_path"):
        TikiDetails.of({"quue": "mau"})
