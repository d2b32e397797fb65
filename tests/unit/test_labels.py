"""Labels say what they must, in Vietnamese, and scanners read them."""

from __future__ import annotations

import unicodedata
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.intake import Handling
from services.labels.content import CustomsItem
from services.labels.gs1 import SerialsUsedUp, check_digit, is_checked, sscc
from services.labels.pages import Paper, print_labels
from services.labels.pen import known_letters, printable
from services.labels.words import cash, marks, weight
from tests.papers import a_label, a_party, customs_data, scanned, sizes_of, text_of

VOWELS = "aăâeêioôơuưy"
CONSONANTS = "bcdđghklmnpqrstvx"
TONES = ("", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323")


def test_a_label_says_everything_a_courier_needs() -> None:
    (page,) = text_of(print_labels([a_label()], Paper.A6))
    for said in (
        *("Vietnam Post", "CTN009 · Tiêu chuẩn (TMĐT)", "HN-07", "EA000000059VN", "Kiện 1/2"),
        *("HTX Mẫu · 0900000009", "Thôn 1, Phường Cầu Giấy, Hà Nội"),
        *("Trần Thị B", "0900000002", "Số 1 Đường Mẫu, Phường Cầu Giấy, Hà Nội"),
        *("Nội dung: Trà sen × 2, Mật ong × 1", "Khối lượng: 1,25 kg · Số lượng: 3"),
        *("HÀNG DỄ VỠ", "Thu hộ (COD): 366.000 ₫", "OC7L2RUYH5UGNBIRVB-1"),
        "Cước: 25.500 ₫ (biểu giá mẫu, không phải giá thật)",
    ):
        assert said in page


def test_nothing_to_collect_is_said_in_words() -> None:
    (page,) = text_of(print_labels([a_label(cod_vnd=0)], Paper.A6))
    assert "Không thu hộ" in page
    assert "COD" not in page


def test_a_price_of_the_carrier_is_not_called_a_sample() -> None:
    (page,) = text_of(print_labels([a_label(freight_is_sample=False)], Paper.A6))
    assert "Cước: 25.500 ₫" in page
    assert "mẫu" not in page


def test_the_type_has_every_vietnamese_letter_with_every_tone() -> None:
    vowels = {unicodedata.normalize("NFC", vowel + tone) for vowel in VOWELS for tone in TONES}
    assert {"ễ", "ợ", "ữ", "ặ"} < vowels
    assert {len(vowel) for vowel in vowels} == {1}
    letters = vowels | set(CONSONANTS)
    assert {ord(form) for one in letters for form in (one, one.upper())} <= known_letters()
    assert ord("₫") in known_letters()


def test_letters_come_out_of_the_file_as_they_went_in() -> None:
    name = "Nguyễn Ngọc Hữu Đặng, xã Mỹ Lợi, Ặ Ễ Ợ Ữ Đ"
    decomposed = unicodedata.normalize("NFD", name)
    (page,) = text_of(print_labels([a_label(recipient=a_party(name=decomposed))], Paper.A6))
    assert name in page


def test_a_scanner_reads_the_carriers_number_and_our_parcel() -> None:
    found = scanned(print_labels([a_label()], Paper.A6))
    assert {text for _, text in found} == {
        "EA000000059VN",
        "postmart:HTX-MAU-01:PM-0000001/1/1|EA000000059VN",
    }


@pytest.mark.parametrize("number", ["VTP1", "12345678901", "OC7L2RUYH5UGNBIRVB-1XXXX"])
def test_a_number_of_any_usual_length_can_be_scanned(number: str) -> None:
    assert number in {
        text for _, text in scanned(print_labels([a_label(tracking_no=number)], Paper.A6))
    }


def test_a_logistic_unit_is_a_gs1_128_with_its_identifier() -> None:
    document = print_labels([a_label(sscc="089300000000000019")], Paper.A6)
    assert "SSCC (00) 089300000000000019" in text_of(document)[0]
    assert "(00)089300000000000019" in {text for _, text in scanned(document)}


def test_without_a_company_prefix_there_is_no_word_of_an_sscc() -> None:
    assert "SSCC" not in text_of(print_labels([a_label()], Paper.A6))[0]


def test_six_labels_are_six_small_pages_or_two_sheets() -> None:
    labels = [a_label(parcel_no=n, parcel_count=6) for n in range(1, 7)]
    assert sizes_of(print_labels(labels, Paper.A6)) == [(105, 148)] * 6
    sheets = print_labels(labels, Paper.A4)
    assert sizes_of(sheets) == [(210, 297)] * 2
    assert [page.count("NGƯỜI NHẬN") for page in text_of(sheets)] == [4, 2]


def test_an_address_however_long_is_made_smaller_before_it_is_cut() -> None:
    street = (
        "Căn hộ 1205 toà nhà Hoà Bình, số 12 ngõ 34 ngách 56 đường Nguyễn Phong Sắc, tổ dân phố 7"
    )
    (page,) = text_of(print_labels([a_label(recipient=a_party(street=street))], Paper.A6))
    assert f"{street}, Phường Cầu Giấy, Hà Nội" in page


def test_a_parcel_abroad_has_a_face_of_customs_data() -> None:
    abroad = a_party(
        name="Jan Novák",
        street="Vodičkova 12",
        city="Praha 1",
        postcode="110 00",
        country="CZ",
        **dict.fromkeys(("ward", "ward_code", "province", "province_code"), ""),
    )
    printed = print_labels([a_label(customs=customs_data(), recipient=abroad)], Paper.A6)
    label, customs = text_of(printed)
    assert "CUSTOMS" not in label
    assert "Vodičkova 12, 110 00 Praha 1, CZECH REPUBLIC" in label
    for said in (
        *("VN – CZ (Czech Republic)", "Canna starch noodles", "4 2000 g 480 000 VND 190230 VN"),
        *("Tổng / Total: 2000 g net · 1250 g gross · 480 000 VND", "CN23, commercial invoice"),
        *("Sender: HTX Mẫu, Thôn 1, Phường Cầu Giấy, Hà Nội, VIETNAM", "Date, signature"),
    ):
        assert said in customs
    assert ("Code 128", "EA000000059VN") in scanned(printed, 1)


def test_goods_of_many_kinds_need_a_further_face() -> None:
    kinds = [
        CustomsItem(f"Tea {n}", 1, 100, Decimal(50_000), "VND", "VN", "090210") for n in range(6)
    ]
    printed = text_of(print_labels([a_label(customs=customs_data(*kinds))], Paper.A6))
    assert len(printed) == 3
    assert all("300 000 VND" in face for face in printed[1:])


def test_a_label_shows_nothing_of_people_to_who_prints_it_by_mistake() -> None:
    assert "Trần" not in repr(a_label())


def test_labels_printed_again_are_the_same_bytes() -> None:
    assert print_labels([a_label()], Paper.A4) == print_labels([a_label()], Paper.A4)


@given(
    text=st.text(max_size=300),
    number=st.text(st.characters(codec="ascii"), min_size=1, max_size=24),
)
@settings(max_examples=60, deadline=None)
def test_whatever_people_wrote_can_be_printed(text: str, number: str) -> None:
    label = a_label(
        recipient=a_party(name=text, street=text), contents=text, tracking_no=number, sort_code=text
    )
    assert print_labels([label], Paper.A6).startswith(b"%PDF-")


@given(text=st.text(max_size=200))
def test_only_letters_of_the_type_are_set(text: str) -> None:
    assert {ord(letter) for letter in printable(text)} <= known_letters()


@pytest.mark.parametrize(
    ("body", "digit"),
    [
        ("10614141234567890", "8"),
        ("00614141999999999", "4"),
        ("08930000000000001", "9"),
        ("38930000000000002", "7"),
        ("893000000001", "9"),
        ("629104150021", "3"),
    ],
)
def test_check_digits_of_the_standards_vectors(body: str, digit: str) -> None:
    assert check_digit(body) == digit


def test_an_sscc_is_made_of_a_prefix_and_a_count() -> None:
    assert sscc("8930000", 1) == "089300000000000019"
    assert sscc("8930000", 3 * 10**9 + 2) == "389300000000000027"
    with pytest.raises(SerialsUsedUp):
        sscc("8930000", 10**10)
    with pytest.raises(ValueError, match="company prefix"):
        sscc("893", 1)


@given(body=st.text("0123456789", min_size=1, max_size=17), data=st.data())
def test_a_check_digit_finds_every_single_wrong_digit(body: str, data: st.DataObject) -> None:
    number = body + check_digit(body)
    at = data.draw(st.integers(0, len(number) - 1))
    wrong = data.draw(st.sampled_from([d for d in "0123456789" if d != number[at]]))
    assert is_checked(number)
    assert not is_checked(number[:at] + wrong + number[at + 1 :])


@given(prefix=st.text("0123456789", min_size=7, max_size=12), first=st.integers(0, 10**5 - 1))
def test_logistic_units_are_different_and_checked(prefix: str, first: int) -> None:
    number = sscc(prefix, first % 10 ** (17 - len(prefix)))
    assert len(number) == 18
    assert number[1:].startswith(prefix)
    assert is_checked(number)


@given(text=st.text(max_size=20))
def test_anything_may_be_asked_whether_it_is_checked(text: str) -> None:
    assert is_checked(text) in (True, False)


def test_figures_are_written_the_vietnamese_way() -> None:
    assert cash(1_366_000) == "Thu hộ (COD): 1.366.000 ₫"
    assert [weight(grams) for grams in (850, 1000, 1250, 30_005)] == [
        *("850 g", "1 kg", "1,25 kg", "30,005 kg")
    ]


def test_that_goods_are_dear_is_not_on_the_outside() -> None:
    assert marks([Handling.HIGH_VALUE, Handling.FRESH, Handling.FRESH]) == ("HÀNG TƯƠI",)
