"""What is struck when: chance, but the same for a seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from services.embedded.system import SERVERS

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping

ROUNDS: Final = 2
"""How often each group is struck."""
BOTH: Final = 0.4
"""How often both of a pair die at once, so that nobody is there to take over."""
LONGEST_AWAY_S: Final = 3.0
FROZEN_S: Final = 9.0
"""Longer than the group waits for a worker (6 s) and the database for a transaction (5 s): it wakes
up as a zombie whose partitions are somebody else's."""


@dataclass(frozen=True, slots=True)
class Blow:
    """All `victims` get `kill -9` and are started `away_s` later, or are frozen for so long.

    `at_s`: seconds after the traffic began.
    """

    at_s: float
    victims: tuple[str, ...]
    away_s: float
    freezes: bool = False


def plan(rng: random.Random, groups: Mapping[str, tuple[str, ...]], span_s: float) -> list[Blow]:
    """Every group is killed twice and each server once, a worker is frozen; spread over `span_s`."""
    workers = [name for names in groups.values() for name in names if name.startswith("worker")]
    struck: list[tuple[str, ...]] = [(server,) for server in sorted(SERVERS)]
    for _ in range(ROUNDS):
        for names in groups.values():
            is_pair = len(names) > 1 and rng.random() < BOTH
            struck.append(names if is_pair else (rng.choice(names),))
    rng.shuffle(struck)
    slot_s = span_s / len(struck)
    kills = [
        Blow(
            at_s=round((number + rng.random()) * slot_s, 2),
            victims=victims,
            away_s=round(rng.uniform(0.2, LONGEST_AWAY_S), 2),
        )
        for number, victims in enumerate(struck)
    ]
    frozen = Blow(
        at_s=round(rng.uniform(0, span_s), 2),
        victims=(rng.choice(workers),),
        away_s=FROZEN_S,
        freezes=True,
    )
    return sorted([*kills, frozen], key=lambda blow: blow.at_s)
