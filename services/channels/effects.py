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
def _rows() -> tuple[dict[str, str], ...]:
    text = (files("services.reference") / "data" / FILE).read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines()))


@lru_cache(maxsize=1)
def effects() -> Mapping[tuple[str, str], Effect]:
    """(channel, status) → effect."""
    return {(row["channel"], row["code"]): Effect(row["effect"]) for row in _rows()}


@lru_cache(maxsize=1)
def alarms() -> frozenset[tuple[str, str]]:
    """(channel, status) of which a person should know, whatever the effect."""
    return frozenset((row["channel"], row["code"]) for row in _rows() if "alarm" in row["note"])


def effect_of(channel: str, status: str) -> Effect | None:
    """The effect of a status; None if it has no row."""
    return effects().get((channel, status))
