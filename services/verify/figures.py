"""Promise 6: monthly figures equal a recomputation; every change of one is a revision."""

# ruff: noqa: S608 (the pieces SQL is put together from here are constants of ours)

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schemas.catalogue import MONTHLY_THROUGHPUT
from schemas.figures import BOUNDS_H, HANDOVER_TO_FIRST_ATTEMPT, ORDER_TO_HANDOVER, OVER
from services.verify.survey import event_id_of
from services.verify.tally import Question

if TYPE_CHECKING:
    from services.verify.evidence import Evidence
    from services.verify.tally import Tally

CELL: Final = "month, channel, carrier, origin_province, product_group, star"
BUCKET: Final = f"""coalesce((SELECT min(bound) FROM unnest(ARRAY{list(BOUNDS_H)}) AS bound
                               WHERE taken <= make_interval(hours => bound))::text, '{OVER}')"""

# The figures counted again from the fact rows, in SQL of its own: a second opinion on the rules
# in streams/rules/metrics.py, whose catalogue is schemas/figures.py.
RECOUNTED: Final = f"""
    SELECT to_char(at AT TIME ZONE 'Asia/Ho_Chi_Minh', 'YYYY-MM') AS month, channel, carrier,
           origin_province, product_group, star, figure, sum(amount) AS value
      FROM (SELECT o.channel, '' AS carrier, o.origin_province, o.product_group, o.star, h.*
              FROM metrics.orders o
             CROSS JOIN LATERAL (VALUES
                   ('orders_placed', o.placed_at, 1::bigint),
                   ('units_placed', o.placed_at, o.units),
                   ('goods_placed_vnd', o.placed_at, o.goods_vnd),
                   ('orders_held', o.held_at, 1),
                   ('orders_cancelled', o.cancelled_at, 1)) AS h (figure, at, amount)
             UNION ALL
            SELECT channel, carrier, origin_province, product_group, star, 'shipments_routed',
                   routed_at, 1
              FROM metrics.shipments
             UNION ALL
            SELECT p.channel, p.carrier, p.origin_province, p.product_group, p.star, h.*
              FROM metrics.parcels p
             CROSS JOIN LATERAL (VALUES
                   ('parcels_packed', p.packed_at, 1::bigint),
                   ('parcels_booked', p.booked_at, 1),
                   ('parcels_handed_over', p.handed_over_at, 1),
                   ('parcels_delivered', p.delivered_at, 1),
                   ('parcels_returned', p.returned_at, 1),
                   ('parcels_written_off', p.written_off_at, 1),
                   ('units_delivered', p.delivered_at, p.units),
                   ('goods_delivered_vnd', p.delivered_at, p.goods_vnd),
                   ('freight_vnd', p.booked_at, p.freight_vnd),
                   ('cod_expected_vnd', p.booked_at, p.cod_expected_vnd),
                   ('cod_collected_vnd', p.cod_collected_at, p.cod_collected_vnd),
                   ('cod_remitted_vnd', p.cod_remitted_at, p.cod_remitted_vnd),
                   ('cod_short_vnd', p.cod_remitted_at, p.cod_short_vnd),
                   ('cohort_handed_over', p.handed_over_at, 1),
                   ('cohort_delivered', p.handed_over_at, (p.delivered_at IS NOT NULL)::int),
                   ('cohort_returned', p.handed_over_at, (p.returned_at IS NOT NULL)::int),
                   ('first_attempts', p.handed_over_at, (p.first_attempt_at IS NOT NULL)::int),
                   ('delivered_at_first_attempt', p.handed_over_at, p.delivered_at_first::int),
                   ('attempts', p.handed_over_at, p.attempts),
                   ('first_attempts_on_time', p.handed_over_at, p.on_time::int),
                   ('late_' || p.late_by, p.handed_over_at, (p.late_by IS NOT NULL)::int))
                   AS h (figure, at, amount)
             UNION ALL
            SELECT channel, carrier, origin_province, product_group, star,
                   histogram || '<=' || {BUCKET}, handed_over_at, 1
              FROM metrics.parcels
             CROSS JOIN LATERAL (VALUES
                   ('{ORDER_TO_HANDOVER}', handed_over_at - placed_at),
                   ('{HANDOVER_TO_FIRST_ATTEMPT}', first_attempt_at - handed_over_at))
                   AS times (histogram, taken)
             WHERE taken IS NOT NULL) AS happened
     WHERE at IS NOT NULL AND amount <> 0
     GROUP BY 1, 2, 3, 4, 5, 6, 7
"""

# The counters over all shards.
COUNTED: Final = f"""
    SELECT {CELL}, figure, sum(value) AS value FROM metrics.counters
     GROUP BY {CELL}, figure HAVING sum(value) <> 0
"""

# Each cell as its newest revision has it.
REVISED: Final = f"""
    SELECT DISTINCT ON ({CELL}) {CELL}, figures FROM metrics.revisions
     ORDER BY {CELL}, revision DESC
"""

QUESTIONS: Final = (
    Question(
        f"SELECT count(*) FROM ({COUNTED}) AS c",
        f"""SELECT concat_ws(' ', {CELL}, figure) || ' is ' || coalesce(c.value, 0)
                   || ', recounted ' || coalesce(r.value, 0) AS example
              FROM ({COUNTED}) AS c FULL JOIN ({RECOUNTED}) AS r USING ({CELL}, figure)
             WHERE c.value IS DISTINCT FROM r.value""",
    ),
    # What the newest revisions say is what was counted.
    Question(
        f"SELECT count(*) FROM ({REVISED}) AS r",
        f"""SELECT concat_ws(' ', {CELL}) || ' was revised to ' || coalesce(r.figures::text, 'nothing')
                   || ' and counted as ' || coalesce(c.figures::text, 'nothing') AS example
              FROM (SELECT {CELL}, jsonb_object_agg(figure, value) AS figures
                      FROM ({COUNTED}) AS c GROUP BY {CELL}) AS c
              FULL JOIN ({REVISED}) AS r USING ({CELL})
             WHERE coalesce(r.figures, '{{}}') <> coalesce(c.figures, '{{}}')""",
    ),
    # No change waits for its revision.
    Question(
        "SELECT count(*) FROM metrics.changes",
        f"SELECT concat_ws(' ', {CELL}) || ' changed by ' || cause || ' without a revision'"
        " AS example FROM metrics.changes",
    ),
    # A month's revisions count up by one (a new era begins far above), each with cells and a cause.
    Question(
        "SELECT count(*) FROM metrics.months",
        """SELECT month || ' revision ' || revision || ' follows ' || before || ' with ' || found
                  || ' cells of ' || cells || ' and the cause "' || cause || '"' AS example
             FROM (SELECT m.*, coalesce(lag(revision) OVER (PARTITION BY month ORDER BY revision), 0)
                          AS before,
                          (SELECT count(*) FROM metrics.revisions r
                            WHERE (r.month, r.revision) = (m.month, m.revision)) AS found
                     FROM metrics.months m) AS steps
            WHERE cause = '' OR found <> cells OR found = 0
               OR (revision <> before + 1 AND revision >> 40 = before >> 40)""",
    ),
    # A revision changes something, and says why.
    Question(
        "SELECT count(*) FROM metrics.revisions",
        f"""SELECT concat_ws(' ', {CELL}) || ' revision ' || revision || ' changes nothing' AS example
              FROM (SELECT r.*, lag(figures) OVER (PARTITION BY {CELL} ORDER BY revision) AS before
                      FROM metrics.revisions r) AS steps
             WHERE figures = coalesce(before, '{{}}') OR cause = ''""",
    ),
    # All of them are published.
    Question(
        "SELECT count(*) FROM metrics.revisions",
        f"""SELECT concat_ws(' ', {CELL}) || ' revision ' || revision || ' is not published' AS example
              FROM metrics.revisions CROSS JOIN metrics.publisher WHERE position > published""",
    ),
    # Every placed order is counted.
    Question(
        "SELECT count(*) FROM intake.orders WHERE placed",
        """SELECT o.order_id || ' is placed and not counted' AS example
             FROM intake.orders o LEFT JOIN metrics.orders m USING (order_id)
            WHERE o.placed AND m.placed_at IS NULL""",
    ),
    # Every closed parcel is counted.
    Question(
        "SELECT count(*) FROM packing.parcels",
        """SELECT p.parcel_id || ' is packed and not counted' AS example
             FROM packing.parcels p LEFT JOIN metrics.parcels m USING (parcel_id)
            WHERE m.packed_at IS NULL""",
    ),
)

# Every cell of every revision.
REVISIONS: Final = """
    SELECT concat_ws('|', month, channel, carrier, origin_province, product_group, star) AS entity,
           revision FROM metrics.revisions
"""


async def check(evidence: Evidence, tally: Tally) -> None:
    """Count the rows again, make the rows again from the facts, and the facts from the topics."""
    for question in QUESTIONS:
        await tally.ask(evidence.db, question)
    await tally.see_each(evidence.rules.fact_rows(evidence.db))
    await tally.see_each(evidence.rules.told_facts(evidence.db, evidence.topics))
    topic = MONTHLY_THROUGHPUT.name
    wanted = (
        (f"{entity} revision {revision}", event_id_of(topic, entity, revision))
        for entity, revision in await evidence.db.fetch(REVISIONS)
    )
    tally.see_all(evidence.topics.missing(topic, wanted))
