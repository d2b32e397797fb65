"""Promise 5: folding a shipment's log again gives the stored state."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from services.verify.evidence import Evidence
    from services.verify.tally import Tally


async def check(evidence: Evidence, tally: Tally) -> None:
    """Fold every log again."""
    await tally.see_each(evidence.rules.tracking_states(evidence.db))
