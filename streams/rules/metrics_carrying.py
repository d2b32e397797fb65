"""Which booking carries a parcel, and since when it is with the carrier."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.tracking import TrackingStatus

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from streams.rules.metrics_facts import BookedFacts, OrderFacts, TrackedFacts


def carrying(facts: OrderFacts, parcel_id: str) -> str:
    """The reference of the booking that carries a parcel; empty where there is none.

    The newest attempt, but one whose parcel is with the carrier goes before: a voided booking may
    travel all the same.
    """
    references = {ref for ref, booked in facts.booked.items() if booked.parcel_id == parcel_id}
    references |= {ref for ref, seen in facts.tracked.items() if seen.parcel_id == parcel_id}

    def rank(reference: str) -> tuple[int, int, str]:
        tracked = facts.tracked.get(reference)
        is_scanned = tracked is not None and tracked.handed_over_at is not None
        is_signed_for = handed_over(facts, reference) is not None
        return 2 if is_scanned else int(is_signed_for), attempt_of(reference), reference

    return max(references, key=rank, default="")


def handed_over(facts: OrderFacts, reference: str) -> datetime | None:
    """When a booking's custody passed: its first firm scan or the courier's signature, the earlier.

    The signature alone does not count once the carrier says that it ended the booking.
    """
    tracked = facts.tracked.get(reference)
    scanned_at = tracked.handed_over_at if tracked else None
    times = [
        manifest.handed_over[reference]
        for manifest in facts.manifests.values()
        if reference in manifest.handed_over
    ]
    if scanned_at is None:
        gave_up = tracked and tracked.firm and tracked.status is TrackingStatus.CANCELLED
        return None if gave_up or reference in facts.voided else min(times, default=None)
    return min([scanned_at, *times])


def attempt_of(reference: str) -> int:
    """The attempt number at the end of our booking reference (`schemas.ids.booking_reference`)."""
    attempt = reference.rpartition("-")[2]
    return int(attempt) if attempt.isdecimal() else 0


def parcels_of(facts: OrderFacts) -> set[str]:
    """Every parcel anything is known of."""
    seen: Iterable[BookedFacts | TrackedFacts] = (
        *facts.booked.values(),
        *facts.tracked.values(),
    )
    return {*facts.packed, *(booking.parcel_id for booking in seen)}
