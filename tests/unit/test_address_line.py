"""An address in one line: certain, or held."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.channels.address_line import LineConfidence, read_address_line
from services.reference.places import Address, Confidence, Located, Places

PLACES = Places.load()


@pytest.mark.parametrize(
    "text",
    [
        "Số 1 Đường Mẫu, Phường Cầu Giấy, Hà Nội",
        "Số 1 Đường Mẫu , P. Cầu Giấy, TP Hà Nội, Việt Nam",
        unicodedata.normalize("NFD", "Số 1 Đường Mẫu, phường Cầu Giấy, Thành phố Hà Nội"),
    ],
)
def test_street_commune_and_province_of_today_are_certain(text: str) -> None:
    line = read_address_line(text)
    assert (line.street, line.confidence) == ("Số 1 Đường Mẫu", LineConfidence.CERTAIN)
    where = PLACES.locate(Address(province_name=line.province_name, ward_name=line.ward_name))
    assert isinstance(where, Located)
    assert (where.place.ward_code, where.confidence) == ("00166", Confidence.NAME)


def test_a_street_with_commas_stays_whole() -> None:
    line = read_address_line("Tầng 2, Số 1, Ngõ 3, Phường Cầu Giấy, Hà Nội")
    assert (line.street, line.confidence) == ("Tầng 2, Số 1, Ngõ 3", LineConfidence.CERTAIN)


def test_a_bare_name_may_be_an_old_district() -> None:
    line = read_address_line("Số 1 Xuân Thủy, Cầu Giấy, Hà Nội")
    assert (line.ward_name, line.confidence) == ("Cầu Giấy", LineConfidence.BARE_NAME)


def test_a_district_says_that_the_line_is_of_the_old_map() -> None:
    """An Phú of Thủ Đức is no more; the An Phú of today is 20 km away."""
    line = read_address_line("Số 1, Phường An Phú, TP Thủ Đức, TP Hồ Chí Minh")
    assert line.confidence is LineConfidence.DISTRICT
    assert line.street == "Số 1, TP Thủ Đức"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hà Nội",
        "Số 1, Quận Cầu Giấy, Hà Nội",
        "Số 1, Phường Không Có, Hà Nội",
        ",,,",
        "a, b, c",
    ],
)
def test_what_names_no_commune_of_today_gives_none(text: str) -> None:
    line = read_address_line(text)
    assert (line.ward_name, line.confidence) == (None, LineConfidence.NONE)


@given(st.text())
def test_no_text_breaks_the_reading(text: str) -> None:
    line = read_address_line(text)
    assert (line.confidence is LineConfidence.NONE) == (line.ward_name is None)


@given(st.sampled_from(sorted(PLACES._wards)))
def test_every_commune_of_today_is_certain_or_held_never_another(code: str) -> None:
    ward = PLACES.ward(code)
    line = read_address_line(f"Số 1, {ward.full_name}, {PLACES.province_name(ward.province_code)}")
    where = PLACES.locate(Address(province_name=line.province_name, ward_name=line.ward_name))
    if line.confidence is LineConfidence.CERTAIN:
        assert isinstance(where, Located)
        assert where.place.ward_code == code
