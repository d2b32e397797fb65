"""Where and when: administrative codes and the zone that days and months are counted in."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, TypeAlias
from zoneinfo import ZoneInfo

from pydantic import Field

from schemas.event import Value

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
HOME = "VN"

ProvinceCode = Annotated[str, Field(pattern=r"^\d{2}$")]
WardCode = Annotated[str, Field(pattern=r"^\d{5}$")]
CountryCode = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
"""ISO 3166-1, two letters."""


class Vintage(StrEnum):
    """Which administrative map a code belongs to: seven province codes changed their meaning."""

    SINCE_2025 = "2025-07"
    BEFORE_2025 = "pre-2025-07"


class Place(Value):
    """A commune of the 34-province map. Never a street: that is personal data."""

    province_code: ProvinceCode
    ward_code: WardCode

    @property
    def country(self) -> str:
        """Vietnam."""
        return HOME

    @property
    def area(self) -> str:
        """What a service covers or not: the province."""
        return self.province_code


class Abroad(Value):
    """Another country. Town and postcode are few people's: they stay with the street."""

    country: CountryCode

    @property
    def area(self) -> str:
        """What a service covers or not: the country."""
        return self.country


Destination: TypeAlias = Place | Abroad
"""Where an order goes. Communes are Vietnam's alone, so a place abroad has none."""


def vietnam_date(moment: datetime) -> date:
    """The calendar day of an aware moment in Vietnam."""
    return moment.astimezone(VIETNAM).date()


def vietnam_month(moment: datetime) -> str:
    """The calendar month of an aware moment in Vietnam, as `2026-10`."""
    return f"{moment.astimezone(VIETNAM):%Y-%m}"
