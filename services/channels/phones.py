"""Phone numbers of recipients: E.164, mobile or fixed line, of Vietnam or where they live."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from schemas.place import HOME

LONGEST: Final = 40
MASK: Final = re.compile(r"[*•●]|xx", re.IGNORECASE)

REACHABLE: Final = frozenset(
    {
        PhoneNumberType.MOBILE,
        PhoneNumberType.FIXED_LINE,
        PhoneNumberType.FIXED_LINE_OR_MOBILE,
    }
)


class PhoneProblem(StrEnum):
    """Why a courier cannot call a number."""

    MISSING = "missing"
    MASKED = "masked"
    INVALID = "invalid"
    NOT_A_PERSON = "not_a_person"


@dataclass(frozen=True, slots=True)
class Phone:
    """A number a recipient answers."""

    e164: str


# Buyers come back; the bound keeps few numbers in memory.
@lru_cache(maxsize=4096)
def read_phone(text: str, region: str = HOME) -> Phone | PhoneProblem:
    """Understand a phone as a buyer in `region` typed it, with or without the country's prefix.

    Premium rate, toll free and the like are refused.
    """
    given = text.strip()
    if not given:
        return PhoneProblem.MISSING
    if MASK.search(given):
        return PhoneProblem.MASKED
    if len(given) > LONGEST:
        return PhoneProblem.INVALID
    try:
        number = phonenumbers.parse(given, region)
    except phonenumbers.NumberParseException:
        return PhoneProblem.INVALID
    if not phonenumbers.is_valid_number(number):
        return PhoneProblem.INVALID
    if number.extension or phonenumbers.number_type(number) not in REACHABLE:
        return PhoneProblem.NOT_A_PERSON
    return Phone(phonenumbers.format_number(number, PhoneNumberFormat.E164))
