"""Addresses find their commune by code and by name, and are held rather than guessed."""

from __future__ import annotations

import csv
import unicodedata
from dataclasses import replace
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.intake import HoldReason
from schemas.place import Place
from services.reference.names import spelling
from services.reference.places import Address, Confidence, Located, Places, Unlocated

PLACES = Places.load()
NOW, BEFORE = "2025-07", "pre-2025-07"

FOLD_ALIKE = {
    *("02143", "05665", "10888", "10903", "15724", "15853", "21289", "21292", "21484", "21523"),
    *("25280", "25294", "25807", "27676", "25534", "27826", "28261", "30076", "29938", "30157"),
}
"""Communes with a namesake but for the tones in their province (facts/geography.md, section 3)."""


def rows(name: str) -> list[dict[str, str]]:
    path = files("services.reference.data").joinpath(name)
    with path.open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


WARDS = rows("wards3321.csv")
PROVINCES = {row["code"]: row for row in rows("provinces34.csv")}


def code_of(found: Located | Unlocated) -> str:
    assert isinstance(found, Located), found
    return found.place.ward_code


def reason_of(found: Located | Unlocated) -> HoldReason:
    assert isinstance(found, Unlocated), found
    return found.reason


def without_marks(text: str) -> str:
    split = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(c for c in split if not unicodedata.combining(c))


def test_every_commune_is_found_by_its_code_and_names() -> None:
    assert len(WARDS) == 3321
    for ward in WARDS:
        province = PROVINCES[ward["province_code"]]
        address = Address(
            province["code"], province["full_name_vi"], ward["code"], ward["meaning_vi"], NOW
        )
        place = Place(province_code=province["code"], ward_code=ward["code"])
        assert PLACES.locate(address) == Located(place, Confidence.CODE)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_every_commune_is_found_by_its_names_alone(form: str) -> None:
    for ward in WARDS:
        province = PROVINCES[ward["province_code"]]
        address = Address(
            province_name=unicodedata.normalize(form, province["meaning_vi"]),  # type: ignore[arg-type]
            ward_name=unicodedata.normalize(form, ward["meaning_vi"].upper()),  # type: ignore[arg-type]
        )
        assert code_of(PLACES.locate(address)) == ward["code"], ward["meaning_vi"]


def test_without_tones_every_commune_is_found_or_is_one_of_the_ten_pairs() -> None:
    ambiguous = set()
    for ward in WARDS:
        province = PROVINCES[ward["province_code"]]
        found = PLACES.locate(
            Address(
                province_name=without_marks(province["meaning_vi"]),
                ward_name=without_marks(ward["meaning_vi"]),
            )
        )
        if isinstance(found, Unlocated):
            assert found.reason is HoldReason.ADDRESS_AMBIGUOUS
            ambiguous.add(ward["code"])
        else:
            assert found.place.ward_code == ward["code"]
    assert ambiguous == FOLD_ALIKE


CAU_GIAY = Address("01", "Hà Nội", "00166", "Phường Cầu Giấy", NOW)


@pytest.mark.parametrize(
    ("address", "code", "confidence"),
    [
        (CAU_GIAY, "00166", Confidence.CODE),
        (replace(CAU_GIAY, ward_name=None), "00166", Confidence.CODE),
        (replace(CAU_GIAY, province_code=None, province_name=None), "00166", Confidence.CODE),
        (replace(CAU_GIAY, ward_code=None), "00166", Confidence.NAME),
        (replace(CAU_GIAY, ward_code=None, ward_name="P.Cầu Giấy"), "00166", Confidence.NAME),
        (replace(CAU_GIAY, ward_code=None, ward_name="cau giay"), "00166", Confidence.FOLDED),
        (replace(CAU_GIAY, ward_code="99999"), "00166", Confidence.NAME),
        (Address("06", "Bắc Kạn", None, "Xã Ba Bể", BEFORE), "01906", Confidence.OLD_PROVINCE),
        (Address(None, "TP.HCM", None, "Phường Sài Gòn"), "26740", Confidence.OLD_PROVINCE),
        (Address(None, "Tp Ho Chi Minh", None, "p. sai gon"), "26740", Confidence.FOLDED),
        (Address(None, "Lâm Đồng", None, "Đà Lạt - Xuân Hương"), None, None),
        (Address(None, "Đắc Lắc", None, "Xã MDrắk"), "24412", Confidence.OLD_PROVINCE),
        (Address(None, "Lâm Đồng", None, "Xã Đam Rông 01"), "24886", Confidence.NAME),
    ],
)
def test_an_address_is_found(
    address: Address, code: str | None, confidence: Confidence | None
) -> None:
    found = PLACES.locate(address)
    if code is None:
        assert reason_of(found) is HoldReason.ADDRESS_INCORRECT
    else:
        assert isinstance(found, Located), found
        assert (found.place.ward_code, found.confidence) == (code, confidence)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        (Address("80", "Tây Ninh", None, "Tan Thanh", NOW), HoldReason.ADDRESS_AMBIGUOUS),
        (Address("82", "Tiền Giang", None, "Tân Thành", BEFORE), HoldReason.ADDRESS_AMBIGUOUS),
        (replace(CAU_GIAY, ward_name="Phường Ba Đình"), HoldReason.ADDRESS_AMBIGUOUS),
        (replace(CAU_GIAY, vintage=None, ward_name=None), HoldReason.ADDRESS_AMBIGUOUS),
        (replace(CAU_GIAY, ward_name="Phường Không Có Thật"), HoldReason.ADDRESS_INCORRECT),
        (replace(CAU_GIAY, vintage=BEFORE, ward_name=None), HoldReason.ADDRESS_INCORRECT),
        (replace(CAU_GIAY, province_code="79"), HoldReason.ADDRESS_INCORRECT),
        (replace(CAU_GIAY, province_code="00", province_name=None), HoldReason.ADDRESS_INCORRECT),
        (replace(CAU_GIAY, province_code=None, province_name="?"), HoldReason.ADDRESS_INCORRECT),
        (Address(ward_name="Phường Cầu Giấy"), HoldReason.ADDRESS_INCORRECT),
        (Address(), HoldReason.ADDRESS_INCORRECT),
    ],
)
def test_an_address_that_fits_two_places_or_none_is_held(
    address: Address, reason: HoldReason
) -> None:
    assert reason_of(PLACES.locate(address)) is reason


def test_a_code_of_the_old_map_is_never_read_on_the_new_one() -> None:
    ben_nghe = Address("79", "Hồ Chí Minh", "26740", "Phường Bến Nghé", BEFORE)
    assert reason_of(PLACES.locate(ben_nghe)) is HoldReason.ADDRESS_INCORRECT
    assert reason_of(PLACES.locate(replace(ben_nghe, vintage=NOW))) is HoldReason.ADDRESS_INCORRECT


@pytest.mark.parametrize(
    ("code", "before", "now"),
    [
        ("15", "Yên Bái", "Lào Cai"),
        ("24", "Bắc Giang", "Bắc Ninh"),
        ("44", "Quảng Bình", "Quảng Trị"),
        ("52", "Bình Định", "Gia Lai"),
        ("80", "Long An", "Tây Ninh"),
        ("82", "Tiền Giang", "Đồng Tháp"),
        ("91", "Kiên Giang", "An Giang"),
    ],
)
def test_seven_codes_name_another_province_on_each_map(code: str, before: str, now: str) -> None:
    ward = next(ward["meaning_vi"] for ward in WARDS if ward["province_code"] == code)
    for name, vintage in ((before, BEFORE), (now, NOW)):
        found = PLACES.locate(Address(code, name, None, ward, vintage))
        assert isinstance(found, Located)
        assert found.place.province_code == code


def test_a_part_of_old_tien_giang_went_to_tay_ninh() -> None:
    only_there = next(
        w for w in WARDS if w["province_code"] == "80" and w["meaning_vi"] == "Xã Bến Cầu"
    )
    address = Address("82", "Tiền Giang", None, only_there["meaning_vi"], BEFORE)
    assert code_of(PLACES.locate(address)) == only_there["code"]


def test_every_old_province_name_leads_to_todays() -> None:
    for row in rows("provinces63_legacy_map.csv"):
        new = row["new_gso_code"]
        ward = next(w for w in WARDS if w["province_code"] == new)
        for name in (row["name_vi"], without_marks(row["name_vi"])):
            address = Address(None, name, None, ward["meaning_vi"], BEFORE)
            assert code_of(PLACES.locate(address)) == ward["code"]


def test_tone_conventions_are_one() -> None:
    assert spelling("Thanh Hoá") == spelling("Thanh Hóa") == spelling("THANH  HOÁ")
    assert spelling("Ðồng Hoà") == spelling("đồng hòa")
    assert spelling("Tân Thành") != spelling("Tân Thạnh")


@given(st.text())
def test_spelling_does_not_depend_on_the_unicode_form(text: str) -> None:
    composed = unicodedata.normalize("NFC", text)
    assert spelling(composed[:60]) == spelling(unicodedata.normalize("NFD", composed[:60]))


ANY = (
    st.none() | st.text() | st.sampled_from(["01", "82", "00166", "Hà Nội", "Cầu Giấy", "p", "tp"])
)


@settings(max_examples=300)
@given(st.builds(Address, ANY, ANY, ANY, ANY, st.sampled_from([None, NOW, BEFORE, ""])))
def test_any_text_is_located_or_held(address: Address) -> None:
    assert isinstance(PLACES.locate(address), Located | Unlocated)


def test_reasons_repeat_no_given_text() -> None:
    found = PLACES.locate(Address("01", "Hà Nội", None, "0900000001 Trần Thị B", NOW))
    assert isinstance(found, Unlocated)
    assert "0900000001" not in found.detail


def test_a_province_has_its_region() -> None:
    assert PLACES.region("68").code == "SCCH"
    assert PLACES.region("01").macro == "north"
    assert PLACES.province_name("68") == "Lâm Đồng"
