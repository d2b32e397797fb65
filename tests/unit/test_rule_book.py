"""The rule book: whole, labelled, and clear about what is wrong with it."""

from __future__ import annotations

import shutil
from datetime import date
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest

from schemas.topics import PARTITIONS
from services.reference.calendar import NoWorkingDay, vietnam_calendar
from services.reference.rule_book import RuleBookInvalid, read_rule_book, sample_rule_book

if TYPE_CHECKING:
    from pathlib import Path

SIX_DAYS = frozenset(range(1, 7))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A rule book of our own, to be spoilt."""
    for name in (
        "rule_book.toml",
        *(f"sample_tariff{kind}.csv" for kind in ("", "_urgent", "_post", "_abroad")),
    ):
        shutil.copy(str(files("services.reference.data") / name), tmp_path / name)
    return tmp_path / "rule_book.toml"


def spoil(book: Path, old: str, new: str) -> None:
    text = book.read_text("utf-8")
    assert old in text
    book.write_text(text.replace(old, new, 1), "utf-8")


def test_every_price_of_the_sample_is_labelled_sample() -> None:
    assert {tariff.source for tariff in sample_rule_book().tariffs} == {"sample"}


def test_a_copy_reads_the_tariffs_beside_it(copy: Path) -> None:
    assert read_rule_book(copy) == sample_rule_book()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("max_weight_g = 30000", "max_weight_g = 0", r"services\.0\.max_weight_g"),
        ('code = "VTK"', 'code = "VCN"', "service viettelpost/VCN is there twice"),
        ('code = "VTK"', 'code = "V60"', "service viettelpost/V60 has no tariff"),
        ('carrier = "vnpost"', 'carrier = "jt"', r"no \[carriers\.jt\]"),
        ("near_region = 7\n", "", "promise_days lacks near_region"),
        ("divisor = 6000", "divisors = 6000", r"services\.0\.divisors"),
        ("max_parcels = 10", "max_parcels =", "is not TOML"),
        ("sample_tariff.csv", "nowhere.csv", "cannot be read"),
    ],
)
def test_a_wrong_entry_is_named(copy: Path, old: str, new: str, told: str) -> None:
    spoil(copy, old, new)
    with pytest.raises(RuleBookInvalid, match=told):
        read_rule_book(copy)


def test_the_partitions_shares_cover_a_days_capacity_and_not_a_parcel_a_partition_more() -> None:
    for carrier in sample_rule_book().carriers.values():
        for province in ("01", "68"):
            capacity = carrier.daily_capacity_in.get(province, carrier.daily_capacity)
            shares = PARTITIONS * carrier.partition_share(province)
            assert capacity <= shares < capacity + PARTITIONS


@pytest.mark.parametrize(
    ("day", "name"),
    [
        (date(2026, 1, 1), "Tết Dương lịch"),
        (date(2026, 2, 16), "Tết Nguyên đán"),
        (date(2026, 2, 20), "Tết Nguyên đán"),
        (date(2026, 4, 26), "Giỗ Tổ Hùng Vương"),
        (date(2030, 4, 12), "Giỗ Tổ Hùng Vương"),
        (date(2031, 9, 2), "Quốc khánh"),
    ],
)
def test_a_holiday_has_its_name(day: date, name: str) -> None:
    assert vietnam_calendar().holidays[day] == name


def test_tet_has_five_days() -> None:
    holidays = vietnam_calendar().holidays
    for year in range(2025, 2031):
        assert sum(d.year == year and n == "Tết Nguyên đán" for d, n in holidays.items()) == 5


def test_the_next_worked_day_passes_sundays_and_holidays() -> None:
    calendar = vietnam_calendar()
    assert calendar.next_worked(date(2026, 10, 4), SIX_DAYS) == date(2026, 10, 5)
    assert calendar.next_worked(date(2027, 4, 30), SIX_DAYS) == date(2027, 5, 3)


def test_who_never_works_has_no_next_day() -> None:
    with pytest.raises(NoWorkingDay):
        vietnam_calendar().next_worked(date(2026, 10, 1), SIX_DAYS, frozenset((7,)))
