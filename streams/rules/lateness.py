"""Who a late parcel is put down to (facts/tracking_taxonomy.md, section 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

LATE_BY: Final = (
    "seller",
    "carrier",
    "consignee",
    "platform",
    "weather",
    "authority",
    "unknown",
)
"""Everybody it can be; a month's figure is `late_<who>`."""


def put_down_to(
    handed_over_at: datetime | None, handover_by: datetime | None, postponed_by: str | None
) -> str:
    """The seller where the hand-over came after its time, else who postponed it, else the carrier.

    Without a hand-over to the carrier it is the seller's too.
    """
    if handed_over_at is None or (handover_by is not None and handed_over_at > handover_by):
        return "seller"
    return postponed_by if postponed_by in LATE_BY else "carrier"
