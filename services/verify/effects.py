"""Promise 3: k deliveries of one event have one effect."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.verify.tally import Question

if TYPE_CHECKING:
    from services.verify.evidence import Evidence
    from services.verify.tally import Tally

QUESTIONS: Final = (
    # A carrier's event is in the log once.
    Question(
        "SELECT count(*) FROM tracking.events",
        """SELECT 'event ' || encode(event_key, 'hex') || ' is in the log ' || count(*) || ' times'
                  AS example
             FROM tracking.events GROUP BY waybill_id, event_key HAVING count(*) > 1""",
    ),
    # A shipment is packed once: its parcels together have its goods and its cash.
    Question(
        "SELECT count(*) FROM packing.shipments WHERE state = 'packed'",
        """SELECT s.shipment_id || ' has goods of ' || r.goods_vnd || ' and cash of ' || r.cod_vnd
                  || ', its parcels ' || sum(p.goods_vnd) || ' and ' || sum(p.cod_vnd) AS example
             FROM packing.shipments s
             JOIN packing.parcels p USING (shipment_id)
             JOIN routing.shipments r USING (shipment_id)
            WHERE s.state = 'packed'
            GROUP BY s.shipment_id, r.goods_vnd, r.cod_vnd
           HAVING sum(p.goods_vnd) <> r.goods_vnd OR sum(p.cod_vnd) <> r.cod_vnd""",
    ),
    # A command is carried out once; a version of an order is told to its seller once.
    Question(
        "SELECT count(*) FROM feed.entries",
        """SELECT order_id || ' v' || order_version || ' is in the feed ' || count(*) || ' times'
                  AS example
             FROM feed.entries GROUP BY order_id, order_version HAVING count(*) > 1""",
    ),
    # An attempt to book a parcel is one booking.
    Question(
        "SELECT count(*) FROM booking.bookings",
        """SELECT parcel_id || ' attempt ' || attempt || ' is ' || count(*) || ' bookings' AS example
             FROM booking.bookings GROUP BY parcel_id, attempt HAVING count(*) > 1""",
    ),
)


async def check(evidence: Evidence, tally: Tally) -> None:
    """Ask the tables; every id in the topics stands for one content, however often it is there."""
    for question in QUESTIONS:
        await tally.ask(evidence.db, question)
    contradictions = evidence.topics.contradictions
    tally.checked += sum(map(len, evidence.topics.ids.values())) - len(contradictions)
    tally.see_all(contradictions)
