"""Values as marketplaces write them: numbers as text, whole numbers with decimals, local times."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Annotated, Final

from pydantic import BeforeValidator

VIETNAM: Final = timezone(timedelta(hours=7))
"""Vietnam has had no daylight saving and no other offset since 1975."""
WORD: Final = re.compile(r"[^a-z0-9]+")
LONGEST_NUMBER: Final = 20


def whole(given: object) -> object:
    """`366000.0` and `"366000"` are 366000; what is no whole number is left for the check."""
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        return given
    if len(text := str(given).strip()) > LONGEST_NUMBER:
        return given
    try:
        number = Decimal(text)
    except InvalidOperation:
        return given
    return int(number) if number.is_finite() and number == number.to_integral_value() else given


def text(given: object) -> object:
    """An id may come as a number; null is no text."""
    if given is None:
        return ""
    return str(given) if isinstance(given, int) and not isinstance(given, bool) else given


def local_time(given: object) -> object:
    """`2026-07-01 07:00:00` without a zone is Vietnam's."""
    if not isinstance(given, str):
        return given
    try:
        moment = datetime.fromisoformat(given.strip())
    except ValueError:
        return given
    return moment if moment.tzinfo else moment.replace(tzinfo=VIETNAM)


def word(given: str) -> str:
    """A channel's code as one of ours may hold it: `Cash On Delivery` is `cash_on_delivery`."""
    return WORD.sub("_", given.lower()).strip("_")[:32]


Dong = Annotated[int, BeforeValidator(whole)]
Given = Annotated[str, BeforeValidator(text)]
Local = Annotated[datetime, BeforeValidator(local_time)]
