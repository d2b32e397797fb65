from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from services.carriers.account import Account
from services.carriers.port import (
    Booked,
    BookingRequest,
    Edited,
    Found,
    Locality,
    NotFound,
    Party,
    PricedService,
    Quoted,
    QuoteRequest,
    Refused,
    Unknown,
    Voided,
    VoidPending,
)
from services.carriers.vnpost import answers, mapping

ACCOUNT = Account("http://127.0.0.1:1", "u", "p", customer_code="T1", contract_code="HD")
REFERENCE = "OCAAAABBBBCCCCDDDD-1"
FIELDS = ["success", "errorMessage", "itemCode", "originalID", "saleOrderCode", "Type", "Message"]
FIELDS += ["serviceCode", "totalFee", "statusHistory", "createdDate", "statusCode"]
BODIES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner),
    max_leaves=8,
)


def a_party() -> Party:
    return Party("Trần Thị B", "+84 900 000 002", "Số 1", "00166", "Cầu Giấy", "01", "Hà Nội")


def a_request(cod_vnd: int) -> BookingRequest:
    ready_at = datetime(2026, 10, 1, tzinfo=UTC)
    size = (30, 20, 15)
    return BookingRequest(
        REFERENCE, "CTN009", a_party(), a_party(), "Trà", 1, 1_200, *size, 9, cod_vnd, ready_at
    )


def test_weight_is_text_and_phones_are_national() -> None:
    order = mapping.create_order(a_request(0), ACCOUNT)["informationOrder"]
    assert (order["weight"], order["receiverPhone"]) == ("1200", "0900000002")


def test_addresses_are_of_two_levels() -> None:
    order = mapping.create_order(a_request(0), ACCOUNT)["informationOrder"]
    assert (order["receiverProvinceCode"], order["receiverCommuneCode"]) == ("01", "00166")
    assert order["receiverDistrictCode"] == "VNPOST"


def test_cod_is_an_addon_and_only_where_there_is_any() -> None:
    with_cod = mapping.create_order(a_request(350_000), ACCOUNT)["informationOrder"]
    assert with_cod["addonService"] == [{"code": "GTG021", "propValue": "PROP0018:350000"}]
    assert mapping.create_order(a_request(0), ACCOUNT)["informationOrder"]["addonService"] == []


def test_an_item_code_is_a_booking() -> None:
    body = {"itemCode": "CA000000028VN", "originalID": "id-1", "totalFee": "21000"}
    assert answers.read_booked(body) == Booked("CA000000028VN", "id-1", 21_000)


def test_a_complaint_is_a_refusal_and_silence_is_not() -> None:
    assert answers.read_booked({"success": False, "errorMessage": "Sai"}) == Refused("Sai")
    assert isinstance(answers.read_booked({}), Unknown)
    assert isinstance(answers.read_booked([]), Unknown)


def test_a_cancellation_that_is_only_noted_is_pending() -> None:
    assert answers.read_voided({"Type": "00", "Message": "OK"}) == Voided()
    assert answers.read_voided({"Type": "02", "Message": "Chờ"}) == VoidPending("Chờ")
    assert answers.read_voided({"success": False, "errorMessage": "Trễ"}) == Refused("Trễ")


def test_an_order_is_found_only_under_our_own_reference() -> None:
    body = {"itemCode": "CA000000028VN", "saleOrderCode": REFERENCE, "status": 9}
    assert answers.read_found(body, REFERENCE) == Found(Booked("CA000000028VN"), ended=True)
    assert answers.read_found(body | {"saleOrderCode": "other"}, REFERENCE) == NotFound()
    assert answers.read_found([body], REFERENCE) == Found(Booked("CA000000028VN"), ended=True)


def test_an_unreadable_answer_does_not_prove_absence() -> None:
    assert isinstance(answers.read_found({"foo": 1}, REFERENCE), Unknown)


def test_a_price_is_the_whole_fee_of_a_service() -> None:
    row = {"serviceCode": "CTN009", "mainFee": 20_000, "vasfee": 1_000, "totalFee": "21000"}
    body = [row | {"priceWeight": 1_500, "weightConvert": 1_500}, {"serviceCode": None}]
    assert answers.read_prices(body) == Quoted((PricedService("CTN009", 21_000, 1_500),))
    assert answers.read_prices({"success": False, "errorMessage": "Sai"}) == Refused("Sai")


def test_a_question_names_communes_and_the_addon_of_cod() -> None:
    place = Locality("00166", "Cầu Giấy", "01", "Hà Nội")
    ready_at = datetime(2026, 10, 1, tzinfo=UTC)
    asked = QuoteRequest(place, place, 1_200, 0, 0, 0, 9, 350_000, ready_at)
    data = mapping.services_charge(asked, ACCOUNT)["data"]
    assert (data["senderCommuneCode"], data["weight"]) == ("00166", "1200")
    assert data["addonService"] == [{"code": "GTG021", "propValue": "PROP0018:350000"}]


def test_a_history_is_told_from_its_beginning_on_vietnams_clock() -> None:
    rows = [
        {"createdDate": "02/10/2026", "createdHour": "09:30:00", "statusCode": 4},
        {"createdDate": "01/10/2026", "createdHour": "08:00", "statusCode": "2"},
        {"createdDate": "nonsense", "createdHour": None, "statusCode": "3"},
    ]
    told = answers.read_history({"statusHistory": rows})
    assert [one.code for one in told or ()] == ["2", "4"]
    assert told
    assert told[0].at == datetime(2026, 10, 1, 1, 0, tzinfo=UTC)


def test_a_correction_that_is_only_noted_is_not_done() -> None:
    assert answers.read_corrected({"Type": "00"}) == Edited()
    assert isinstance(answers.read_corrected({"Type": "02"}), Unknown)


@given(BODIES)
def test_no_answer_whatever_makes_a_parser_raise(body: object) -> None:
    answers.read_token(body)
    answers.read_voided(body)
    answers.read_found(body, REFERENCE)
    answers.read_prices(body)
    answers.read_history(body)
    answers.read_corrected(body)
    booked = answers.read_booked(body)
    assert not isinstance(booked, Booked) or booked.tracking_no
