"""Vietnam's public holidays, and which days somebody works.

Source of the days: facts on fulfilment, section 8, as `data/holidays.toml`. Tết and the Hùng Kings'
day are lunar and known for some years only; in other years only the fixed days are off.
"""

from __future__ import annotations

import tomllib
from datetime import date, timedelta
from functools import cached_property, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from collections.abc import Iterator

Weekdays: TypeAlias = frozenset[int]
"""ISO numbers: 1 Monday … 7 Sunday."""

LONGEST_BREAK_DAYS: Final = 30
"""Nobody is closed longer; a search that goes on has no working day to find."""

ONE_DAY: Final = timedelta(days=1)
YEARS: Final = range(2020, 2051)


class NoWorkingDay(ValueError):
    """No day within a month is worked: the weekdays given leave nothing."""


class FixedDay(BaseModel):
    """A day off on the same date every year, `month-day`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    day: Annotated[str, Field(pattern=r"^\d{2}-\d{2}$")]
    name: str

    def in_year(self, year: int) -> date:
        """Its date in a year."""
        return date.fromisoformat(f"{year}-{self.day}")


class NewYear(BaseModel):
    """Tết: from `days_before` the first day of the first lunar month, `days` in all."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    days_before: Annotated[int, Field(ge=0)]
    days: Annotated[int, Field(ge=1)]
    first_day: dict[int, date]

    def all_days(self) -> Iterator[date]:
        """Every day off, of every year that is known."""
        for first in self.first_day.values():
            begins = first - self.days_before * ONE_DAY
            yield from (begins + offset * ONE_DAY for offset in range(self.days))


class LunarDay(BaseModel):
    """A single day off that follows the moon, by year."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    day: dict[int, date]


class Calendar(BaseModel):
    """All days off, by their rules."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fixed: tuple[FixedDay, ...]
    tet: NewYear
    hung_kings: LunarDay

    @cached_property
    def holidays(self) -> dict[date, str]:
        """Every day off from 2020 to 2050 with its name."""
        days = {day.in_year(year): day.name for day in self.fixed for year in YEARS}
        days |= dict.fromkeys(self.hung_kings.day.values(), self.hung_kings.name)
        return days | dict.fromkeys(self.tet.all_days(), self.tet.name)

    def is_worked(self, day: date, weekdays: Weekdays) -> bool:
        """Is it one of their weekdays and no holiday?"""
        return day.isoweekday() in weekdays and day not in self.holidays

    def next_worked(self, day: date, *weekdays: Weekdays) -> date:
        """The first day from `day` on (itself included) that all of them work.

        Raises:
            NoWorkingDay: there is none within a month.
        """
        common = weekdays[0] if len(weekdays) == 1 else frozenset.intersection(*weekdays)
        for offset in range(LONGEST_BREAK_DAYS):
            found = day + offset * ONE_DAY
            if self.is_worked(found, common):
                return found
        raise NoWorkingDay(f"no day from {day} on is worked on weekdays {sorted(common)}")


@lru_cache
def vietnam_calendar(name: str = "holidays.toml") -> Calendar:
    """The calendar that ships with the package."""
    text = (files("services.reference.data") / name).read_text("utf-8")
    return Calendar.model_validate(tomllib.loads(text))
