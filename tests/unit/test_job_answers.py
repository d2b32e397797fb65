import pytest

from services.jobs.answers import without_numbers


@pytest.mark.parametrize(
    "said", ["SĐT 0900000002 không hợp lệ", "+84 900 000 002 sai", "090.000.0002 wrong"]
)
def test_a_phone_the_carrier_repeats_is_not_passed_on(said: str) -> None:
    assert "000" not in without_numbers(said)


def test_short_numbers_stay() -> None:
    assert without_numbers("Quá 30000 g, mã 505") == "Quá 30000 g, mã 505"
