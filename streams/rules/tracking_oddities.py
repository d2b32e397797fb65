"""What in a log cannot be right: flagged, never guessed away (issue of the carrier, not of the fold).

Each rule looks at the state an event meets and at the event, and names the oddity or says None.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeAlias

from schemas.place import vietnam_date
from schemas.tracking import TrackingStatus
from services.reference.status_map import Attempt

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.rules.tracking import Scan
    from streams.rules.tracking_fold import Parcel

    Rule: TypeAlias = Callable[[Parcel, Scan, bool], str | None]

DAY_S: Final = 86_400


def delivered_before_pickup(before: Parcel, scan: Scan, moves: bool) -> str | None:
    """A firm delivery of a parcel that nobody was ever seen to carry."""
    meaning = scan.meaning
    firm = not (scan.correction or meaning.provisional or meaning.implied)
    delivered = meaning.status is TrackingStatus.DELIVERED and before.handed_over_at is None
    return "delivered_before_pickup" if moves and firm and delivered else None


def twice_out_in_a_day(before: Parcel, scan: Scan, moves: bool) -> str | None:
    """Two plain out-for-delivery scans on one Vietnamese day with nothing between them."""
    if not moves or before.started_at is None or scan.meaning.attempt is not Attempt.STARTED:
        return None
    near = 0 < scan.at - before.started_at < DAY_S
    return "twice_out_in_a_day" if near and _day(scan.at) == _day(before.started_at) else None


def from_the_future(_before: Parcel, scan: Scan, _moves: bool) -> str | None:
    """A claim ahead of our own clock (R10)."""
    return "clock_ahead" if scan.clock_ahead else None


def scanned_after_the_end(before: Parcel, scan: Scan, moves: bool) -> str | None:
    """A firm event that the terminal guard refused, other than the end told again (R4)."""
    meaning = scan.meaning
    says_little = meaning.rank == 0 or meaning.provisional or meaning.implied
    if moves or says_little or meaning.status is before.status:
        return None
    return "scanned_after_end"


def moved_after_terminal(before: Parcel, scan: Scan, moves: bool) -> str | None:
    """A cancelled parcel that travels after all (R4)."""
    cancelled = before.status is TrackingStatus.CANCELLED and not before.provisional
    return "moved_after_terminal" if moves and cancelled and not scan.correction else None


RULES: Final[tuple[Rule, ...]] = (
    delivered_before_pickup,
    twice_out_in_a_day,
    from_the_future,
    scanned_after_the_end,
    moved_after_terminal,
)


def odd(before: Parcel, scan: Scan, *, moves: bool) -> tuple[str, ...]:
    """The oddities of a log with one more event, each once, in the order they came up."""
    if moves and before.handed_over_at is not None and _is_plain(before, scan):
        return before.oddities
    found = [name for rule in RULES if (name := rule(before, scan, moves))]
    if not found:
        return before.oddities
    return tuple(dict.fromkeys((*before.oddities, *found)))


def _is_plain(before: Parcel, scan: Scan) -> bool:
    """Nothing any rule looks at. Most events: asking every rule would double the cost of a fold."""
    return not (
        scan.clock_ahead
        or before.status is TrackingStatus.CANCELLED
        or (before.started_at is not None and scan.meaning.attempt is Attempt.STARTED)
    )


def _day(at: int) -> object:
    return vietnam_date(datetime.fromtimestamp(at, UTC))
