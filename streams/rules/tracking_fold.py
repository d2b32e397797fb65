"""The fold: a booking's events, in order, to one state (facts/tracking_taxonomy.md section 3).

`fold` walks a whole log; `advance` goes on from a stored state with events that come after all of
it, and gives the same. Times are Unix seconds, and the carrier's claims.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from schemas.tracking import CodState, TrackingStatus
from services.reference.status_map import Attempt
from streams.rules.tracking import Position, Scan, position
from streams.rules.tracking_money import follow_money
from streams.rules.tracking_oddities import odd

if TYPE_CHECKING:
    from collections.abc import Iterable

S: Final = TrackingStatus
HOUR_S: Final = 3600
ONE_ATTEMPT_S: Final = 12 * HOUR_S
"""Failures closer than this without a new out-for-delivery are one attempt (R7)."""
SILENT_S: Final = 24 * HOUR_S
"""Two out-for-delivery scans further apart than this hide a failed attempt (R7)."""

CUSTODY: Final = frozenset(
    {
        S.PICKED_UP,
        S.IN_TRANSIT,
        S.OUT_FOR_DELIVERY,
        S.AVAILABLE_FOR_PICKUP,
        S.DELIVERY_FAILED,
        S.EXCEPTION,
        S.RETURN_PENDING,
        S.RETURNING,
        S.DELIVERED,
        S.RETURNED,
        S.WRITTEN_OFF,
    }
)
WAY_OUT: Final = {
    S.DELIVERED: frozenset({S.RETURN_PENDING, S.RETURNING, S.RETURNED}),
    S.RETURNED: frozenset[TrackingStatus](),
    S.WRITTEN_OFF: frozenset({S.DELIVERED, S.RETURNING, S.RETURNED}),
    S.CANCELLED: CUSTODY,
}
"""The terminal states and what may follow each without a correction (R4)."""
AFTER_DELIVERY: Final = frozenset({S.DELIVERED, S.RETURN_PENDING, S.RETURNING, S.RETURNED})
PARTIAL: Final = frozenset({"partial_delivery", "partial_return"})
NOBODY: Final = frozenset({"none", "unknown"})


@dataclass(slots=True)
class Parcel:
    """The state of one booking, and what `advance` needs to go on from it.

    `since`: when it came to `status`; None where it never left the first.
    `counted_failures` includes `silent_failures`, which are computed. `failed_at` and `started_at`
    serve the counting: the last counted failure with no out-for-delivery after it, and the last
    event if it was a plain out-for-delivery. `last` is the position of the newest event of all.
    `oddities` names what cannot be right (rules/tracking_oddities.py).
    `money` has every change of `cod` and `cod_vnd`: state, amount, time, key of the event.
    """

    status: TrackingStatus = TrackingStatus.CREATED
    since: int | None = None
    detail: str | None = None
    attributed_to: str = "none"
    postponed_by: str | None = None
    provisional: bool = False
    implied: bool = False
    partial: bool = False
    moved_after_terminal: bool = False
    counted_failures: int = 0
    silent_failures: int = 0
    handed_over_at: int | None = None
    first_attempt_at: int | None = None
    delivered_at: int | None = None
    returned_at: int | None = None
    written_off_at: int | None = None
    cod: CodState = CodState.NOT_APPLICABLE
    cod_vnd: int = 0
    money: tuple[tuple[CodState, int, int, str], ...] = ()
    return_no: str | None = None
    as_of: int | None = None
    events: int = 0
    failed_at: int | None = None
    started_at: int | None = None
    last: Position | None = None
    clock_ahead: bool = False
    oddities: tuple[str, ...] = ()

    @property
    def attempt_no(self) -> int:
        """Counted failures, and one more if a firm delivery followed."""
        return self.counted_failures + (self.delivered_at is not None)


def new_parcel(cod_vnd: int) -> Parcel:
    """A booking of which nothing is known yet but the money it is to collect (VND)."""
    cod = CodState.EXPECTED if cod_vnd else CodState.NOT_APPLICABLE
    return Parcel(cod=cod, cod_vnd=cod_vnd)


def fold(cod_vnd: int, scans: Iterable[Scan]) -> Parcel:
    """The state after a whole log; any order and any repetition of the scans gives the same."""
    return advance(new_parcel(cod_vnd), _distinct(scans))


def advance(parcel: Parcel, scans: Iterable[Scan]) -> Parcel:
    """The state after further scans, all of which must stand after `parcel.last`."""
    parcel = Parcel(*_values(parcel))
    for scan in sorted(scans, key=position):
        _step(parcel, scan)
    return parcel


def refused(cod_vnd: int, scans: Iterable[Scan]) -> set[str]:
    """The keys of the events that are kept but did not move the state (`moved=false`, R4)."""
    parcel = new_parcel(cod_vnd)
    ordered = sorted(_distinct(scans), key=position)
    return {scan.key for scan in ordered if not _step(parcel, scan)}


def follows(parcel: Parcel, scan: Scan) -> bool:
    """True if the scan is later than every event of the log, and so cannot be in it.

    At the same second it may be: a copy that is read by another version of the status map has
    another rank. Never where an event was or is ordered by its arrival: a second copy of it would
    be ordered elsewhere.
    """
    if parcel.clock_ahead or scan.clock_ahead:
        return False
    return parcel.last is None or scan.at > parcel.last[0]


def _distinct(scans: Iterable[Scan]) -> list[Scan]:
    """One scan a key: the first in order, whichever copy that is."""
    by_key: dict[str, Scan] = {}
    for scan in sorted(scans, key=lambda scan: (position(scan), scan.cod_vnd or -1)):
        by_key.setdefault(scan.key, scan)
    return list(by_key.values())


def _step(parcel: Parcel, scan: Scan) -> bool:
    """Apply one scan; True if it moved the state."""
    parcel.events += 1
    parcel.last = position(scan)
    parcel.clock_ahead |= scan.clock_ahead
    before = parcel.status
    moves = scan.meaning.rank > 0 and _may_move(parcel, scan)
    parcel.oddities = odd(parcel, scan, moves=moves)
    if moves:
        _move(parcel, scan)
    paid = follow_money(parcel, scan, before=before, moved=moves)
    if moves or paid:
        parcel.as_of = scan.at
    return moves


def _may_move(parcel: Parcel, scan: Scan) -> bool:
    """The terminal guard (R4), with what is only implied (R6) or only said (R5) weighed less."""
    way_out = None if parcel.provisional else WAY_OUT.get(parcel.status)
    if scan.correction or way_out is None:
        return True
    meaning = scan.meaning
    if meaning.provisional or meaning.implied:
        return False
    if parcel.implied and meaning.status == parcel.status:
        return True
    return meaning.status in way_out


def _move(parcel: Parcel, scan: Scan) -> None:
    meaning = scan.meaning
    if parcel.status is S.CANCELLED and not parcel.provisional and not scan.correction:
        parcel.moved_after_terminal = True
    if scan.correction:
        _take_back(parcel, meaning.status)
    if scan.return_no is not None:
        parcel.return_no = scan.return_no
    if parcel.status is not meaning.status:
        parcel.since = scan.at
    parcel.status = meaning.status
    parcel.detail = meaning.reason
    parcel.attributed_to = meaning.attributed_to
    parcel.provisional = meaning.provisional
    parcel.implied = meaning.implied
    parcel.partial |= meaning.reason in PARTIAL
    if meaning.provisional or meaning.implied:
        parcel.started_at = None
        return
    _count_attempt(parcel, scan)
    _keep_times(parcel, scan)


def _keep_times(parcel: Parcel, scan: Scan) -> None:
    """Firm events set times; the first attempt is the first counted failure or delivery."""
    status, at = scan.meaning.status, scan.at
    parcel.written_off_at = None
    if status in CUSTODY and parcel.handed_over_at is None:
        parcel.handed_over_at = at
    if status is S.DELIVERED:
        parcel.delivered_at = at
        _first_attempt(parcel, at)
    elif status is S.RETURNED:
        parcel.returned_at = at
    elif status is S.WRITTEN_OFF:
        parcel.written_off_at = at
    if parcel.first_attempt_at is None and scan.meaning.attributed_to not in NOBODY:
        parcel.postponed_by = scan.meaning.attributed_to


def _count_attempt(parcel: Parcel, scan: Scan) -> None:
    """R7. Failures that follow each other closely with no new start between them are one."""
    attempt, at = scan.meaning.attempt, scan.at
    if attempt is Attempt.STARTED:
        if parcel.started_at is not None and at - parcel.started_at > SILENT_S:
            parcel.silent_failures += 1
            _count_failure(parcel, parcel.started_at)
        parcel.started_at, parcel.failed_at = at, None
        return
    parcel.started_at = None
    if attempt is Attempt.FAILED:
        if parcel.failed_at is None or at - parcel.failed_at >= ONE_ATTEMPT_S:
            _count_failure(parcel, at)
        parcel.failed_at = at


def _count_failure(parcel: Parcel, at: int) -> None:
    parcel.counted_failures += 1
    _first_attempt(parcel, at)


def _first_attempt(parcel: Parcel, at: int) -> None:
    if parcel.first_attempt_at is None:
        parcel.first_attempt_at = at


def _take_back(parcel: Parcel, corrected: TrackingStatus) -> None:
    """A correction says that an end did not happen: the times it contradicts go (R8)."""
    if parcel.delivered_at is not None and corrected not in AFTER_DELIVERY:
        if parcel.first_attempt_at == parcel.delivered_at:
            parcel.first_attempt_at = None
        parcel.delivered_at = None
    if corrected is not S.RETURNED:
        parcel.returned_at = None
    if corrected not in CUSTODY:
        parcel.handed_over_at = None


_NAMES: Final = tuple(field.name for field in fields(Parcel))
_values: Final = attrgetter(*_NAMES)
_DEFAULTS: Final = _values(Parcel())


def stored(parcel: Parcel) -> dict[str, Any]:
    """The state as it is kept: every field that is not at its default."""
    found = zip(_NAMES, _values(parcel), _DEFAULTS, strict=True)
    return {name: value for name, value, default in found if value != default}


def restored(found: dict[str, Any]) -> Parcel:
    """The state that `stored` made the dictionary from, JSON between them."""
    parcel = Parcel(**found)
    parcel.status = _STATUSES[parcel.status]
    parcel.cod = _COD_STATES[parcel.cod]
    parcel.money = tuple((_COD_STATES[cod], vnd, at, key) for cod, vnd, at, key in parcel.money)
    parcel.oddities = tuple(parcel.oddities)
    if parcel.last is not None:
        at, correction, rank, firm, key = parcel.last
        parcel.last = (at, correction, rank, firm, key)
    return parcel


_STATUSES: Final = {str(status): status for status in TrackingStatus}
_COD_STATES: Final = {str(state): state for state in CodState}
