"""Where and when: administrative codes and the zone that days and months are counted in."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field

from schemas.event import Value

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")

ProvinceCode = Annotated[str, Field(pattern=r"^\d{2}$")]
WardCode = Annotated[str, Field(pattern=r"^\d{5}$")]


class Vintage(StrEnum):
    """Which administrative map a code belongs to: seven province codes changed their meaning."""

    SINCE_2025 = "2025-07"
    BEFORE_2025 = "pre-2025-07"


class Place(Value):
    """A commune of the 34-province map. Never a street: that is personal data."""

    province_code: ProvinceCode
    ward_code: WardCode


def vietnam_date(moment: datetime) -> date:
    """The calendar day of an aware moment in Vietnam."""
    return moment.astimezone(VIETNAM).date()


def vietnam_month(moment: datetime) -> str:
    """The calendar month of an aware moment in Vietnam, as `2026-10`."""
    return f"{moment.astimezone(VIETNAM):%Y-%m}"
