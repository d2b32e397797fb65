import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.carriers.numbers import label_text, whole_number
from services.carriers.text import address_line, cut_to_bytes, national_phone

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(st.text(), st.integers(min_value=0, max_value=200))
def test_a_cut_text_is_a_beginning_within_the_bytes(text: str, limit: int) -> None:
    cut = cut_to_bytes(text, limit)
    assert len(cut.encode()) <= limit
    assert text.startswith(cut)


def test_a_vietnamese_letter_is_never_cut_in_two() -> None:
    assert cut_to_bytes("Phường Mỹ Thọ", 13) == "Phường M"
    assert cut_to_bytes("Phường Mỹ Thọ", 14) == "Phường Mỹ"


def test_a_long_street_gives_way_and_the_places_stay() -> None:
    line = address_line("Số 1, đường " + "Nguyễn Văn Mẫu " * 20, "Phường Cầu Giấy", "Hà Nội", 150)
    assert line.endswith(", Phường Cầu Giấy, Hà Nội")
    assert line.startswith("Số 1, đường Nguyễn")
    assert len(line.encode()) <= 150


def test_an_address_without_a_street_is_its_places() -> None:
    assert address_line(" ", "Xã Mẫu", "Lâm Đồng", 150) == "Xã Mẫu, Lâm Đồng"


@given(st.text(), st.text(), st.text(), st.integers(min_value=0, max_value=200))
def test_an_address_never_passes_its_limit(s: str, w: str, p: str, limit: int) -> None:
    assert len(address_line(s, w, p, limit).encode()) <= limit


@pytest.mark.parametrize(
    "written", ["+84900000001", "0900000001", "0900 000 001", "84900000001", "(+84) 900.000.001"]
)
def test_carriers_get_ten_digits_with_a_leading_zero(written: str) -> None:
    assert national_phone(written) == "0900000001"


@given(ANY_JSON)
def test_numbers_and_texts_of_anything_never_raise(value: object) -> None:
    number, text = whole_number(value), label_text(value)
    assert number is None or number >= 0
    assert text is None or 0 < len(text) <= 200


def test_numbers_come_as_numbers_or_as_text() -> None:
    assert [whole_number(v) for v in (35200, "35200", 35200.0)] == [35200] * 3
    assert [whole_number(v) for v in (True, -1, "1,5", None, float("nan"))] == [None] * 5
