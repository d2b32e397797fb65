"""Promise 2: every accepted event is applied, a known duplicate, parked, or a dead letter."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final

from services.verify.survey import event_id_of
from services.verify.tally import Question

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from services.verify.evidence import Evidence
    from services.verify.survey import Survey
    from services.verify.tally import Tally

QUESTIONS: Final = (
    # Every offset a checkpoint has passed is accounted for.
    Question(
        "SELECT coalesce(sum(applied + duplicate + parked + dead + holes), 0)"
        " FROM runtime.checkpoints",
        """SELECT stage || '/' || partition || ' passed ' || passed || ' offsets and accounts for '
                  || accounted AS example
             FROM (SELECT stage, partition, applied + duplicate + parked + dead + holes AS accounted,
                          (SELECT coalesce(sum((mark ->> 'next_offset')::bigint
                                               - (mark ->> 'first_offset')::bigint), 0)
                             FROM jsonb_each(offsets) AS m (topic, mark)) AS passed
                     FROM runtime.checkpoints) AS sums
            WHERE passed <> accounted""",
    ),
    # Dead letters are all in the index, each once a stage. (Only the index outlives retention.)
    Question(
        "SELECT coalesce(sum(dead), 0) FROM runtime.checkpoints",
        """SELECT stage || ' buried ' || buried || ' records and the index has ' || indexed AS example
             FROM (SELECT stage, sum(dead) AS buried,
                          (SELECT count(*) FROM runtime.dead_letters d WHERE d.stage = c.stage)
                          AS indexed
                     FROM runtime.checkpoints c GROUP BY stage) AS sums
            WHERE buried <> indexed""",
    ),
    # No tracking event waits for a booking that is known.
    Question(
        "SELECT coalesce(sum(parked), 0) FROM tracking.waybills",
        """SELECT w.parked || ' events of ' || w.waybill || ' wait for a booking that is known'
                  AS example
             FROM tracking.waybills w
            WHERE w.parked_why = 'unknown_number'
              AND (EXISTS (SELECT FROM tracking.bookings b WHERE b.waybill = w.waybill)
                   OR EXISTS (SELECT FROM booking.bookings b
                               WHERE b.carrier = split_part(w.waybill, ':', 1)
                                 AND b.tracking_no = split_part(w.waybill, ':', 2)
                                 AND b.told = 'booked'))""",
    ),
    # No notice waits for an order that is known.
    Question(
        "SELECT count(*) FROM intake.parked",
        """SELECT p.channel || ':' || p.channel_order_no || ' ' || p.ref
                  || ' waits for an order that is known' AS example
             FROM intake.parked p JOIN intake.orders o USING (channel, channel_order_no)
            WHERE p.seller_id IS NULL OR p.seller_id = o.seller_id""",
    ),
    # No amendment waits for a placed order that is known.
    Question(
        "SELECT count(*) FROM routing.orders WHERE parked IS NOT NULL",
        """SELECT order_id || ' has amendments that wait although it was placed' AS example
             FROM routing.orders WHERE placed AND parked IS NOT NULL AND parked::text <> '{}'""",
    ),
    # Every shipment tracking knows was told as booked, if only at first: a carrier may give a
    # booking up. Every booking that is told as booked now is known to tracking.
    Question(
        "SELECT count(*) FROM booking.bookings WHERE told = 'booked'",
        """SELECT reference || ' is '
                  || CASE WHEN booked THEN 'booked and not tracked'
                          ELSE 'tracked and was never booked' END AS example
             FROM (SELECT reference, told = 'booked' AS booked,
                          told = 'booked' OR version > 1 AS was_booked
                     FROM booking.bookings WHERE told IS NOT NULL) b
             FULL JOIN (SELECT reference, true AS tracked
                          FROM tracking.bookings WHERE booked_version IS NOT NULL) t
             USING (reference)
            WHERE booked AND tracked IS NULL OR tracked AND was_booked IS NOT TRUE""",
    ),
    # What manifests say was told to the flow.
    Question(
        "SELECT count(*) FROM handover.facts",
        """SELECT manifest_no || ' of ' || order_id || ' v' || version || ' was not told' AS example
             FROM handover.facts WHERE NOT told""",
    ),
)

# The outputs of each unit's last batch: the outbox.
OUTBOXES: Final = "SELECT stage, partition, outputs FROM runtime.checkpoints WHERE outputs <> ''"

# The newest version that a table says was told, by topic and entity. (An earlier one need not be
# there by this number: versions of a new era begin far above, schemas.event.next_version.)
TOLD: Final = (
    (
        "shipment.status_changed.v1",
        "SELECT reference, version FROM tracking.bookings WHERE version > 0",
    ),
    (
        "cod.changed.v1",
        "SELECT reference, version FROM cod.accounts WHERE version > 0",
    ),
    (
        "order.status_changed.v1",
        "SELECT order_id, version FROM status.orders WHERE version > 0",
    ),
    (
        "shipment.booked.v1",
        "SELECT reference, version FROM booking.bookings WHERE told = 'booked'",
    ),
    (
        "booking.refused.v1",
        "SELECT reference, version FROM booking.bookings WHERE told = 'refused'",
    ),
    (
        "handover.reported.v1",
        "SELECT order_id || '|' || manifest_no, version FROM handover.facts WHERE told",
    ),
)

# Records without a handler: each has its letter in <topic>.dead.
LETTERS: Final = 'SELECT topic, partition, "offset" FROM runtime.dead_letters'


async def check(evidence: Evidence, tally: Tally) -> None:
    """Ask the tables, then look for every stored output in its topic."""
    for question in QUESTIONS:
        await tally.ask(evidence.db, question)
    for stage, partition, outbox in await evidence.db.fetch(OUTBOXES):
        for topic, event_id in evidence.rules.outputs(outbox):
            name = f"{stage}/{partition}: output {uuid.UUID(bytes=event_id)}"
            tally.see_all(evidence.topics.missing(topic, [(name, event_id)]))
    for topic, query in TOLD:
        told = await evidence.db.fetch(query)
        wanted = ((f"{who} v{version}", event_id_of(topic, who, version)) for who, version in told)
        tally.see_all(evidence.topics.missing(topic, wanted))
    buried = [tuple(row) for row in await evidence.db.fetch(LETTERS)]
    tally.see_all(_letters(evidence.topics, buried))


def _letters(topics: Survey, buried: Iterable[tuple[Any, ...]]) -> Iterator[str | None]:
    for topic, partition, offset in buried:
        if not topics.begins_late(f"{topic}.dead"):
            there = (topic, partition, offset) in topics.letters
            yield None if there else f"{topic}[{partition}]@{offset} has no dead letter"
