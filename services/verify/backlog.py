"""Promise 8: after faults stop, lag returns to zero without a human."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from services.verify.tally import Question

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from services.verify.evidence import Evidence
    from services.verify.tally import Tally

# How far every unit is.
CHECKPOINTS: Final = "SELECT stage, partition, offsets::text FROM runtime.checkpoints"

QUESTIONS: Final = (
    # No outside call is long overdue. Nobody waits for a price.
    Question(
        "SELECT count(*) FROM jobs.pgqueuer",
        """SELECT entrypoint || ' job ' || id || ' is due since ' || execute_after AS example
             FROM jobs.pgqueuer
            WHERE status IN ('queued', 'picked') AND entrypoint NOT LIKE 'quote.%'
              AND greatest(execute_after, heartbeat) < now() - interval '1 minute'""",
    ),
    # Nothing asked for is without somebody who sees to it: a job, or a task of ops.
    Question(
        "SELECT count(*) FROM booking.bookings WHERE state IN ('requested', 'void_pending')",
        """SELECT b.reference || ' is ' || b.state || ' and nobody sees to it' AS example
             FROM booking.bookings b JOIN booking.orders o USING (order_id)
            WHERE b.state IN ('requested', 'void_pending') AND NOT o.held
              AND NOT EXISTS (SELECT FROM jobs.pgqueuer j
                               WHERE convert_from(j.payload, 'UTF8') LIKE '%' || b.reference || '%')
              AND NOT EXISTS (SELECT FROM booking.ops_tasks t
                               WHERE t.reference = b.reference AND t.closed_at IS NULL)""",
    ),
)


async def check(evidence: Evidence, tally: Tally) -> None:
    """Compare every checkpoint with the end of its log."""
    tally.see_all(_behind(evidence, await marks(evidence)))
    for question in QUESTIONS:
        await tally.ask(evidence.db, question)


async def marks(evidence: Evidence) -> dict[tuple[str, str, int], int]:
    """The next offset of each stage, topic and partition."""
    return {
        (stage, topic, partition): mark["next_offset"]
        for stage, partition, offsets in await evidence.db.fetch(CHECKPOINTS)
        for topic, mark in json.loads(offsets).items()
    }


def _behind(evidence: Evidence, at: Mapping[tuple[str, str, int], int]) -> Iterator[str | None]:
    for stage, topics in evidence.flow.items():
        for (topic, partition), (start, end) in evidence.topics.ends.items():
            if topic in topics and end > 0:
                behind = end - at.get((stage, topic, partition), start)
                what = f"{stage} is {behind} records behind in {topic}[{partition}]"
                yield what if behind > 0 else None
