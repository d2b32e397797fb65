"""Promise 4: a parcel has at most one live booking."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.verify.tally import Question

if TYPE_CHECKING:
    from services.verify.evidence import Evidence
    from services.verify.tally import Tally

QUESTIONS: Final = (
    Question(
        "SELECT count(DISTINCT parcel_id) FROM booking.bookings",
        """SELECT parcel_id || ' has ' || count(*) || ' live bookings: '
                  || string_agg(reference, ', ' ORDER BY reference) AS example
             FROM booking.bookings
            WHERE state IN ('requested', 'unknown', 'booked', 'void_pending')
            GROUP BY parcel_id HAVING count(*) > 1""",
    ),
    # Nor does a carrier's number carry two parcels at a time; it may come again months later.
    Question(
        "SELECT count(*) FROM booking.bookings WHERE tracking_no IS NOT NULL",
        """SELECT carrier || ':' || tracking_no || ' carries ' || parcel_id || ' and ' || other AS example
             FROM (SELECT carrier, tracking_no, parcel_id, booked_at,
                          lag(parcel_id) OVER numbers AS other, lag(booked_at) OVER numbers AS before
                     FROM booking.bookings WHERE state = 'booked' AND tracking_no IS NOT NULL
                   WINDOW numbers AS (PARTITION BY carrier, tracking_no ORDER BY booked_at)) AS pairs
            WHERE other <> parcel_id AND booked_at - before < interval '30 days'""",
    ),
)


async def check(evidence: Evidence, tally: Tally) -> None:
    """Ask the bookings."""
    for question in QUESTIONS:
        await tally.ask(evidence.db, question)
