"""Which booking of a parcel an operator means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from schemas.ids import order_of

if TYPE_CHECKING:
    from services.store.pool import Connection

# The booking a correction is about: the named one, else the one the carrier has, else the newest.
FIND_BOOKING: Final = """
SELECT reference, waybill FROM tracking.bookings
WHERE order_id = $1 AND parcel_id = $2 AND waybill IS NOT NULL
  AND ($3::text IS NULL OR reference = $3)
ORDER BY state ->> 'handed_over_at' IS NOT NULL DESC,
         substring(reference FROM '[0-9]+$')::integer DESC
LIMIT 1
"""


class Carried(NamedTuple):
    """A booking and the number (`carrier:tracking_no`) it is followed by."""

    reference: str
    waybill: str


async def find_booking(
    connection: Connection, parcel_id: str, reference: str | None = None
) -> Carried | None:
    """The parcel's booking; None if it has none, or not this one."""
    row = await connection.fetchrow(FIND_BOOKING, order_of(parcel_id), parcel_id, reference)
    return None if row is None else Carried(*row)
