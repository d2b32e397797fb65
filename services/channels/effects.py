"""What a channel's status does to our order: `channel_status_map.csv`, looked up and never guessed."""

from __future__ import annotations

import csv
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from services.channels.port import Effect

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE: Final = "channel_status_map.csv"


@lru_cache(maxsize=1)
def effects() -> Mapping[tuple[str, str], Effect]:
    """(channel, status) → effect."""
    text = (files("services.reference") / "data" / FILE).read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return {(row["channel"], row["code"]): Effect(row["effect"]) for row in rows}


def effect_of(channel: str, status: str) -> Effect | None:
    """The effect of a status; None if it has no row."""
    return effects().get((channel, status))
