"""What merging facts has in common: names within an order, times as text, which is newer."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from schemas.intake import OrderEvent
    from streams.rules.status.facts import Fact


def moment(time: datetime) -> str:
    """UTC with six decimals: `2026-10-05T01:00:00.000000+00:00`."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")


def moment_or_none(time: datetime | None) -> str | None:
    """The same, or None."""
    return None if time is None else moment(time)


def is_news(known: Mapping[str, Fact], entity: str, version: int) -> bool:
    """Whether this version of an entity is newer than what is kept of it."""
    found = known.get(entity)
    return found is None or found["version"] < version


def within(event: OrderEvent, shipment_or_parcel: str) -> str:
    """A name without its order: `1`, `1/2`."""
    return shipment_or_parcel.removeprefix(f"{event.order_id}/")
