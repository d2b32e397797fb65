"""The limit on the share of dead records: a bad deploy must not empty a topic into dead letters."""

from __future__ import annotations

from collections import deque
from typing import Final

from streams.runtime.failures import TooManyDead

LIMIT: Final = 0.25
"""Partners send some rubbish, our own mistakes hit nearly everything: the line is between them."""

AT_LEAST: Final = 50
WINDOW: Final = 1000


class DeadShare:
    """The dead among the last records of a stage in this worker (all its partitions)."""

    def __init__(
        self, limit: float = LIMIT, at_least: int = AT_LEAST, window: int = WINDOW
    ) -> None:
        self.limit = limit
        self.at_least = at_least
        self.window = window
        self.tripped = False
        self._batches: deque[tuple[int, int]] = deque()
        self._dead = 0
        self._total = 0

    def check(self, dead: int, total: int) -> None:
        """Ask before a commit; raises TooManyDead, and from then on always."""
        dead_with = self._dead + dead
        total_with = self._total + total
        if dead and total_with >= self.at_least and dead_with > self.limit * total_with:
            self.tripped = True
        if self.tripped:
            raise TooManyDead(f"{dead_with} of the last {total_with} records cannot be handled")

    def add(self, dead: int, total: int) -> None:
        """Count a batch that was committed."""
        self._batches.append((dead, total))
        self._dead += dead
        self._total += total
        while len(self._batches) > 1 and self._total - self._batches[0][1] >= self.window:
            old_dead, old_total = self._batches.popleft()
            self._dead -= old_dead
            self._total -= old_total
