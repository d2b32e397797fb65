"""UPU S10 numbers: the vectors of facts/standards.md, and every number we can make."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.s10 import LAST_SERIAL, S10, NotS10, check_digit, is_s10, read_s10, spoken
from services.suspect import suspicion

LETTERS = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=2, max_size=2)
SERIALS = st.integers(0, LAST_SERIAL)


@pytest.mark.parametrize(
    ("serial", "check"),
    [
        (47312482, 9),
        (12345678, 5),
        (0, 5),
        (99999999, 5),
        (1, 4),
        (10000000, 3),
        (3, 1),
        (8, 0),
        (20260701, 0),
        (5, 9),
        (2, 8),
    ],
)
def test_check_digits_are_those_of_the_standard(serial: int, check: int) -> None:
    assert check_digit(serial) == check


def test_the_standards_examples_are_read() -> None:
    assert read_s10("EA000000059VN") == S10("EA", 5, "VN")
    assert read_s10("RR473124829XX") == S10("RR", 47312482, "XX")
    assert S10("CA", 2).number == "CA000000028VN"


def test_people_write_numbers_with_spaces_and_in_small_letters() -> None:
    assert read_s10("ea 000 000 059 vn") == S10("EA", 5)
    assert spoken("EA000000059VN") == "EA 000 000 059 VN"


@pytest.mark.parametrize(
    "text", ["EA000000058VN", "EA00000005VN", "1A000000059VN", "", "EA000000059V", "EA٠٠٠٠٠٠٠٥٩VN"]
)
def test_what_must_be_refused_is_refused(text: str) -> None:
    with pytest.raises(NotS10):
        read_s10(text)


@pytest.mark.parametrize("serial", [-1, 100_000_000])
def test_a_serial_has_eight_digits(serial: int) -> None:
    with pytest.raises(ValueError, match="eight digits"):
        check_digit(serial)


@given(LETTERS, SERIALS, LETTERS)
def test_every_number_we_make_is_read_back(indicator: str, serial: int, country: str) -> None:
    made = S10(indicator, serial, country)
    assert read_s10(made.number) == made


@given(SERIALS, st.integers(0, 7), st.integers(1, 9))
def test_one_wrong_digit_is_always_noticed_but_between_the_two_fives(
    serial: int, place: int, more: int
) -> None:
    """5 stands for two remainders, so a slip between those goes unseen."""
    digits = list(f"{serial:08d}")
    digits[place] = str((int(digits[place]) + more) % 10)
    other = check_digit(int("".join(digits)))
    assert other != check_digit(serial) or other == 5


@given(st.text())
def test_any_text_is_a_number_or_is_not(text: str) -> None:
    assert is_s10(text) in {True, False}


def test_a_number_is_suspected_only_of_carriers_that_use_s10() -> None:
    assert suspicion("ems", "EA000000058VN") == "the check digit is 8 and should be 9"
    assert suspicion("ems", "EA000000059VN") is None
    assert suspicion("viettelpost", "VTP000000001") is None
