"""What every carrier's webhook is read into, and how far its sender can be trusted.

A format module verifies raw bytes, names the parcels a body speaks of, and reads one item of it.
Nothing here or there raises anything but `UnreadableWebhook`, whatever the bytes.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

import orjson

from services.reference.status_map import normalised

if TYPE_CHECKING:
    from collections.abc import Mapping

NO_QUERY: Final[Mapping[str, str]] = MappingProxyType({})
TRACKING_NO: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
DAY_FIRST: Final = re.compile(r"([0-9]{2}/[0-9]{2}/[0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2})")
VIETNAM_S: Final = 7 * 3600
"""Carriers write local times without a zone: UTC+7 all year."""
EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
YEARS: Final = range(2000, 2100)
"""A zero date such as 0001-01-01 means "none"."""
TEXT_LIMIT: Final = 64


class UnreadableWebhook(ValueError):
    """The body is not what this carrier's format says: a stable code and a sentence."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class CarrierEvent(NamedTuple):
    """One item of a webhook, in the carrier's own words, without personal data.

    `tracking_no` is the parcel's number, `waybill_no` the number as it was written (a return leg
    may have a suffix). `at` and `reported_at` are Unix seconds; `at` None means that no time could
    be read, and `raw_time` keeps what stood there. `code` and `reason_code` are normalised.
    `event_id` is the carrier's own, unique for a number, where it has one. `delivery_times`: how
    often it says it tried to deliver.
    """

    carrier: str
    api: str
    tracking_no: str
    waybill_no: str
    reference: str | None
    code: str
    reason_code: str | None
    at: int | None
    raw_time: str | None
    reported_at: int | None
    facility: str | None
    cod_collected_vnd: int | None
    is_return_leg: bool
    event_id: str | None = None
    delivery_times: int | None = None

    @property
    def occurred_at(self) -> datetime | None:
        """When it happened by the carrier's claim, aware (UTC); None if not readable."""
        return None if self.at is None else datetime.fromtimestamp(self.at, UTC)


@dataclass(frozen=True, slots=True)
class Trusted:
    """What a partner's signature is checked against; two of each may be valid at a time.

    `digests` are the SHA-256 of its static secrets, `public_keys` its RSA keys as PEM.
    """

    digests: tuple[bytes, ...] = ()
    public_keys: tuple[str, ...] = ()


class Verifier(Protocol):
    """One way of telling whose a body is."""

    @property
    def signed_items(self) -> int | None:
        """How many items, from the first, the check covers; None for all of them."""

    def verify(
        self,
        raw: bytes,
        headers: Mapping[str, str],
        trusted: Trusted,
        query: Mapping[str, str] = NO_QUERY,
    ) -> bool:
        """True if the body comes from the partner. Never raises.

        Header names are lower-case; `query` holds what stands behind the `?` of the URL.
        """


class WebhookFormat(Verifier, Protocol):
    """One carrier's way of telling us: ask whose it is, what it is about, what it says."""

    def keys(self, raw: bytes) -> list[tuple[str, int]]:
        """(tracking number, item index) of every item; raises UnreadableWebhook."""

    def parse(self, raw: bytes, item: int = 0) -> CarrierEvent:
        """Read one item; raises UnreadableWebhook."""


class AnswerForm(Protocol):
    """The answer a carrier wants to read, where HTTP's status is not enough for it."""

    def stored(self, headers: Mapping[str, str]) -> bytes:
        """The body of a 200. Header names are lower-case. Never raises."""

    def failed(self, headers: Mapping[str, str]) -> bytes:
        """The body of everything else."""


def is_secret(sent: object, trusted: Trusted) -> bool:
    """True if `sent` is one of the partner's secrets; every one is compared, in constant time."""
    if not isinstance(sent, str) or not sent:
        return False
    digest = hashlib.sha256(sent.encode("utf-8", "surrogatepass")).digest()
    return sum(hmac.compare_digest(digest, valid) for valid in trusted.digests) > 0


def read_object(raw: bytes) -> dict[str, Any]:
    """The JSON object in `raw`; raises UnreadableWebhook."""
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise UnreadableWebhook("not_json", f"the body is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise UnreadableWebhook("not_an_object", "the body is not a JSON object")
    return found


def plain_text(found: object) -> str | None:
    """A short text, or a number as text; None for null, blank, and whatever is neither.

    NUL, which PostgreSQL cannot store, counts as blank.
    """
    if isinstance(found, str):
        text = found.replace("\0", " ").strip()
        return text[:TEXT_LIMIT] or None
    if isinstance(found, int) and not isinstance(found, bool):
        return str(found)[:TEXT_LIMIT]
    return None


def required_code(carrier: str, found: object) -> str:
    """A status code as the status map spells it; raises UnreadableWebhook if there is none."""
    text = plain_text(found)
    if text is None:
        raise UnreadableWebhook("no_status", "the item has no status code")
    return normalised(carrier, text)


def required_number(found: object) -> str:
    """A tracking number; raises UnreadableWebhook for anything that cannot be one."""
    number = found.strip() if isinstance(found, str) else plain_text(found)
    if not number or not TRACKING_NO.fullmatch(number):
        raise UnreadableWebhook("no_tracking_number", "the item has no usable tracking number")
    return number


def whole_vnd(found: object) -> int | None:
    """An amount of đồng that may be a number or a text of digits; None if it is neither."""
    if isinstance(found, str) and found.isascii() and found.isdecimal():
        found = int(found[:TEXT_LIMIT])
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    return int(found) if 0 <= found <= 10**12 else None


def unix_seconds(text: str | None) -> int | None:
    """A carrier's time as Unix seconds; None if it cannot be read.

    Read are `dd/MM/yyyy HH:mm:ss` and ISO 8601; without a zone they are Vietnam's.
    """
    if text is None:
        return None
    match = DAY_FIRST.fullmatch(text)
    if match is None:
        return _iso_seconds(text)
    midnight = _midnight(match[1])
    hour, minute, second = int(match[2]), int(match[3]), int(match[4])
    if midnight is None or hour > 23 or minute > 59 or second > 59:  # noqa: PLR2004 (a clock)
        return None
    return midnight + hour * 3600 + minute * 60 + second


@lru_cache(maxsize=512)
def _midnight(day_first: str) -> int | None:
    """Unix seconds of a Vietnamese day's beginning; None for a day there is not."""
    day, month, year = map(int, day_first.split("/"))
    if year not in YEARS:
        return None
    try:
        days = date(year, month, day).toordinal()
    except ValueError:
        return None
    return (days - EPOCH_DAY) * 86_400 - VIETNAM_S


def _iso_seconds(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.year not in YEARS:
        return None
    if moment.tzinfo is None:
        return int(moment.replace(tzinfo=UTC).timestamp()) - VIETNAM_S
    return int(moment.timestamp())
