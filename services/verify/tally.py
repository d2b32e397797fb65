"""How a promise is counted, and questions that a database can answer alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from services.store.pool import Connection

SHOWN: Final = 10
"""Examples kept of a broken promise."""

# How many are broken, and the first of them.
SUMMARY: Final = """
    SELECT count(*) AS broken, (array_agg(example ORDER BY example))[1:10] AS examples
      FROM ({broken}) AS found
"""


@dataclass(slots=True)
class Tally:
    """What was looked at for one promise, how much of it breaks it, and some of that in words."""

    checked: int = 0
    broken: int = 0
    examples: list[str] = field(default_factory=list)

    def see(self, problem: str | None) -> None:
        """Count one thing: None holds, anything else says what is wrong with it."""
        self.checked += 1
        if problem is not None:
            self.broken += 1
            self._show([problem])

    def see_all(self, problems: Iterable[str | None]) -> None:
        """Count many things."""
        for problem in problems:
            self.see(problem)

    async def see_each(self, problems: AsyncIterator[str | None]) -> None:
        """Count many things that are found one after another."""
        async for problem in problems:
            self.see(problem)

    async def ask(self, db: Connection, question: Question) -> None:
        """Count what a question is about, and what breaks it."""
        self.checked += await db.fetchval(question.checked)
        row = await db.fetchrow(SUMMARY.format(broken=question.broken))
        if row is not None and row["broken"]:
            self.broken += row["broken"]
            self._show(row["examples"])

    def _show(self, examples: Iterable[str]) -> None:
        self.examples += list(examples)[: SHOWN - len(self.examples)]


@dataclass(frozen=True, slots=True)
class Question:
    """Two queries: `checked` counts what is looked at, `broken` finds what is wrong with it.

    The second has a row for each such thing, with a sentence in its column `example`.
    """

    checked: str
    broken: str
