from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from services.carriers.port import (
    Booked,
    BookingRequest,
    Edited,
    Locality,
    Party,
    PricedService,
    Quoted,
    QuoteRequest,
    RedeliveryAccepted,
    Refused,
    Unknown,
    Voided,
)
from services.carriers.viettelpost import answers, mapping
from services.carriers.viettelpost.atlas import PlaceIds, legacy_provinces, read_names

NOON = datetime(2026, 10, 1, 5, 0, tzinfo=UTC)
ENVELOPES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "status",
                    "error",
                    "message",
                    "data",
                    "ORDER_NUMBER",
                    "KPI_HT",
                    "RESULT",
                    "MA_DV_CHINH",
                    "GIA_CUOC",
                    "THOI_GIAN",
                    "WARDS_ID",
                    "WARDS_NAME",
                ]
            ),
            inner,
        )
    ),
    max_leaves=8,
)


def a_party(**changes: str) -> Party:
    return Party(
        **{
            "name": "Trần Thị B",
            "phone": "+84900000002",
            "street": "Số 1 Đường Mẫu",
            "ward_code": "00166",
            "ward": "Phường Cầu Giấy",
            "province_code": "01",
            "province": "Hà Nội",
        }
        | changes
    )


def a_request(cod_vnd: int = 350_000, recipient: Party | None = None) -> BookingRequest:
    return BookingRequest(
        reference="OCAAAABBBBCCCCDDDD-1",
        service="VTK",
        sender=a_party(name="HTX Mẫu"),
        recipient=recipient or a_party(),
        contents="Trà sen khô",
        pieces=2,
        weight_g=1_200,
        length_cm=30,
        width_cm=20,
        height_cm=15,
        goods_vnd=320_000,
        cod_vnd=cod_vnd,
        ready_at=NOON,
    )


def an_envelope(data: object = None, **changes: object) -> dict[str, object]:
    return {"status": 200, "error": False, "message": "OK", "data": data} | changes


def test_cod_is_collected_as_goods_so_that_nobody_pays_shipping_twice() -> None:
    body = mapping.create_order(a_request())
    assert (body["ORDER_PAYMENT"], body["MONEY_COLLECTION"]) == (3, 350_000)


def test_a_paid_order_collects_nothing() -> None:
    body = mapping.create_order(a_request(cod_vnd=0))
    assert (body["ORDER_PAYMENT"], body["MONEY_COLLECTION"]) == (1, 0)


def test_the_reference_is_guarded_against_a_second_order() -> None:
    body = mapping.create_order(a_request())
    assert (body["ORDER_NUMBER"], body["CHECK_UNIQUE"]) == ("OCAAAABBBBCCCCDDDD-1", True)


def test_times_are_vietnamese() -> None:
    assert mapping.create_order(a_request())["DELIVERY_DATE"] == "01/10/2026 12:00:00"


@given(st.text(), st.text(), st.text())
def test_no_address_or_note_passes_150_bytes(street: str, ward: str, name: str) -> None:
    body = mapping.create_order(
        a_request(recipient=a_party(street=street, ward=ward, name=name))
    ) | mapping.update_order(mapping.APPROVE_RETURN, "1", street)
    limited = [v for k, v in body.items() if k.endswith(("ADDRESS", "NOTE", "FULLNAME"))]
    assert limited
    assert all(len(value.encode()) <= 150 for value in limited)


def test_an_error_is_a_refusal_although_http_says_200() -> None:
    body = an_envelope(error=True, message="Price does not apply to this itinerary!")
    assert answers.read_booked(body, NOON) == Refused("Price does not apply to this itinerary!")


def test_an_error_that_claims_success_twice_is_still_one() -> None:
    data = {"ORDER_NUMBER": "12345678901"}
    assert isinstance(answers.read_booked(an_envelope(data, error=True), NOON), Refused)


def test_a_booking_has_number_price_sorting_code_and_the_carriers_own_date() -> None:
    data = {
        "ORDER_NUMBER": 12345678901,
        "MONEY_TOTAL": "35200",
        "KPI_HT": 60,
        "SORT_CODE": "S1",
    }
    booked = Booked("12345678901", None, 35_200, date(2026, 10, 4), "S1")
    assert answers.read_booked(an_envelope(data), NOON) == booked


def test_success_without_a_waybill_is_not_taken_for_one() -> None:
    assert isinstance(answers.read_booked(an_envelope({}), NOON), Unknown)


def test_a_cancel_call_is_judged_by_its_envelope() -> None:
    assert answers.read_voided(an_envelope()) == Voided()
    assert answers.read_voided(an_envelope(error=True, message="Sai")) == Refused("Sai")
    assert isinstance(answers.read_voided([]), Unknown)


def a_question() -> QuoteRequest:
    place = Locality("00166", "Phường Cầu Giấy", "01", "Hà Nội")
    return QuoteRequest(place, place, 1_200, 0, 0, 0, 320_000, 350_000, NOON)


PRICE_ROW = {
    "MA_DV_CHINH": "VCN",
    "TEN_DICHVU": "Nhanh",
    "GIA_CUOC": "35200",
    "THOI_GIAN": "48 giờ",
    "EXCHANGE_WEIGHT": 1_500,
    "EXTRA_SERVICE": [],
}
PRICE = PricedService("VCN", 35_200, charged_weight_g=1_500, transit_h=48)


def test_prices_come_as_a_bare_array_or_under_result() -> None:
    assert answers.read_prices([PRICE_ROW]) == Quoted((PRICE,))
    body = {"SENDER_ADDRESS": {}, "RECEIVER_ADDRESS": {}, "RESULT": [PRICE_ROW]}
    assert answers.read_prices(body) == Quoted((PRICE,))


def test_a_lane_without_services_is_an_answer_and_an_unreadable_row_is_none() -> None:
    assert answers.read_prices([]) == Quoted(())
    assert isinstance(answers.read_prices([{"MA_DV_CHINH": "VCN", "GIA_CUOC": 0}]), Unknown)
    assert answers.read_prices([{}, PRICE_ROW]) == Quoted((PRICE,))


def test_an_unpriced_itinerary_is_a_refusal_of_the_question() -> None:
    message = "Price does not apply to this itinerary!"
    assert answers.read_prices(an_envelope(error=True, message=message)) == Refused(message)


def test_a_question_tells_communes_and_nobody_who_lives_there() -> None:
    body = mapping.price_all(a_question())
    assert body["SENDER_ADDRESS"] == "Phường Cầu Giấy, Hà Nội"
    assert (body["PRODUCT_WEIGHT"], body["MONEY_COLLECTION"], body["TYPE"]) == (1_200, 350_000, 1)
    assert "PRODUCT_LENGTH" not in body


def test_ids_stand_for_a_two_level_address_without_a_district() -> None:
    ends = (PlaceIds(1, 11), PlaceIds(2, 22))
    body = mapping.create_order(a_request(), ends)
    assert (body["RECEIVER_PROVINCE"], body["RECEIVER_DISTRICT"], body["RECEIVER_WARD"]) == (
        2,
        0,
        22,
    )
    assert "SENDER_ADDRESS" not in mapping.price_all(a_question(), ends)


def test_an_edit_names_the_waybill_where_a_booking_names_our_reference() -> None:
    body = mapping.edit_order(a_request(), "12345678901")
    assert (body["ORDER_NUMBER"], "CHECK_UNIQUE" in body) == ("12345678901", False)


def test_decisions_at_505_are_types_of_one_call() -> None:
    body = mapping.update_order(mapping.REDELIVER, "12345678901", "hẹn lại")
    assert body == {"TYPE": 3, "ORDER_NUMBER": "12345678901", "NOTE": "hẹn lại"}
    assert answers.read_redelivery(an_envelope()) == RedeliveryAccepted()
    assert answers.read_edited(an_envelope({"MONEY_TOTAL": 30_000})) == Edited(30_000)


def test_old_ids_stand_in_for_provinces_that_kept_their_name() -> None:
    assert legacy_provinces()["ha", "noi"] == 1
    assert ("bac", "kan") not in legacy_provinces()


def test_a_list_of_places_is_read_past_its_bad_rows() -> None:
    rows = [{"PROVINCE_ID": 901, "PROVINCE_NAME": "Tỉnh Lâm Đồng"}, {"PROVINCE_ID": None}, 3]
    assert read_names(an_envelope(rows), "PROVINCE") == {("lam", "dong"): 901}


@given(ENVELOPES)
def test_no_answer_whatever_makes_a_parser_raise(body: object) -> None:
    answers.read_token(body)
    answers.read_voided(body)
    answers.read_return(body)
    answers.read_redelivery(body)
    answers.read_edited(body)
    answers.read_prices(body)
    read_names(body, "WARDS")
    booked = answers.read_booked(body, NOON)
    assert not isinstance(booked, Booked) or booked.tracking_no
