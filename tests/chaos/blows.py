"""What is killed when: chance, but the same for a seed."""

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


@dataclass(frozen=True, slots=True)
class Blow:
    """`kill -9` for all `victims`, `at_s` after the traffic began; they are started `away_s` later."""

    at_s: float
    victims: tuple[str, ...]
    away_s: float


def plan(rng: random.Random, groups: Mapping[str, tuple[str, ...]], span_s: float) -> list[Blow]:
    """Every group twice and each server once, in any order, spread over `span_s` seconds."""
    struck: list[tuple[str, ...]] = [(server,) for server in sorted(SERVERS)]
    for _ in range(ROUNDS):
        for names in groups.values():
            is_pair = len(names) > 1 and rng.random() < BOTH
            struck.append(names if is_pair else (rng.choice(names),))
    rng.shuffle(struck)
    slot_s = span_s / len(struck)
    return [
        Blow(
            at_s=round((number + rng.random()) * slot_s, 2),
            victims=victims,
            away_s=round(rng.uniform(0.2, LONGEST_AWAY_S), 2),
        )
        for number, victims in enumerate(struck)
    ]
