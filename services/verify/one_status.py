"""Promise 1: every accepted order is in exactly one status; none lost, none twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schemas.catalogue import ORDER_RECEIVED
from services.verify.tally import Question

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.verify.evidence import Evidence
    from services.verify.tally import Tally

QUESTIONS: Final = (
    # An order that intake knows has one row of status, and a status in it.
    Question(
        "SELECT count(*) FROM intake.orders",
        """SELECT o.order_id || ' has ' || count(s.status) || ' statuses' AS example
             FROM intake.orders o LEFT JOIN status.orders s USING (order_id)
            GROUP BY o.order_id HAVING count(s.status) <> 1""",
    ),
    # And none has a status that intake does not know.
    Question(
        "SELECT count(*) FROM status.orders",
        """SELECT s.order_id || ' has a status and was never accepted' AS example
             FROM status.orders s LEFT JOIN intake.orders o USING (order_id)
            WHERE o.order_id IS NULL""",
    ),
    # A number of a channel's seller is one order.
    Question(
        "SELECT count(*) FROM intake.orders",
        """SELECT channel || ':' || channel_order_no || ' of ' || seller_id || ' is '
                  || count(*) || ' orders' AS example
             FROM intake.orders GROUP BY channel, seller_id, channel_order_no HAVING count(*) > 1""",
    ),
    # Every closed parcel is in its order's status.
    Question(
        "SELECT count(*) FROM packing.parcels",
        """SELECT p.parcel_id || ' is packed and not in its order''s status' AS example
             FROM packing.parcels p LEFT JOIN status.orders s USING (order_id)
            WHERE NOT coalesce(s.document @? format(
                  '$.shipments[*].parcels[*].parcel_id ? (@ == %s)', to_json(p.parcel_id))::jsonpath,
                  false)""",
    ),
)

# What became of a channel's number: an order, or a notice that waits for one.
KNOWN_NUMBERS: Final = """
    SELECT channel || ':' || channel_order_no FROM intake.orders
     UNION SELECT channel || ':' || channel_order_no FROM intake.parked
"""

# Records of order.received that nobody could handle.
DEAD_RECORDS: Final = """
    SELECT partition, "offset" FROM runtime.dead_letters WHERE topic = $1
"""


async def check(evidence: Evidence, tally: Tally) -> None:
    """Ask the tables, then follow every record of `order.received` to what became of it."""
    for question in QUESTIONS:
        await tally.ask(evidence.db, question)
    await tally.see_each(_lost(evidence))


async def _lost(evidence: Evidence) -> AsyncIterator[str | None]:
    known = {row[0] for row in await evidence.db.fetch(KNOWN_NUMBERS)}
    dead = {tuple(row) for row in await evidence.db.fetch(DEAD_RECORDS, ORDER_RECEIVED.name)}
    for at, key in evidence.topics.received.items():
        settled = key in known or at in dead
        yield None if settled else f"{ORDER_RECEIVED.name}[{at[0]}]@{at[1]} ({key}) became nothing"
