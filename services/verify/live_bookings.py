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
    # Two live bookings never share a carrier's number either.
    Question(
        "SELECT count(*) FROM booking.bookings WHERE tracking_no IS NOT NULL",
        """SELECT carrier || ':' || tracking_no || ' carries ' || count(*) || ' parcels' AS example
             FROM booking.bookings
            WHERE state = 'booked' AND tracking_no IS NOT NULL
              AND booked_at > now() - interval '30 days'
            GROUP BY carrier, tracking_no HAVING count(*) > 1""",
    ),
)


async def check(evidence: Evidence, tally: Tally) -> None:
    """Ask the bookings."""
    for question in QUESTIONS:
        await tally.ask(evidence.db, question)
