"""One attempt to have a parcel carried, and the state that follows from its facts alone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from schemas.booking import BookingOutcome

if TYPE_CHECKING:
    from datetime import date, datetime

    from schemas.intake import Decision


class State(StrEnum):
    """Where an attempt stands."""

    REQUESTED = "requested"
    UNKNOWN = "unknown"
    BOOKED = "booked"
    VOID_PENDING = "void_pending"
    REFUSED = "refused"
    VOIDED = "voided"
    CARRIER_CANCELLED = "carrier_cancelled"


class Tracked(StrEnum):
    """What tracking says about a booking, as far as it matters here."""

    CANCELLED = "cancelled"
    CUSTODY = "custody"


UNANSWERED: Final = frozenset({State.REQUESTED, State.UNKNOWN, State.VOID_PENDING})
LIVE: Final = UNANSWERED | {State.BOOKED}
"""The parcel may be with a carrier, or come to be: no second attempt beside such a one."""


@dataclass(slots=True)
class Attempt:
    """One booking attempt: what was asked, every answer, and what was told of it."""

    reference: str
    attempt: int
    carrier: str
    service: str
    origin_id: str
    promised_on: date
    requested_at: datetime
    book_version: int = 0
    book_outcome: BookingOutcome | None = None
    void_request: int = 0
    void_version: int = 0
    void_outcome: BookingOutcome | None = None
    recall_request: int = 0
    return_version: int = 0
    return_outcome: BookingOutcome | None = None
    tracked_version: int = 0
    tracked: Tracked | None = None
    decision: Decision | None = None
    decision_request: int = 0
    decision_command: str = ""
    decision_why: str = ""
    decision_told: int = 0
    decision_version: int = 0
    decision_outcome: BookingOutcome | None = None
    decision_said: str = ""
    tracking_no: str | None = None
    carrier_ref: str | None = None
    freight_vnd: int | None = None
    expected_on: date | None = None
    booked_at: datetime | None = None
    message: str = ""
    sort_code: str | None = None
    version: int = 0
    told: str | None = None
    api: str = ""
    numbered_as: str = ""

    @property
    def state(self) -> State:
        """Follows from the answers and from tracking, whatever order they came in."""
        match self.book_outcome:
            case None | BookingOutcome.UNKNOWN if self.tracking_no is None:
                return State.REQUESTED if self.book_outcome is None else State.UNKNOWN
            case BookingOutcome.REFUSED:
                return State.REFUSED
            case BookingOutcome.VOIDED:
                return State.VOIDED
            case _:
                return self._state_of_booked()

    def _state_of_booked(self) -> State:
        if self.void_outcome is BookingOutcome.VOIDED:
            return State.VOIDED
        if self.tracked is Tracked.CANCELLED:
            return State.VOIDED if self.void_request else State.CARRIER_CANCELLED
        waiting = self.void_request and self.void_outcome is not BookingOutcome.VOID_REFUSED
        return State.VOID_PENDING if waiting and self.tracked is None else State.BOOKED
