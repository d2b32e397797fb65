"""The neutral order format: what is understood, and that nothing else ever comes out."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.intake import Channel
from services.channels.contact import ContactProblem, read_contact
from services.channels.invalid import PayloadInvalid
from services.channels.neutral import (
    NoticePayload,
    OrderPayload,
    WantedOrder,
    parse_order,
    read_order,
)
from services.channels.phones import Phone, PhoneProblem, read_phone
from tests.intake_examples import CANCELLED, PLACED, a_line, an_order, body

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
FIELDS = sorted(an_order())


def understood(raw: bytes) -> OrderPayload | NoticePayload | None:
    try:
        return parse_order(raw)
    except PayloadInvalid:
        return None


def test_the_described_order_is_understood() -> None:
    order = parse_order(PLACED)
    assert isinstance(order, OrderPayload)
    assert (order.channel, order.channel_order_no) == (Channel.POSTMART, "PM-0000001")
    assert (order.lines[0].unit_price, order.totals.grand_total) == (175_000, 366_000)
    assert order.at.isoformat() == "2026-07-01T00:00:00+00:00"


def test_a_cancellation_may_lack_its_seller_and_its_lines() -> None:
    notice = parse_order(CANCELLED)
    assert isinstance(notice, NoticePayload)
    assert (notice.seller_ref, notice.cancel.reason) == (None, "changed_mind")


def test_the_same_payload_in_another_spelling_is_equal() -> None:
    nfd = unicodedata.normalize("NFD", PLACED.decode()).encode()
    utc = PLACED.replace(b"2026-07-01T07:00:00+07:00", b"2026-07-01T00:00:00Z")
    reordered = body(dict(reversed(an_order(new_field={"is": "ignored"}).items())))
    assert parse_order(nfd) == parse_order(utc) == parse_order(reordered) == parse_order(PLACED)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("format", "ocop.order/2"),
        ("channel", "shopee"),
        ("channel_order_no", "PM/1"),
        ("channel_order_no", "PM-1\n"),
        ("event", "lost"),
        ("version", 0),
        ("placed_at", "2026-07-01T07:00:00"),
        ("updated_at", "0001-01-01T00:00:00+14:00"),
        ("lines", []),
        ("lines", [a_line(), a_line()]),
        ("lines", [a_line(sku=" ")]),
        ("lines", [a_line(quantity=0)]),
        ("lines", [a_line(unit_price=1.5)]),
        ("lines", [a_line(handling=["radioactive"])]),
        ("totals", {"currency": "USD"}),
        ("totals", {"goods": 10**13}),
        ("payment", {"shipping_payer": "nobody"}),
        ("fixed_carrier", "Viettel Post"),
    ],
)
def test_a_wrong_field_is_named_and_its_value_is_not_repeated(field: str, value: Any) -> None:
    with pytest.raises(PayloadInvalid) as invalid:
        parse_order(body(an_order(**{field: value})))
    assert field in invalid.value.reason or "line_no" in invalid.value.reason


def test_a_reason_never_repeats_personal_data() -> None:
    with pytest.raises(PayloadInvalid) as invalid:
        parse_order(body(an_order(buyer={"phone": 900000002, "name": ["Trần Thị B"]})))
    assert "buyer.name" in invalid.value.reason
    assert "Trần" not in str(invalid.value)
    with pytest.raises(PayloadInvalid) as invalid:
        parse_order(body(an_order(event="Trần Thị B")))
    assert invalid.value.reason == "event: is none of the format's"
    assert "900000002" not in str(invalid.value)


def test_what_is_stored_in_the_clear_has_no_personal_data_and_reads_back() -> None:
    order = parse_order(body(an_order(note="Gọi 0900000003")))
    assert isinstance(order, OrderPayload)
    stored = order.wanted_json()
    assert not [word for word in ("Trần", "0900", "Đường Mẫu", "note") if word in stored]
    assert WantedOrder.model_validate_json(stored).lines == order.lines


def test_control_characters_do_not_reach_the_database() -> None:
    order = parse_order(body(an_order(buyer={"name": "Trần\x00Thị\u0085B "})))
    assert isinstance(order, OrderPayload)
    assert order.buyer.name == "Trần Thị B"


@given(st.binary())
def test_arbitrary_bytes_are_an_order_or_invalid(raw: bytes) -> None:
    assert understood(raw) is None


@settings(max_examples=300)
@given(st.sampled_from(FIELDS), JSON)
def test_any_value_in_any_field_is_understood_or_invalid(field: str, value: Any) -> None:
    order = an_order()
    order[field] = value
    raw = json.dumps(order, ensure_ascii=True).encode()
    found = understood(raw)
    if isinstance(found, OrderPayload):
        read_contact(found)
        assert WantedOrder.model_validate_json(found.wanted_json()).at == found.at


@given(JSON)
def test_any_json_in_a_command_is_an_order_or_invalid(value: Any) -> None:
    with pytest.raises(PayloadInvalid):
        read_order(value)


@pytest.mark.parametrize("raw", [b'"\\ud800"', b"[" * 100_000, b"1" * 5000, b"NaN", b"", b"\xff"])
def test_what_breaks_parsers_is_invalid(raw: bytes) -> None:
    assert understood(raw) is None


# Computed with phonenumbers, region VN (facts/geography.md, section 7); invented numbers.
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("0900000001", Phone("+84900000001")),
        ("0900.000.001", Phone("+84900000001")),
        ("+84900000001", Phone("+84900000001")),
        ("84900000001", Phone("+84900000001")),
        ("0330000001", Phone("+84330000001")),
        ("0560000001", Phone("+84560000001")),
        ("0590000001", Phone("+84590000001")),
        ("02430000001", Phone("+842430000001")),
        ("0123456789", PhoneProblem.INVALID),
        ("01669000001", PhoneProblem.INVALID),
        ("090000000", PhoneProblem.INVALID),
        ("1900100001", PhoneProblem.NOT_A_PERSON),
        ("18000001", PhoneProblem.NOT_A_PERSON),
        ("113", PhoneProblem.INVALID),
        ("******02", PhoneProblem.MASKED),
        ("84*********02", PhoneProblem.MASKED),
        ("09xxxxxx02", PhoneProblem.MASKED),
        ("0900000001 ext. 5", PhoneProblem.NOT_A_PERSON),
        (" ", PhoneProblem.MISSING),
        ("Trần Thị B", PhoneProblem.INVALID),
    ],
)
def test_a_phone_is_one_a_courier_can_call(given: str, expected: Phone | PhoneProblem) -> None:
    assert read_phone(given) == expected


@given(st.text())
def test_any_text_is_a_phone_or_a_problem(text: str) -> None:
    assert isinstance(read_phone(text), Phone | PhoneProblem)


def test_a_contact_is_never_printed() -> None:
    order = parse_order(body(an_order(buyer={"phone": "******02"}, ship_to={"street": ""})))
    assert isinstance(order, OrderPayload)
    contact, problems = read_contact(order)
    assert problems == (ContactProblem.STREET_MISSING, ContactProblem.PHONE_MASKED)
    assert "Trần" not in f"{contact} {contact!r}"
