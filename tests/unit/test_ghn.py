"""GHN: what we ask, what its answers mean, what its webhook says."""

from __future__ import annotations

import contextlib
import hashlib
import json
from datetime import UTC, date, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.tracking import CodState, TrackingStatus
from services.carriers.account import Account, CarrierSettings
from services.carriers.ghn import answers, mapping
from services.carriers.ghn.places import GhnPlace, read_places
from services.carriers.ghn.webhook import EVENT, LEG, TRANSFER, GhnWebhook
from services.carriers.port import (
    Booked,
    BookingRequest,
    Found,
    NotFound,
    Party,
    Refused,
    Unknown,
)
from services.carriers.webhook import Trusted, UnreadableWebhook
from services.reference.status_map import read_status_map
from streams.rules.tracking import Scan
from streams.rules.tracking_fold import Parcel, fold

GHN = GhnWebhook()
MAP = read_status_map()
ROWS = [row for row in MAP.rows if row["carrier"] == "ghn" and row["confidence"] != "own"]
REFERENCE = "OCAAAABBBBCCCCDDDD-1"
ZERO = "0001-01-01T00:00:00Z"
SECRET = "a-secret-in-the-url"
TRUSTED = Trusted(digests=(hashlib.sha256(SECRET.encode()).digest(),))


def a_body(**changes: Any) -> bytes:
    said = {
        "CODAmount": 350_000,
        "CODTransferDate": None,
        "ClientOrderCode": REFERENCE,
        "IsPartialReturn": False,
        "PartialReturnCode": "",
        "OrderCode": "GTEST001",
        "ReasonCode": "",
        "Status": "delivering",
        "Time": "2026-07-01T01:00:00.158Z",
        "TotalFee": 33_750,
        "Type": "switch_status",
        "Warehouse": "Bưu Cục Mẫu",
    }
    return orjson.dumps(said | changes)


def a_request(**changes: Any) -> BookingRequest:
    party = Party("Trần Thị B", "+84900000002", "Số 1", "00166", "Cầu Giấy", "01", "Hà Nội")
    ready_at = datetime(2026, 10, 1, tzinfo=UTC)
    size = {"length_cm": 30, "width_cm": 20, "height_cm": 15}
    said = {"pieces": 2, "weight_g": 1_200, "goods_vnd": 320_000, "cod_vnd": 350_000, **size}
    return BookingRequest(
        reference=REFERENCE,
        service="2",
        sender=party,
        recipient=party,
        contents="Trà",
        ready_at=ready_at,
        **(said | changes),
    )


def an_envelope(data: object, code: int = 200, **more: object) -> dict[str, object]:
    return {"code": code, "message": "", "data": data} | more


def folded(*scans: dict[str, Any]) -> Parcel:
    """The state after these bodies, each of `Status`, `Time` and whatever else."""
    found = []
    for number, changes in enumerate(scans):
        raw = a_body(**changes)
        for _, item in GHN.keys(raw):
            event = GHN.parse(raw, item)
            meaning = MAP.meaning(event.carrier, event.api, event.code, event.reason_code)
            assert event.at is not None
            found.append(Scan(event.at, f"{number}{item}", meaning, event.cod_collected_vnd))
    return fold(350_000, found)


def hour(number: int) -> str:
    return f"2026-07-01T{number:02d}:00:00Z"


def test_the_seller_pays_because_the_cod_holds_the_shipping() -> None:
    body = mapping.create_order(a_request(), Account(""))
    assert (body["payment_type_id"], body["cod_amount"]) == (1, 350_000)


def test_the_reference_the_type_of_service_and_unix_seconds_are_sent() -> None:
    body = mapping.create_order(a_request(), Account(""))
    assert (body["client_order_code"], body["service_type_id"]) == (REFERENCE, 2)
    assert (body["pickup_time"], body["to_phone"]) == (1_790_812_800, "0900000002")


def test_goods_are_insured_up_to_the_limit_of_the_contract() -> None:
    dear = mapping.create_order(a_request(goods_vnd=9_000_000), Account(""))
    assert dear["insurance_value"] == 5_000_000
    uninsured = Account("", insurance_limit_vnd=0)
    assert mapping.create_order(a_request(), uninsured)["insurance_value"] == 0


def test_the_account_is_what_the_settings_say() -> None:
    account = CarrierSettings(ghn_insurance_limit_vnd=7, ghn_required_note="CHOTHUHANG").account(
        "ghn"
    )
    assert (account.insurance_limit_vnd, account.required_note) == (7, "CHOTHUHANG")
    assert (account.password, account.customer_code) == ("sandbox", "100001")


def test_its_numbers_of_places_come_from_a_file(tmp_path: Any) -> None:
    path = tmp_path / "places.csv"
    path.write_text("ward_code,ghn_district_id,ghn_ward_code\n00166,1485,1A0607\n")
    assert read_places(str(path)) == {"00166": GhnPlace(1485, "1A0607")}
    assert read_places("") == {}


def test_a_fee_may_be_text_and_a_zero_date_is_none() -> None:
    data = {"order_code": "GTEST001", "total_fee": "33750", "expected_delivery_time": ZERO}
    assert answers.read_booked(an_envelope(data)) == Booked("GTEST001", None, 33_750)
    late = data | {"expected_delivery_time": "2026-07-03T20:00:00Z"}
    booked = answers.read_booked(an_envelope(late))
    assert isinstance(booked, Booked)
    assert booked.expected_on == date(2026, 7, 4)


def test_an_error_is_a_refusal_and_silence_is_not() -> None:
    said = an_envelope(None, 400, code_message="USER_ERR_COMMON", message="Sai")
    assert answers.read_booked(said) == Refused("USER_ERR_COMMON: Sai")
    assert isinstance(answers.read_booked(an_envelope({})), Unknown)


@pytest.mark.parametrize(
    ("status", "body", "ours"),
    [
        (401, {}, True),
        (200, {"code": 401}, True),
        (400, {"code": 400, "code_message": "SHOP_NOT_FOUND"}, True),
        (400, {"code": 400, "code_message": "USER_ERR_COMMON"}, False),
    ],
)
def test_trouble_with_the_account_is_no_word_on_a_parcel(
    status: int, body: object, ours: bool
) -> None:
    assert answers.not_ours(status, body) is ours


def test_a_switch_is_judged_by_the_row_of_our_order() -> None:
    rows = [{"order_code": "OTHER", "result": True}, {"order_code": "G1", "result": False}]
    assert isinstance(answers.read_switched(an_envelope(rows), "G1"), Refused)
    assert answers.read_switched(an_envelope(rows), "OTHER") is True
    assert isinstance(answers.read_switched(an_envelope([]), "G1"), Unknown)


def test_an_order_is_found_only_under_our_own_reference() -> None:
    data = {"order_code": "G1", "client_order_code": REFERENCE, "status": "cancel"}
    assert answers.read_found(an_envelope(data), REFERENCE) == Found(Booked("G1"), ended=True)
    assert answers.read_found(an_envelope(data), "OC-OTHER-1") == NotFound()
    assert answers.read_found(an_envelope(None, 400), REFERENCE) == NotFound()


def test_lead_times_are_unix_seconds() -> None:
    told = answers.read_leadtime(an_envelope({"leadtime": 1_782_867_600, "order_date": 0}))
    assert told == (date(2026, 7, 1), None)
    both = {"leadtime": 1_782_867_600, "order_date": 1_782_867_600 - 60 * 3600}
    assert answers.read_leadtime(an_envelope(both)) == (date(2026, 7, 1), 60)
    assert answers.read_leadtime(an_envelope({"leadtime": 10**18})) is None


def test_only_the_secret_of_the_url_opens_the_door() -> None:
    assert GHN.verify(a_body(), {}, TRUSTED, {"key": SECRET})
    for query in ({}, {"key": ""}, {"key": "other"}, {"hash": SECRET}):
        assert not GHN.verify(a_body(), {"authorization": SECRET}, TRUSTED, query)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['code']}:{row['reason_code']}")
def test_every_documented_code_walks_to_its_status(row: dict[str, str]) -> None:
    event = GHN.parse(a_body(Status=row["code"].upper(), ReasonCode=row["reason_code"]))
    meaning = MAP.meaning(event.carrier, event.api, event.code, event.reason_code)
    told = (meaning.status, meaning.reason or "", meaning.attributed_to, meaning.finality)
    assert told == (row["status"], row["reason"], row["attributed_to"], row["final"])


@pytest.mark.parametrize("row", [r for r in MAP.money if r["carrier"] == "ghn"], ids=str)
def test_every_money_fact_is_read_from_a_body(row: dict[str, str]) -> None:
    status = row["code"] if row["code"] in {r["code"] for r in ROWS} else "delivered"
    paid = "2026-07-03T02:00:00Z" if row["cod_state"] == "remitted" else None
    raw = a_body(Status=status, CODTransferDate=paid)
    event = GHN.parse(raw, TRANSFER if paid else EVENT)
    meaning = MAP.meaning(event.carrier, event.api, event.code, event.reason_code)
    assert meaning.cod is CodState(row["cod_state"])


@pytest.mark.parametrize("kind", ["Switch_status", "switch_status", "CREATE", "create"])
def test_the_type_is_compared_without_case(kind: str) -> None:
    assert GHN.parse(a_body(Type=kind)).code == "delivering"


@pytest.mark.parametrize("kind", ["Update_weight", "update_cod", "UPDATE_FEE"])
def test_an_amendment_repeats_the_status_but_moves_nothing(kind: str) -> None:
    parcel = folded(
        {"Status": "storing", "Time": hour(1)},
        {"Status": "delivering", "Type": kind, "Time": hour(2), "ReasonCode": "GHN-DFC1A0"},
    )
    assert (parcel.status, parcel.events) == (TrackingStatus.IN_TRANSIT, 2)
    assert parcel.counted_failures == 0


def test_a_cod_amendment_is_the_amount_that_is_expected_from_then_on() -> None:
    parcel = folded(
        {"Time": hour(1)}, {"Type": "Update_cod", "CODAmount": 300_000, "Time": hour(2)}
    )
    assert (parcel.cod, parcel.cod_vnd) == (CodState.EXPECTED, 300_000)


def test_an_unknown_type_is_unmapped_and_visible() -> None:
    event = GHN.parse(a_body(Type="Update_address"))
    assert MAP.meaning("ghn", "v2", event.code, None).status is TrackingStatus.UNMAPPED


def test_times_are_utc() -> None:
    event = GHN.parse(a_body())
    assert event.occurred_at == datetime(2026, 7, 1, 1, tzinfo=UTC)
    assert event.raw_time == "2026-07-01T01:00:00.158Z"


@pytest.mark.parametrize("zero", [None, "", ZERO])
def test_a_zero_date_pays_nothing_out(zero: str | None) -> None:
    raw = a_body(Status="delivered", CODTransferDate=zero)
    assert GHN.keys(raw) == [("GTEST001", EVENT)]
    with pytest.raises(UnreadableWebhook, match="no item"):
        GHN.parse(raw, TRANSFER)


def test_a_payout_is_told_beside_the_movement_and_once_however_often_it_is_repeated() -> None:
    paid = {"CODTransferDate": "2026-07-03T02:00:00Z"}
    raw = a_body(Status="delivered", **paid)
    assert GHN.keys(raw) == [("GTEST001", EVENT), ("GTEST001", TRANSFER)]
    again = a_body(Status="delivered", Type="Update_fee", Time=hour(9), **paid)
    assert GHN.parse(raw, TRANSFER) == GHN.parse(again, TRANSFER)
    parcel = folded({"Status": "delivered", "Time": hour(1), **paid})
    assert (parcel.status, parcel.cod) == (TrackingStatus.DELIVERED, CodState.REMITTED)


def test_a_part_that_comes_back_is_linked_to_our_parcel_by_its_own_number() -> None:
    raw = a_body(Status="delivered", IsPartialReturn=True, PartialReturnCode="GTEST001PR")
    assert GHN.keys(raw) == [("GTEST001", EVENT), ("GTEST001PR", LEG)]
    leg = GHN.parse(raw, LEG)
    assert (leg.tracking_no, leg.reference, leg.is_return_leg) == ("GTEST001PR", REFERENCE, True)
    assert MAP.meaning("ghn", "v2", leg.code, None).status is TrackingStatus.INFO
    assert folded({"Status": "delivered", "IsPartialReturn": True, "Time": hour(1)}).partial


def test_the_worked_case_of_a_granted_redelivery() -> None:
    parcel = folded(
        {"Status": "delivering", "Time": hour(1)},
        {"Status": "delivery_fail", "ReasonCode": "GHN-DFC1A0", "Time": hour(2)},
        {"Status": "waiting_to_return", "Time": hour(3)},
        {"Status": "storing", "Time": hour(4)},
    )
    assert parcel.status is TrackingStatus.IN_TRANSIT


FIELDS = ["code", "message", "data", "order_code", "result", "total_fee", "leadtime", "order_date"]
FIELDS += ["service_id", "service_type_id", "total", "client_order_code", "expected_delivery_time"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(200),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner),
    max_leaves=8,
)
NAMES = ["OrderCode", "ClientOrderCode", "Status", "Type", "Time", "CODTransferDate", "CODAmount"]
NAMES += ["ReasonCode", "PartialReturnCode", "IsPartialReturn"]


@given(VALUES)
def test_no_answer_whatever_makes_a_parser_raise(body: object) -> None:
    answers.not_ours(200, body)
    answers.read_switched(body, "G1")
    answers.read_found(body, REFERENCE)
    answers.read_offers(body)
    answers.read_fee(body)
    answers.read_leadtime(body)
    booked = answers.read_booked(body)
    assert not isinstance(booked, Booked) or booked.tracking_no


@given(
    body=st.binary(max_size=60)
    | st.dictionaries(st.sampled_from(NAMES), VALUES | st.just(ZERO) | st.just("G1")).map(
        lambda said: json.dumps(said).encode("utf-8", "surrogatepass")
    ),
    item=st.integers(-2, 4),
)
def test_no_body_makes_the_format_raise_anything_but_its_own_error(body: bytes, item: int) -> None:
    assert GHN.verify(body, {}, TRUSTED, {"key": SECRET})
    with contextlib.suppress(UnreadableWebhook):
        assert all(GHN.parse(body, one).tracking_no == number for number, one in GHN.keys(body))
    with contextlib.suppress(UnreadableWebhook):
        assert "\0" not in "".join(str(part) for part in GHN.parse(body, item))
