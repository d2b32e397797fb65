"""Corrections at the door: what may be said of a parcel, before it is stored (taxonomy R8)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from schemas.mending import Correction
from schemas.tracking import TrackingStatus
from services.channels.invalid import told
from services.reference.status_map import read_status_map

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.reference.status_map import StatusMap

AHEAD: Final = timedelta(minutes=10)
"""As for carriers (R10): beyond this, somebody's clock or typing is wrong."""
EARLIEST: Final = datetime(2015, 1, 1, tzinfo=UTC)
NO_STATES: Final = frozenset({TrackingStatus.INFO, TrackingStatus.UNMAPPED})


class CorrectionInvalid(ValueError):
    """It cannot be taken: a sentence for whoever made it."""


@lru_cache(maxsize=1)
def known_words() -> StatusMap:
    """The vocabulary corrections are made in."""
    return read_status_map()


def correction(said: Mapping[str, object], now: datetime) -> Correction:
    """A correction as it will be stored.

    Raises:
        CorrectionInvalid: the state, the detail or the time cannot be.
    """
    try:
        made = Correction.model_validate(said)
    except ValidationError as problems:
        raise CorrectionInvalid(told(problems)) from problems
    if made.state in NO_STATES:
        raise CorrectionInvalid(f"{made.state} is no state of a parcel")
    if made.detail is not None and not known_words().knows(made.detail):
        raise CorrectionInvalid(f"there is no detail {made.detail} in reasons.csv")
    if not EARLIEST <= made.occurred_at <= now + AHEAD:
        raise CorrectionInvalid("occurred_at lies in the future, or before 2015")
    return made
