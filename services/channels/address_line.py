"""An address in one line of text: street, commune and province, or why that is not certain.

Nothing is guessed. Certain is `street, commune, province` on the map of today with the commune's
kind in front of its name (`Phường Cầu Giấy`): a bare name may be an old district's, and a district
in the line means that the line is of the map before July 2025, whose communes were merged.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from services.reference.names import folded, spelling
from services.reference.places import Address, Located, Places

if TYPE_CHECKING:
    from collections.abc import Sequence

COUNTRY: Final = frozenset({("viet", "nam"), ("vietnam",), ("vn",)})
COMMUNE: Final = re.compile(
    r"^\s*(phường|phuong|xã|xa|đặc khu|dac khu|p\.|x\.|đk\.)\s*\S", re.IGNORECASE
)
DISTRICT: Final = re.compile(
    r"^\s*(quận|quan|huyện|huyen|thị xã|thi xa|thành phố|thanh pho|q\.|h\.|tx\.?|tp\.?)\s*\S",
    re.IGNORECASE,
)
LONGEST: Final = 500


class LineConfidence(StrEnum):
    """How sure a line is read; only `certain` goes to a courier unasked."""

    CERTAIN = "certain"
    DISTRICT = "district"
    BARE_NAME = "bare_name"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class AddressLine:
    """The parts of a line as they were written; None where there is none."""

    street: str
    ward_name: str | None
    province_name: str | None
    confidence: LineConfidence


def read_address_line(text: str) -> AddressLine:
    """Take a line apart, from its end: country, province, district, commune, street."""
    text = unicodedata.normalize("NFC", text[:LONGEST])
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if parts and folded(spelling(parts[-1])) in COUNTRY:
        parts.pop()
    if len(parts) < 2:  # noqa: PLR2004 - a commune and a province at least
        return AddressLine(text.strip(), None, None, LineConfidence.NONE)
    *before, province = parts
    communes = [number for number, part in enumerate(before) if COMMUNE.match(part)]
    if len(communes) == 1 and _fits(before[communes[0]], province):
        return _with_commune(before, communes[0], province)
    last = before[-1]
    if not communes and not DISTRICT.match(last) and _fits(last, province):
        return AddressLine(_joined(before[:-1]), last, province, LineConfidence.BARE_NAME)
    return AddressLine(_joined(before), None, province, LineConfidence.NONE)


def _with_commune(before: Sequence[str], number: int, province: str) -> AddressLine:
    """What stands between the commune and the province is a district of the old map."""
    is_last = number == len(before) - 1
    street = [*before[:number], *before[number + 1 :]]
    confidence = LineConfidence.CERTAIN if is_last else LineConfidence.DISTRICT
    return AddressLine(_joined(street), before[number], province, confidence)


def _fits(ward: str, province: str) -> bool:
    where = places().locate(Address(province_name=province, ward_name=ward))
    return isinstance(where, Located)


def _joined(parts: Sequence[str]) -> str:
    return ", ".join(parts)


@lru_cache(maxsize=1)
def places() -> Places:
    """The map, loaded once."""
    return Places.load()
