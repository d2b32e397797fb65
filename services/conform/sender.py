"""A partner that sends to us, for the length of an exam: how its bodies look and how it signs them.

Bodies have the fields that facts/carriers.md and facts/channels.md name, with invented values.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

VIETNAM: Final = timezone(timedelta(hours=7))


@dataclass(frozen=True, slots=True)
class Wire:
    """A request as it goes out: raw body, headers, query string with its `?`."""

    raw: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    query: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """What a body is to say. `at` is aware."""

    number: str
    code: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Sender:
    """One partner's format at one of our addresses.

    `write`: an event as the partner writes it. `sign`: the partner's own proof on raw bytes.
    `earlier`, `later`: two codes in the order of a parcel's life; `unknown`: one that no table
    has. `accepted`: what a good body is answered; `unreadable`: what a signed one is that nobody
    can read, None where the proof lies in fields of the body. `undated`: how a body whose time
    has no readable form is answered. `stale`: an old signature, where signatures have a time.
    `most_bytes`: what the address takes.
    """

    name: str
    path: str
    write: Callable[[Event], bytes]
    sign: Callable[[bytes], Wire]
    forge: Callable[[bytes], Wire]
    earlier: str
    later: str
    unknown: str
    accepted: int = 200
    unreadable: int | None = 200
    undated: int = 200
    stale: Callable[[bytes], Wire] | None = None
    spoil_time: Callable[[bytes], bytes] | None = None
    most_bytes: int = 512 * 1024
    strict_codes: bool = False
    """Whether a code that no table has is refused at the door."""


def local(at: datetime, form: str = "%d/%m/%Y %H:%M:%S") -> str:
    """Vietnam's time, without a zone, as most carriers write it."""
    return at.astimezone(VIETNAM).strftime(form)


def utc(at: datetime) -> str:
    """ISO 8601 with `Z`."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def offset(at: datetime) -> str:
    """ISO 8601 with `+07:00`."""
    return at.astimezone(VIETNAM).isoformat(timespec="seconds")


def as_json(body: Any) -> bytes:
    """A body as it goes out."""
    return orjson.dumps(body)


def replacing(name: str, value: object) -> Callable[[bytes], bytes]:
    """Spoil one field, wherever in the body it is."""

    def spoil(raw: bytes) -> bytes:
        return as_json(_replaced(orjson.loads(raw), name, value))

    return spoil


def _replaced(part: Any, name: str, value: object) -> Any:
    if isinstance(part, list):
        return [_replaced(one, name, value) for one in part]
    if isinstance(part, dict):
        return {
            key: value if key == name else _replaced(inside, name, value)
            for key, inside in part.items()
        }
    return part
