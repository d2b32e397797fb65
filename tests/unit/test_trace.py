"""What `ocop trace` says of corrections, of events read anew, and of a parcel's pace."""

from __future__ import annotations

from typing import Any

import pytest

from streams.cli.trace import booking_moments, pace_words

BOOKING = {
    "carrier": "viettelpost",
    "service": "VCN",
    "attempt": 1,
    "state": "booked",
    "requested_at": "2026-10-01T08:00:00+07:00",
    "booked_at": None,
}
EVENT = {
    "code": "503",
    "reason_code": None,
    "status": "cancelled",
    "reason": None,
    "finality": "yes",
    "origin": "carrier",
    "was": None,
    "by": None,
    "why": None,
    "evidence": None,
    "occurred_at": "2026-10-02T08:00:00+07:00",
}


def words(**changed: Any) -> str:
    booking = {**BOOKING, "events": [{**EVENT, **changed}]}
    return [moment.what for moment in booking_moments(booking, "parcel 1/1")][-1]


def test_an_event_that_was_read_anew_says_what_it_was_first() -> None:
    assert words() == "parcel 1/1: cancelled [viettelpost 503]"
    assert words(was="written_off").endswith("[viettelpost 503, read as written_off at first]")


def test_a_correction_has_its_author_its_reason_and_its_proof() -> None:
    said = {"origin": "correction", "by": "ops:lan", "why": "seen", "status": "delivered"}
    assert words(**said) == "parcel 1/1: delivered [corrected by ops:lan: seen]"
    assert words(**said, evidence="call-4711").endswith("seen, call-4711]")


@pytest.mark.parametrize(
    ("parcel", "told"),
    [
        ({}, ""),
        ({"flags": [], "late_by": None}, ""),
        ({"flags": ["late", "stale"], "late_by": "seller"}, "  (late by the seller, stale)"),
        ({"flags": ["delayed"]}, "  (delayed)"),
    ],
)
def test_a_parcels_pace_is_told_where_it_is_not_in_time(parcel: dict[str, Any], told: str) -> None:
    assert pace_words(parcel) == told
