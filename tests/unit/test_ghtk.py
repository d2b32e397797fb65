"""GHTK: what we ask, what its answers mean, what its webhook says."""

from __future__ import annotations

import contextlib
import hashlib
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.intake import Handling
from schemas.tracking import CodState, TrackingStatus
from services.carriers.ghtk import answers, mapping
from services.carriers.ghtk.proxy import in_path
from services.carriers.ghtk.webhook import GhtkWebhook
from services.carriers.port import (
    Booked,
    BookingRequest,
    Found,
    Locality,
    NotFound,
    Party,
    PricedService,
    QuoteRequest,
    Refused,
    Unknown,
    Voided,
)
from services.carriers.webhook import Trusted, UnreadableWebhook
from services.reference.status_map import read_status_map
from services.sandbox.ghtk import form
from streams.rules.tracking import Scan
from streams.rules.tracking_fold import Parcel, fold

GHTK = GhtkWebhook()
MAP = read_status_map()
ROWS = [row for row in MAP.rows if row["carrier"] == "ghtk" and row["confidence"] != "own"]
REFERENCE = "OCAAAABBBBCCCCDDDD-1"
LABEL = "S1000001.SGP21-A01.1000000001"
NOON = datetime(2026, 10, 1, 5, 0, tzinfo=UTC)
SECRET = "a-secret-in-the-url"
TRUSTED = Trusted(digests=(hashlib.sha256(SECRET.encode()).digest(),))
AS_DOCUMENTED = (
    b"label_id=S1000001.SGP21-A01.1000000001&partner_id=OCOP-0001-1&action_time=2026-07-01T08:00:00"
    b"+07:00&status_id=5&reason_code=&reason=&weight=1.2&fee=15000&return_part_package=0"
)


def a_form(**changes: object) -> bytes:
    said = {
        "label_id": LABEL,
        "partner_id": REFERENCE,
        "status_id": 4,
        "action_time": "2026-07-01T08:00:00+07:00",
        "reason_code": "",
        "weight": 1.2,
        "pick_money": 350_000,
        "return_part_package": 0,
    }
    return form(said | changes)


def a_request(**changes: Any) -> BookingRequest:
    party = Party("Trần Thị B", "+84900000002", "Số 1", "00166", "Cầu Giấy", "01", "Hà Nội")
    said: dict[str, Any] = {
        "pieces": 2,
        "weight_g": 1_201,
        "length_cm": 30,
        "width_cm": 20,
        "height_cm": 15,
        "goods_vnd": 320_000,
        "cod_vnd": 350_000,
    }
    return BookingRequest(
        reference=REFERENCE,
        service="road",
        sender=party,
        recipient=party,
        contents="Trà",
        ready_at=NOON,
        **(said | changes),
    )


def folded(*scans: tuple[int, str, str]) -> Parcel:
    """The state after events of (hours, status, reason)."""
    found = []
    for hours, code, reason in scans:
        meaning = MAP.meaning("ghtk", "services", code, reason or None)
        found.append(Scan(hours * 3600, f"{hours}{code}", meaning))
    return fold(350_000, found)


def test_a_parcel_weighs_kilograms_to_the_gram() -> None:
    body = mapping.create_order(a_request())
    (product,) = body["products"]
    assert product["weight"] * product["quantity"] == 1.201


def test_a_question_for_the_price_weighs_grams() -> None:
    place = Locality("00166", "Cầu Giấy", "01", "Hà Nội")
    request = QuoteRequest(place, place, 1_201, 0, 0, 0, 320_000, 0, NOON)
    asked = mapping.fee(request, "fly")
    assert (asked["weight"], asked["transport"], asked["pick_ward"]) == ("1201", "fly", "Cầu Giấy")


def test_the_sender_pays_because_the_cod_holds_the_shipping() -> None:
    order = mapping.create_order(a_request())["order"]
    assert (order["is_freeship"], order["pick_money"]) == ("1", 350_000)
    assert (order["id"], order["hamlet"], order["pick_date"]) == (REFERENCE, "Khác", "2026-10-01")


@pytest.mark.parametrize(
    ("handling", "perishable", "tags"),
    [
        ({Handling.DRY}, False, []),
        ({Handling.DRY}, True, [7]),
        ({Handling.FRESH}, True, [39]),
        ({Handling.LIQUID, Handling.FRAGILE}, False, [1, 52]),
        ({Handling.LIVE_PLANT}, False, [75]),
        ({Handling.HIGH_VALUE, Handling.OVERSIZE}, True, []),
    ],
)
def test_tags_follow_from_how_the_goods_are_handled(
    handling: set[Handling], perishable: bool, tags: list[int]
) -> None:
    request = a_request(handling=frozenset(handling), perishable=perishable)
    assert mapping.create_order(request)["order"]["tags"] == tags


def test_a_label_is_one_segment_of_a_path() -> None:
    assert in_path(LABEL) == LABEL
    assert in_path(f"partner_id:{REFERENCE}") == f"partner_id:{REFERENCE}"
    assert "/" not in in_path("S1/../v2")
    assert "?" not in in_path("S1?x")


def test_a_booking_has_label_fee_day_and_sorting_code() -> None:
    order = {
        "label": LABEL,
        "fee": "15000",
        "estimated_deliver_time": "Sáng 2026-07-03",
        "tracking_id": 1_000_000_001,
        "sorting_code": "SGP21",
    }
    booked = Booked(LABEL, "1000000001", 15_000, date(2026, 7, 3), "SGP21")
    assert answers.read_booked({"success": True, "order": order}) == booked


def test_an_id_that_exists_is_a_booking_and_no_refusal() -> None:
    error = {"code": "ORDER_ID_EXIST", "ghtk_label": LABEL}
    assert answers.read_booked({"success": False, "error": error}) == Booked(LABEL)
    unnamed = {"success": False, "error_code": "ORDER_ID_EXIST", "message": "Đã tồn tại"}
    assert isinstance(answers.read_booked(unnamed), Unknown)


def test_a_complaint_is_a_refusal_and_silence_is_not() -> None:
    assert answers.read_booked({"success": False, "message": "Sai"}) == Refused("Sai")
    assert isinstance(answers.read_booked({"success": True}), Unknown)
    assert isinstance(answers.read_booked([]), Unknown)


def test_cancelled_already_is_cancelled() -> None:
    said = {"success": False, "message": "Đơn hàng Đã ở trạng thái hủy"}
    assert answers.read_voided(said) == Voided()
    assert answers.read_voided({"success": True}) == Voided()
    assert answers.read_voided({"success": False, "message": "Trễ"}) == Refused("Trễ")
    assert isinstance(answers.read_voided(None), Unknown)


def test_a_status_is_text_and_belongs_to_the_label_that_was_asked_for() -> None:
    order = {"label_id": LABEL, "status": "-1", "ship_money": "15000"}
    found = Found(Booked(LABEL, freight_vnd=15_000), ended=True)
    assert answers.read_status({"success": True, "order": order}, LABEL) == found
    assert isinstance(answers.read_status({"success": True, "order": order}, "S2"), Unknown)
    assert answers.read_status({"success": False}, LABEL) == NotFound()


def test_a_transport_that_does_not_go_there_has_no_price() -> None:
    fee = {"fee": 30_400, "delivery": True}
    assert answers.read_fee({"success": True, "fee": fee}, "fly") == PricedService("fly", 30_400)
    assert answers.read_fee({"success": True, "fee": fee | {"delivery": False}}, "fly") is None
    assert answers.read_fee({"success": False}, "fly") is None


def test_only_the_secret_of_the_url_opens_the_door() -> None:
    assert GHTK.verify(a_form(), {}, TRUSTED, {"hash": SECRET})
    for query in ({}, {"hash": ""}, {"hash": "other"}, {"key": SECRET}):
        assert not GHTK.verify(a_form(), {"authorization": SECRET}, TRUSTED, query)


def test_the_documented_form_is_read_with_its_unescaped_plus() -> None:
    event = GHTK.parse(AS_DOCUMENTED)
    assert (event.tracking_no, event.reference, event.code) == (LABEL, "OCOP-0001-1", "5")
    assert event.occurred_at == datetime(2026, 7, 1, 1, tzinfo=UTC)
    assert (event.reason_code, event.cod_collected_vnd) == (None, None)
    assert GHTK.keys(AS_DOCUMENTED) == [(LABEL, 0)]


@pytest.mark.parametrize(
    "written",
    [
        "2026-07-01T08:00:00+07:00",
        "2026-07-01T08:00:00%2B07:00",
        "2026-07-01T08%3A00%3A00%2B07%3A00",
        "2026-07-01T08:00:00",
        "2026-07-01+08:00:00",
    ],
)
def test_a_time_is_the_same_however_it_is_escaped(written: str) -> None:
    raw = f"label_id={LABEL}&status_id=5&action_time={written}".encode()
    assert GHTK.parse(raw).at == 1_782_867_600


def test_an_event_keeps_no_personal_data() -> None:
    raw = a_form(reason="gọi anh Trần", cur_station="nhà chị B")
    assert not any("Trần" in str(part) or "chị" in str(part) for part in GHTK.parse(raw))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['code']}:{row['reason_code']}")
def test_every_documented_code_walks_to_its_status(row: dict[str, str]) -> None:
    event = GHTK.parse(a_form(status_id=row["code"], reason_code=row["reason_code"]))
    meaning = MAP.meaning(event.carrier, event.api, event.code, event.reason_code)
    told = (meaning.status, meaning.reason or "", meaning.attributed_to, meaning.finality)
    assert told == (row["status"], row["reason"], row["attributed_to"], row["final"])


@pytest.mark.parametrize("row", [r for r in MAP.money if r["carrier"] == "ghtk"], ids=str)
def test_every_money_fact_is_read_from_a_form(row: dict[str, str]) -> None:
    event = GHTK.parse(a_form(status_id=row["code"]))
    meaning = MAP.meaning(event.carrier, event.api, event.code, None)
    assert meaning.cod is CodState(row["cod_state"])


@pytest.mark.parametrize("code", ["123", "127", "128", "45", "49", "410"])
def test_what_a_courier_says_is_provisional(code: str) -> None:
    assert MAP.meaning(
        "ghtk", "services", GHTK.parse(a_form(status_id=code)).code, None
    ).provisional


@pytest.mark.parametrize("number", ["123", "127", "128"])
def test_a_reason_is_never_read_as_the_status_of_the_same_number(number: str) -> None:
    event = GHTK.parse(a_form(status_id=10, reason_code=number))
    meaning = MAP.meaning("ghtk", "services", event.code, event.reason_code)
    assert meaning.status is TrackingStatus.OUT_FOR_DELIVERY
    assert not meaning.provisional


def test_a_delivery_in_part_is_a_partial_one() -> None:
    event = GHTK.parse(a_form(status_id=5, return_part_package=1))
    meaning = MAP.meaning("ghtk", "services", event.code, event.reason_code)
    assert (meaning.status, meaning.reason) == (TrackingStatus.DELIVERED, "partial_delivery")


def test_the_worked_case_of_a_courier_who_was_wrong() -> None:
    parcel = folded((10, "45", ""), (11, "9", ""))
    assert (parcel.status, parcel.provisional) == (TrackingStatus.DELIVERY_FAILED, False)


def test_the_worked_case_of_a_settlement_without_a_delivery() -> None:
    parcel = folded((10, "4", ""), (130, "6", ""))
    assert (parcel.status, parcel.implied) == (TrackingStatus.DELIVERED, True)
    assert parcel.delivered_at is None


def test_the_worked_case_of_attempts_that_count_and_do_not() -> None:
    parcel = folded(
        (8, "4", ""), (9, "10", "122"), (20, "4", ""), (33, "10", "120"), (40, "9", "131")
    )
    assert (parcel.status, parcel.detail) == (
        TrackingStatus.DELIVERY_FAILED,
        "consignee_unreachable_repeatedly",
    )
    assert parcel.attempt_no == 2


FIELDS = ["success", "message", "error", "code", "order", "label", "ghtk_label", "fee", "delivery"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner),
    max_leaves=8,
)
NAMES = ["label_id", "partner_id", "status_id", "action_time", "reason_code", "pick_money"]
PAIRS = st.lists(st.tuples(st.sampled_from([*NAMES, "return_part_package"]), st.text(max_size=12)))


@given(VALUES)
def test_no_answer_whatever_makes_a_parser_raise(body: object) -> None:
    answers.read_voided(body)
    answers.read_status(body, LABEL)
    answers.read_fee(body, "road")
    booked = answers.read_booked(body)
    assert not isinstance(booked, Booked) or booked.tracking_no


@given(
    raw=st.binary(max_size=80) | PAIRS.map(lambda pairs: form(dict(pairs))), item=st.integers(-1, 2)
)
def test_no_body_makes_the_format_raise_anything_but_its_own_error(raw: bytes, item: int) -> None:
    assert GHTK.verify(raw, {}, TRUSTED, {"hash": SECRET})
    with contextlib.suppress(UnreadableWebhook):
        assert all(number for number, _ in GHTK.keys(raw))
        event = GHTK.parse(raw, item)
        assert "\0" not in "".join(str(part) for part in event)
