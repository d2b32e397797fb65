"""EMS: both webhook forms, EMSEVT about its numbers, what we send and what we read."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.tracking import CodState, TrackingStatus
from services.carriers.account import Account
from services.carriers.ems import answers, mapping
from services.carriers.ems.webhook import EmsAnswer
from services.carriers.generic import carrier_event, read_event
from services.carriers.port import (
    Booked,
    BookingRequest,
    Party,
    Refused,
    Unknown,
    Voided,
)
from services.carriers.webhook import Trusted, UnreadableWebhook
from services.carriers.webhooks import ANSWERS, EVENT_ID_HEADERS, WEBHOOKS
from services.reference.status_map import read_status_map

if TYPE_CHECKING:
    from services.carriers.webhook import CarrierEvent

SECRET = "sample-secret-in-the-url"
TRUSTED = Trusted(digests=(hashlib.sha256(SECRET.encode()).digest(),))
NUMBER = "EA000000059VN"
MERCHANTSITE = WEBHOOKS["ems", "merchantsite"]
MYEMS = WEBHOOKS["ems", "myems"]
FORMS = (MERCHANTSITE, MYEMS)
MEANINGS = read_status_map()


def rows_of(carrier: str) -> list[dict[str, str]]:
    return [row for row in MEANINGS.rows if row["carrier"] == carrier]


def a_merchantsite_body(**fields: Any) -> bytes:
    body = {
        "tracking_code": NUMBER,
        "order_code": "OCOP-0001-1",
        "status_code": 4,
        "status_name": "Đang vận chuyển",
        "note": "Đã đóng chuyến thư đi",
        "locate": "KTC1 Mẫu",
        "datetime": "01/07/2026 08:00:00",
        "total_weight": 1200,
        "money_collect": 350000,
        "total_fee": 34000,
    }
    return json.dumps(body | fields).encode()


def a_myems_body(**fields: Any) -> bytes:
    body = {
        "TrackingCode": NUMBER,
        "OrderCode": "OCOP-0001-1",
        "Weight": 1200,
        "StatusCode": 11000,
        "StatusName": "Đã giao cho bưu tá",
        "Location": "BCP Mẫu",
        "Note": None,
        "CreatedAt": "2026-07-01 08:00:00",
        "Fee": [{"FeeCode": "cod_fee", "FeeValue": 0, "Currency": "VND"}],
    }
    return json.dumps(body | fields).encode()


def an_emsevt_event(code: str) -> CarrierEvent:
    """As the designated operator sends it: the generic form, its partner's carrier being EMS."""
    told = {
        "event_id": "E-1",
        "tracking_no": NUMBER,
        "code": code,
        "occurred_at": "2026-07-01T08:00:00+07:00",
        "facility": {"code": "HAN01"},
    }
    return carrier_event(read_event(json.dumps(told).encode()), "ems", "emsevt_v3")


def test_both_forms_say_the_same_in_other_words() -> None:
    first, second = MERCHANTSITE.parse(a_merchantsite_body()), MYEMS.parse(a_myems_body())
    assert first[:6] == ("ems", "merchantsite", NUMBER, NUMBER, "OCOP-0001-1", "4")
    assert second[:6] == ("ems", "myems", NUMBER, NUMBER, "OCOP-0001-1", "11000")
    assert first.occurred_at == second.occurred_at == datetime(2026, 7, 1, 1, 0, tzinfo=UTC)
    assert (first.cod_collected_vnd, second.cod_collected_vnd) == (350_000, None)


def parsed(row: dict[str, str]) -> CarrierEvent:
    match row["api"]:
        case "merchantsite":
            return MERCHANTSITE.parse(a_merchantsite_body(status_code=int(row["code"])))
        case "myems":
            return MYEMS.parse(a_myems_body(StatusCode=int(row["code"])))
        case _:
            return an_emsevt_event(row["code"].lower())


@pytest.mark.parametrize(
    "row", rows_of("ems") + rows_of("upu"), ids=lambda row: f"{row['api']}-{row['code']}"
)
def test_every_code_walks_from_the_webhook_to_its_status(row: dict[str, str]) -> None:
    event = parsed(row)
    assert event.carrier == "ems"
    meaning = MEANINGS.meaning(event.carrier, event.api, event.code, event.reason_code)
    told = (meaning.status, meaning.reason or "", meaning.attributed_to, meaning.finality)
    assert told == (row["status"], row["reason"], row["attributed_to"], row["final"])


@pytest.mark.parametrize("code", [0, 3, 5, 11001])
def test_a_code_of_the_list_that_nobody_has_is_unmapped(code: int) -> None:
    for event in (
        MERCHANTSITE.parse(a_merchantsite_body(status_code=code)),
        MYEMS.parse(a_myems_body(StatusCode=code)),
    ):
        meaning = MEANINGS.meaning(event.carrier, event.api, event.code, None)
        assert meaning.status is TrackingStatus.UNMAPPED


def test_a_code_is_looked_up_in_the_form_it_came_in() -> None:
    assert MEANINGS.meaning("ems", "myems", "4", None).status is TrackingStatus.UNMAPPED


def test_an_emsevt_delivery_collects_the_cash_of_a_domestic_parcel() -> None:
    assert MEANINGS.meaning("ems", "emsevt_v3", "EMI", None).cod is CodState.COLLECTED


@pytest.mark.parametrize("form", FORMS)
def test_the_url_holds_the_secret(form: Any) -> None:
    assert form.verify(b"{}", {}, TRUSTED, {"key": SECRET})
    assert not form.verify(b"{}", {}, TRUSTED, {"key": "wrong"})
    assert not form.verify(b"{}", {"key": SECRET}, TRUSTED, {})


def test_the_answer_echoes_the_transaction() -> None:
    answer = ANSWERS["ems", "myems"]
    headers = {EVENT_ID_HEADERS["ems", "myems"]: 'T-"1"'}
    assert json.loads(answer.stored(headers)) == {"code": "success", "transaction": 'T-"1"'}
    assert json.loads(answer.failed(headers)) == {"code": "error", "transaction": 'T-"1"'}
    assert json.loads(answer.failed({})) == {"code": "error", "transaction": ""}


def test_an_emsevt_event_is_about_an_ems_number_and_has_an_id_of_its_own() -> None:
    event = an_emsevt_event("emi")
    assert event[:3] == ("ems", "emsevt_v3", NUMBER)
    assert (event.event_id, event.facility, event.code) == ("E-1", "HAN01", "EMI")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
FIELDS = (
    *json.loads(a_merchantsite_body()),
    *json.loads(a_myems_body()),
)
BODIES = st.dictionaries(st.sampled_from(FIELDS), VALUES).map(
    lambda body: json.dumps(body).encode()
)


@given(st.binary() | BODIES, st.sampled_from(FORMS))
def test_any_bytes_are_read_or_unreadable(raw: bytes, form: Any) -> None:
    try:
        assert form.parse(raw).carrier == "ems"
    except UnreadableWebhook:
        return


@given(st.dictionaries(st.just("ems-transaction"), st.text()))
def test_no_transaction_breaks_the_answer(headers: dict[str, str]) -> None:
    assert json.loads(EmsAnswer().stored(headers))["code"] == "success"


PARTS = st.sampled_from(["code", "data", "tracking_code", "fee", "vas", "message", "__get_status"])


@given(VALUES | st.dictionaries(PARTS, VALUES | st.just("success")))
def test_no_answer_raises(body: object) -> None:
    assert isinstance(answers.read_booked(body), Booked | Refused | Unknown)
    assert isinstance(answers.read_voided(body), Voided | Refused | Unknown)
    assert answers.read_history(body) is None or answers.read_history(body) is not None


def test_the_price_is_the_sum_of_the_fees_named() -> None:
    data = {
        "tracking_code": NUMBER,
        "courier_code": "HN1",
        "fee": {"fee": 30_000, "remote_fee": 4_000},
        "vas": {"total_vas": "1500", "vas_detail": []},
    }
    booked = answers.read_booked({"code": "success", "message": "", "data": data})
    assert booked == Booked(NUMBER, freight_vnd=35_500, sort_code="HN1")
    assert answers.read_booked({"code": "error", "message": "sai"}) == Refused("sai")


def test_a_history_is_sorted_by_its_times_whatever_order_it_comes_in() -> None:
    rows = [
        {"status": 4, "tracedate": "2026-07-02 08:00:00"},
        {"status": 2, "tracedate": "01/07/2026 08:00:00"},
        {"status": 9, "tracedate": "some day"},
    ]
    told = answers.read_history({"code": "success", "data": {"__get_status": rows}})
    assert [trace.code for trace in told or ()] == ["2", "4"]


@pytest.mark.parametrize(
    ("addresses", "written"),
    [("codes", ("01", "D", "00166")), ("names", ("Hà Nội", "D", "Phường Cầu Giấy"))],
)
def test_places_are_written_as_the_account_says(addresses: str, written: tuple[str, ...]) -> None:
    place = ("Số 1 Đường Mẫu", "00166", "Phường Cầu Giấy", "01", "Hà Nội")
    party = Party("Trần Thị B", "+84900000002", *place)
    moment = datetime(2026, 10, 1, tzinfo=UTC)
    request = BookingRequest(
        "OC-A-1", "EMS", party, party, "Trà", 2, 1_200, 30, 20, 15, 320_000, 350_000, moment
    )
    body = mapping.create_order(request, Account("", addresses=addresses, district="D"))
    assert tuple(body[f"to_{part}"] for part in ("province", "district", "ward")) == written
    assert (body["order_code"], body["to_phone"]) == ("OC-A-1", "0900000002")
    assert (body["total_amount"], body["money_collect"]) == (320_000, 350_000)
