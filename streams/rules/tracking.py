"""Tracking events before they are folded: identity (R1), order (R2), times (R10), return leg (R12).

Sources: facts/tracking_taxonomy.md section 3, whose rule numbers are used here.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from schemas.tracking import TrackingStatus

if TYPE_CHECKING:
    from services.carriers.webhook import CarrierEvent
    from services.reference.status_map import Meaning, StatusMap

AHEAD_S: Final = 600
"""A claim more than ten minutes ahead of our clock is not trusted for the order (R10)."""

OUR_REFERENCE: Final = re.compile(r"OC[A-Z2-7]{16}-[1-9][0-9]{0,3}")
"""The form of `schemas.ids.booking_reference`; other text in a reference field is not ours."""

Position: TypeAlias = tuple[int, bool, int, bool, str]


class Scan(NamedTuple):
    """One event of a parcel's log as the fold reads it.

    `at` (Unix seconds) is what it is ordered by. `key` identifies it (R1, `scan_key`). `cod_vnd` is the amount
    the carrier names. A correction is ours: it passes every guard (R8). `clock_ahead`: `at` is
    when it came in, because its claim lay in the future. `return_no`: the number as written, where
    the carrier marks the event as one of the leg back to the seller.
    """

    at: int
    key: str
    meaning: Meaning
    cod_vnd: int | None = None
    correction: bool = False
    clock_ahead: bool = False
    return_no: str | None = None


def position(scan: Scan) -> Position:
    """Where a scan stands in its log (R2): time, corrections last, rank, firm after provisional.

    The event key decides what is left, so that arrival never does.
    """
    meaning = scan.meaning
    return (scan.at, scan.correction, meaning.rank, not meaning.provisional, scan.key)


def event_key(event: CarrierEvent, at: int) -> bytes:
    """The identity of a carrier's event: 32 bytes (R1). `at` its time.

    The carrier's own id where it has one, else never of location text or notes: a renamed office
    would re-identify the whole history.
    """
    if event.event_id is not None:
        named = f"event_id|{event.carrier}|{event.waybill_no}|{event.event_id}"
        return hashlib.sha256(named.encode()).digest()
    moment = datetime.fromtimestamp(at, UTC).isoformat()[:19]
    text = (
        f"{event.carrier}|{event.waybill_no}|{event.code}|{event.reason_code or ''}"
        f"|{moment}Z|{event.facility or ''}"
    )
    return hashlib.sha256(text.encode()).digest()


def scan_key(key: bytes) -> str:
    """An event key as the fold carries it: its first 16 bytes as hex, which nothing else shares."""
    return key[:16].hex()


def ordering_time(claimed: int, ingested: int) -> tuple[int, bool]:
    """What an event is ordered by (Unix seconds), and whether its claim was too far ahead (R10)."""
    ahead = claimed > ingested + AHEAD_S
    return (ingested if ahead else claimed), ahead


def our_reference(text: str | None) -> str | None:
    """A carrier's reference field if it can be a booking reference of ours."""
    return text if text and OUR_REFERENCE.fullmatch(text) else None


RETURN_DETAILS: Final = {
    TrackingStatus.CREATED: "return_started",
    TrackingStatus.PICKUP_IN_PROGRESS: "return_started",
    TrackingStatus.PICKUP_FAILED: "return_started",
    TrackingStatus.PICKED_UP: "return_started",
    TrackingStatus.IN_TRANSIT: "return_in_transit",
    TrackingStatus.OUT_FOR_DELIVERY: "return_out_to_seller",
    TrackingStatus.AVAILABLE_FOR_PICKUP: "return_out_to_seller",
    TrackingStatus.DELIVERY_FAILED: "return_attempt_failed",
}
"""Forward statuses and the detail of `returning` they read as on the way back."""

QUARANTINED: Final = frozenset({TrackingStatus.DELIVERED, TrackingStatus.CANCELLED})
"""On a return leg these prove nothing: only the carrier's own return code ends a return."""


def on_return_leg(meaning: Meaning, meanings: StatusMap) -> Meaning:
    """What a code means when the carrier marks its event as return leg (R12).

    A delivery there is kept and shown as `unmapped` until a return code confirms it.
    """
    if meaning.status in QUARANTINED:
        return meanings.stored(TrackingStatus.UNMAPPED, None, "none", "no", None)
    detail = RETURN_DETAILS.get(meaning.status)
    if detail is None:
        return meaning
    finality = "provisional" if meaning.provisional else "no"
    who = meanings.attribution(detail)
    return meanings.stored(TrackingStatus.RETURNING, detail, who, finality, None)
