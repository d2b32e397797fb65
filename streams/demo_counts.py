"""What a run of the sample month came to, counted from the stages' tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.store.pool import Connection

# Everything that was taken in and made of it. Repeats of channels, carriers and stations are seen
# by the stages that read raw input.
COUNT_ALL = """
SELECT (SELECT count(*) FROM intake.orders) AS orders,
       (SELECT count(*) FROM routing.shipments) AS shipments,
       (SELECT count(*) FROM packing.parcels) AS parcels,
       (SELECT count(*) FROM handover.manifests WHERE closed_at IS NOT NULL) AS manifests,
       (SELECT count(*) FROM handover.parcels WHERE standing = 'handed_over') AS signed_for,
       (SELECT count(*) FROM tracking.events) AS tracking_events,
       (SELECT coalesce(sum(duplicate + redelivered), 0)::bigint FROM runtime.checkpoints
        WHERE stage IN ('intake', 'packing', 'tracking')) AS duplicates_seen,
       (SELECT count(*) FROM runtime.dead_letters) AS dead
"""

# Where the orders ended, in the sellers' words. In doubt: a carrier gave no clear answer to a
# booking, and a person must look.
COUNT_ENDS = """
SELECT count(*) FILTER (WHERE fulfilment = 'on_hold') AS held,
       count(*) FILTER (WHERE fulfilment = 'cancelled') AS cancelled,
       count(*) FILTER (WHERE status = 'delivered') AS delivered,
       count(*) FILTER (WHERE status IN ('returned', 'returned_to_stock')) AS returned,
       count(*) FILTER (WHERE status = 'written_off') AS written_off,
       count(*) FILTER (WHERE NOT finished AND fulfilment <> 'on_hold') AS in_doubt
FROM status.orders WHERE seller_id IS NOT NULL
"""

# A delivered order with much to tell: the most tracking events among those with two parcels, or
# else among all.
A_TOLD_ORDER = """
SELECT bookings.order_id
FROM tracking.bookings JOIN status.orders USING (order_id)
WHERE orders.status = 'delivered'
GROUP BY bookings.order_id
ORDER BY count(*) = 2 DESC, max(bookings.version) DESC, bookings.order_id
LIMIT 1
"""


async def count(connection: Connection) -> dict[str, int]:
    """Counts by name, as `demo.json` has them."""
    (everything,) = await connection.fetch(COUNT_ALL)
    (ends,) = await connection.fetch(COUNT_ENDS)
    return {**dict(everything), **dict(ends)}


async def a_told_order(connection: Connection) -> str | None:
    """An order whose journey is worth showing."""
    found: str | None = await connection.fetchval(A_TOLD_ORDER)
    return found
