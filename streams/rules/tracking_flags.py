"""Flags of a parcel: late, delayed, stale and what is odd about its log. Never statuses.

Some follow from what is known (`late` once an attempt came after the promise), some from silence:
those a check raises and news take back. A check compares two wall clocks, its own and that of the
last news; a parcel's own today is its newest event's time and that silence on top. So a month that
is lived through in minutes makes nothing stale.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from schemas.place import VIETNAM
from schemas.tracking import TrackingStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import date

    from streams.rules.tracking_fold import Parcel

    Rule: TypeAlias = Callable[[Parcel, "Promise", Collection[str]], str | None]

S: Final = TrackingStatus
ENDED: Final = frozenset({S.DELIVERED, S.RETURNED, S.WRITTEN_OFF, S.CANCELLED})
NOT_FORWARD: Final = ENDED | {S.RETURN_PENDING, S.RETURNING}
"""Nobody waits at the door any more."""

STALE, OVERDUE, UNCONFIRMED = "stale", "overdue", "unconfirmed"
BY_CLOCK: Final = frozenset({STALE, OVERDUE, UNCONFIRMED})
"""What only silence raises. `overdue` is kept for ourselves; others read it as `late`."""


class Promise(NamedTuple):
    """The last second of the promised day (Unix seconds), if one was promised.

    `is_delayed`: the carrier's own date is later.
    """

    ends_at: int | None = None
    is_delayed: bool = False


class Silence(NamedTuple):
    """How long nothing was heard of a parcel, and how long that may be (seconds).

    `since` is the wall clock when the last news came in, `today` the parcel's own clock then:
    what its newest event, or its booking, claimed.
    """

    since: int
    today: int
    now: int
    usual_s: int
    confirm_s: int


def end_of(day: date) -> int:
    """The last second of a Vietnamese day (Unix seconds)."""
    midnight = datetime.combine(day + timedelta(days=1), time.min, VIETNAM)
    return int(midnight.timestamp()) - 1


def has_ended(parcel: Parcel) -> bool:
    """The carrier is through with it, for certain."""
    return parcel.status in ENDED and not parcel.provisional


def late(parcel: Parcel, promise: Promise, clock: Collection[str]) -> str | None:
    """The first attempt came after the promise; or it did not come, and the promise is over."""
    if promise.ends_at is None:
        return None
    if parcel.first_attempt_at is not None:
        return "late" if parcel.first_attempt_at > promise.ends_at else None
    if parcel.status in NOT_FORWARD and not parcel.provisional:
        return None
    passed = parcel.last is not None and parcel.last[0] > promise.ends_at
    return "late" if passed or OVERDUE in clock else None


def delayed(parcel: Parcel, promise: Promise, _clock: Collection[str]) -> str | None:
    """The carrier's own date is later than what was promised, and it is not there yet."""
    waits = parcel.first_attempt_at is None and not has_ended(parcel)
    return "delayed" if promise.is_delayed and waits else None


def stale(parcel: Parcel, _promise: Promise, clock: Collection[str]) -> str | None:
    """No news within the service's usual time."""
    return STALE if STALE in clock and not has_ended(parcel) else None


def unconfirmed(parcel: Parcel, _promise: Promise, clock: Collection[str]) -> str | None:
    """A courier's word that nothing firm has followed (R5)."""
    return UNCONFIRMED if UNCONFIRMED in clock and parcel.provisional else None


RULES: Final[tuple[Rule, ...]] = (late, delayed, stale, unconfirmed)


def flags_of(parcel: Parcel, promise: Promise, clock: Collection[str] = ()) -> str:
    """Every flag, comma-separated, as a booking keeps them; `clock`: what silence has raised."""
    found = [name for rule in RULES if (name := rule(parcel, promise, clock))]
    if OVERDUE in clock and "late" in found:
        found.append(OVERDUE)
    if not found and not parcel.oddities:
        return ""
    return ",".join((*found, *parcel.oddities))


def told(flags: str) -> tuple[str, ...]:
    """The flags that others read."""
    return tuple(flag for flag in flags.split(",") if flag and flag != OVERDUE)


def by_clock(flags: str) -> frozenset[str]:
    """Those of a booking's flags that silence raised."""
    return BY_CLOCK.intersection(flags.split(","))


def raised(parcel: Parcel, promise: Promise, silence: Silence) -> frozenset[str]:
    """What silence raises now."""
    quiet = silence.now - silence.since
    found = set()
    if quiet > silence.usual_s:
        found.add(STALE)
    if promise.ends_at is not None and silence.today + quiet > promise.ends_at:
        found.add(OVERDUE)
    if parcel.provisional and quiet > silence.confirm_s:
        found.add(UNCONFIRMED)
    return frozenset(found)


def next_look(parcel: Parcel, promise: Promise, silence: Silence) -> int | None:
    """When silence alone may raise another flag (Unix seconds); None once it cannot."""
    if has_ended(parcel):
        return None
    times = [silence.since + silence.usual_s]
    if parcel.provisional:
        times.append(silence.since + silence.confirm_s)
    if promise.ends_at is not None and parcel.first_attempt_at is None:
        times.append(silence.since + max(0, promise.ends_at - silence.today))
    # A second later: a limit is passed, not reached.
    return min((at + 1 for at in times if at >= silence.now), default=None)
