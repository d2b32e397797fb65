"""Numbers and times as marketplaces write them: text or number, seconds or milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from typing import Annotated, Final

from pydantic import BeforeValidator, Field

from services.channels.neutral import EARLIEST, LATEST, MOST_DONG, MOST_GRAMS

VIETNAM_TIME: Final = timezone(timedelta(hours=7))
MILLISECONDS_FROM: Final = 10**11
"""Seconds do not get there before the year 5138; milliseconds were there in 1973."""
LONGEST: Final = 40


def to_dong(given: object) -> int:
    """`"350000.00"`, 350000.0 and 350000 are one amount; blank and null are 0. Raises ValueError."""
    amount = _decimal(given)
    if amount != amount.to_integral_value():
        raise ValueError("has a fraction of a đồng")
    return int(amount)


def to_grams(given: object) -> int | None:
    """From kilograms; 0, blank and null are unknown (None). Raises ValueError."""
    return round(_decimal(given) * 1000) or None


def from_unix(given: object) -> datetime:
    """A Unix time in seconds, or in milliseconds if it is as large as they are. Raises ValueError."""
    stamp = _decimal(given)
    seconds = stamp / 1000 if stamp >= MILLISECONDS_FROM else stamp
    try:
        moment = datetime.fromtimestamp(float(seconds), UTC)
    except (OverflowError, OSError) as error:
        raise ValueError("is no time") from error
    return _in_our_time(moment)


def from_unix_or_none(given: object) -> datetime | None:
    """0 and null are no time."""
    return None if given in (0, "0", "", None) else from_unix(given)


def from_text(given: object) -> datetime:
    """`2026-07-01 07:00:00 +0700` or ISO 8601 with an offset. Raises ValueError."""
    if not isinstance(given, str) or len(given) > LONGEST:
        raise ValueError("is no text of a time")
    try:
        moment = datetime.strptime(given, "%Y-%m-%d %H:%M:%S %z")
    except ValueError:
        moment = datetime.fromisoformat(given)
    if moment.tzinfo is None:
        raise ValueError("has no offset")
    try:
        return _in_our_time(moment.astimezone(UTC))
    except OverflowError as error:
        raise ValueError("is no time") from error


def _decimal(given: object) -> Decimal:
    """A finite number of a size that anything of ours has."""
    text = "0" if given is None or given == "" else str(given).strip()
    if isinstance(given, bool) or len(text) > LONGEST:
        raise ValueError("is no number")
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise ValueError("is no number") from error
    if not number.is_finite() or abs(number) >= Decimal(10) ** 18:
        raise ValueError("is no number")
    return number


def _in_our_time(moment: datetime) -> datetime:
    if not EARLIEST <= moment < LATEST:
        raise ValueError(f"is not between the years {EARLIEST.year} and {LATEST.year}")
    return moment


Amount = Annotated[int, BeforeValidator(to_dong), Field(ge=0, le=MOST_DONG)]
GramsFromKg = Annotated[
    Annotated[int, Field(ge=0, le=MOST_GRAMS)] | None, BeforeValidator(to_grams)
]
UnixTime = Annotated[datetime, BeforeValidator(from_unix)]
MaybeUnixTime = Annotated[datetime | None, BeforeValidator(from_unix_or_none)]
TextTime = Annotated[datetime, BeforeValidator(from_text)]
