"""UPU S10: item identifiers of postal operators, such as EA000000059VN (facts/standards.md 1).

A number may be used again after a year (two are recommended), so it names an item only together
with its booking. A wrong check digit on what a carrier says is worth a warning, never a refusal.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

PATTERN: Final = re.compile(r"([A-Z]{2})([0-9]{8})([0-9])([A-Z]{2})")
WEIGHTS: Final = (8, 6, 4, 2, 3, 5, 9, 7)
LAST_SERIAL: Final = 99_999_999
INDICATOR: Final = re.compile(r"[A-Z]{2}")


class NotS10(ValueError):
    """The text is no S10 number; says which part is wrong."""


class S10(NamedTuple):
    """A number in its parts. `indicator`: the service, EA–EZ for EMS; `serial`: 0 to 99,999,999."""

    indicator: str
    serial: int
    country: str = "VN"

    @property
    def number(self) -> str:
        """The thirteen characters, with the check digit."""
        return f"{self.indicator}{self.serial:08d}{check_digit(self.serial)}{self.country}"


def check_digit(serial: int) -> int:
    """The digit behind the serial: weights 8 6 4 2 3 5 9 7, 11 less the rest by 11, 10 → 0, 11 → 5.

    Raises ValueError for a serial that has not at most eight digits.
    """
    if not 0 <= serial <= LAST_SERIAL:
        raise ValueError(f"{serial} is no serial of eight digits")
    digits = f"{serial:08d}"
    total = sum(int(digit) * weight for digit, weight in zip(digits, WEIGHTS, strict=True))
    check = 11 - total % 11
    return {10: 0, 11: 5}.get(check, check)


def read_s10(text: str) -> S10:
    """The parts of a number as people write it: any case, spaces anywhere. Raises NotS10."""
    compact = "".join(text.split()).upper()
    match = PATTERN.fullmatch(compact)
    if match is None:
        raise NotS10("not two letters, nine digits and two letters")
    indicator, serial, check, country = match.groups()
    if int(check) != check_digit(int(serial)):
        raise NotS10(f"the check digit is {check} and should be {check_digit(int(serial))}")
    return S10(indicator, int(serial), country)


def is_s10(text: str) -> bool:
    """Whether a text is an S10 number with the right check digit."""
    try:
        read_s10(text)
    except NotS10:
        return False
    return True


def spoken(number: str) -> str:
    """A number as it is printed for people: `EA 000 000 059 VN`. Raises NotS10."""
    compact = read_s10(number).number
    return " ".join((compact[:2], compact[2:5], compact[5:8], compact[8:11], compact[11:]))
