"""What channels' statuses do: every row of the table, and nothing beside it."""

from __future__ import annotations

from collections import Counter

import pytest

from services.channels.effects import alarms, effect_of, effects
from services.channels.formats import READINGS
from services.channels.port import Effect

COUNTS = {"shopee": 12, "lazada": 21, "tiki": 18, "sendo": 15}


def test_every_row_is_loaded() -> None:
    assert Counter(channel for channel, _ in effects()) == COUNTS
    assert set(COUNTS) < set(READINGS)


@pytest.mark.parametrize(
    ("channel", "status", "effect"),
    [
        ("shopee", "READY_TO_SHIP", Effect.CREATE),
        ("shopee", "IN_CANCEL", Effect.CANCEL_REQUEST),
        ("lazada", "shipped_back", Effect.RETURN),
        ("tiki", "holded", Effect.HOLD),
        ("sendo", "13", Effect.CANCEL),
        ("shopee", "ready_to_ship", None),
        ("lazada", "READY_TO_SHIP", None),
    ],
)
def test_a_status_is_looked_up_in_its_own_channel(
    channel: str, status: str, effect: Effect | None
) -> None:
    assert effect_of(channel, status) == effect


def test_a_person_should_know_of_what_was_lost() -> None:
    assert ("lazada", "lost_by_3pl") in alarms()
    assert ("lazada", "delivered") not in alarms()
