"""Promise 7: a seller's feed is numbered 1…n without a gap, in order, and is nobody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schemas.catalogue import FEED_APPENDED
from services.verify.survey import event_id_of
from services.verify.tally import Question

if TYPE_CHECKING:
    from services.verify.evidence import Evidence
    from services.verify.tally import Tally

QUESTIONS: Final = (
    # Numbers run from 1 to the seller's counter.
    Question(
        "SELECT count(*) FROM feed.sellers",
        """SELECT seller_id || ' has ' || count(number) || ' entries, the highest '
                  || coalesce(max(number), 0) || ', the counter at ' || coalesce(last_number, 0)
                  AS example
             FROM feed.sellers FULL JOIN feed.entries USING (seller_id)
            GROUP BY seller_id, last_number
           HAVING count(number) <> coalesce(max(number), 0)
               OR coalesce(max(number), 0) <> coalesce(last_number, 0)""",
    ),
    # An order's versions stand in order.
    Question(
        "SELECT count(*) FROM feed.entries",
        """SELECT order_id || ' v' || order_version || ' stands after v' || before AS example
             FROM (SELECT order_id, order_version,
                          lag(order_version) OVER (PARTITION BY order_id ORDER BY number) AS before
                     FROM feed.entries) AS steps
            WHERE order_version <= before""",
    ),
    # None of them is missing: versions count up by one within an era, and end with the newest.
    Question(
        "SELECT count(*) FROM status.orders WHERE version > 0",
        """SELECT s.order_id || ' is at v' || s.version || ', its feed has ' || count(f.order_version)
                  || ' versions up to v' || coalesce(max(f.order_version), 0) AS example
             FROM status.orders s LEFT JOIN feed.entries f USING (order_id)
            WHERE s.version > 0
            GROUP BY s.order_id, s.version
           HAVING coalesce(max(f.order_version), 0) <> s.version
               OR (s.version < 1::bigint << 40 AND count(f.order_version) <> s.version)""",
    ),
    # An entry is about the seller's own order, and says so inside as well.
    Question(
        "SELECT count(*) FROM feed.entries",
        """SELECT f.seller_id || ' #' || f.number || ' is about ' || f.order_id AS example
             FROM feed.entries f LEFT JOIN status.orders s USING (order_id)
            WHERE s.seller_id IS DISTINCT FROM f.seller_id
               OR f.body ->> 'seller_id' IS DISTINCT FROM f.seller_id
               OR f.body ->> 'order_id' IS DISTINCT FROM f.order_id
               OR f.body ->> 'version' IS DISTINCT FROM f.order_version::text""",
    ),
)

# Everything that was numbered.
ENTRIES: Final = "SELECT seller_id, number FROM feed.entries"


async def check(evidence: Evidence, tally: Tally) -> None:
    """Ask the tables, then look for every entry in the topic that streams are fed from."""
    for question in QUESTIONS:
        await tally.ask(evidence.db, question)
    topic = FEED_APPENDED.name
    entries = await evidence.db.fetch(ENTRIES)
    wanted = ((f"{seller} #{no}", event_id_of(topic, seller, no)) for seller, no in entries)
    tally.see_all(evidence.topics.missing(topic, wanted))
