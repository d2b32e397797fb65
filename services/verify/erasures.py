"""Promise 9: after an erasure, the buyer's data is found nowhere.

What a buyer's key sealed cannot be opened by anybody once the key is gone; the raw topics forget
by retention, a day late at most (services/kafka/admin.py).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from schemas.catalogue import TOPICS
from services.verify.tally import Question

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.verify.evidence import Evidence
    from services.verify.tally import Tally

SLACK: Final = timedelta(days=1, hours=6)
"""A segment of a day, and the broker's own rounds."""

QUESTIONS: Final = (
    # A key that is older than its buyer's erasure would open what was to be forgotten.
    Question(
        "SELECT count(*) FROM intake.buyer_keys",
        """SELECT 'the key of buyer ' || k.buyer_id || ' outlived the erasure of '
                  || max(e.erased_at) AS example
             FROM intake.erasures e JOIN intake.buyer_keys k USING (buyer_id)
            WHERE k.created_at <= e.erased_at GROUP BY k.buyer_id""",
    ),
)

NEWEST: Final = "SELECT max(erased_at) FROM intake.erasures WHERE erased_at < $1"


async def check(evidence: Evidence, tally: Tally) -> None:
    """Ask for keys, then for records that are older than they may be."""
    for question in QUESTIONS:
        await tally.ask(evidence.db, question)
    for topic in TOPICS:
        if topic.personal_data:
            kept = timedelta(hours=topic.retention_h) + SLACK
            erased_at = await evidence.db.fetchval(NEWEST, datetime.now(UTC) - kept)
            names = (topic.name, topic.dead)
            tally.see_all(_remembered(evidence, names, erased_at) if erased_at else ())


def _remembered(
    evidence: Evidence, names: tuple[str, ...], erased_at: datetime
) -> Iterator[str | None]:
    for name in names:
        oldest = evidence.topics.oldest.get(name)
        late = oldest is not None and oldest < erased_at.timestamp() * 1000
        yield f"{name} still holds records from before the erasure of {erased_at}" if late else None
