"""How a promise is counted, and questions that a database can answer alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from services.store.pool import Connection

SHOWN: Final = 3
"""Examples kept of one kind of damage, so that no kind hides the others."""

# How many are broken, and the first of them.
SUMMARY: Final = """
    SELECT count(*) AS broken, (array_agg(example ORDER BY example))[1:{shown}] AS examples
      FROM ({broken}) AS found
"""


@dataclass(slots=True)
class Tally:
    """What was looked at for one promise, how much of it breaks it, and some of that in words."""

    checked: int = 0
    broken: int = 0
    examples: list[str] = field(default_factory=list)

    def see_all(self, problems: Iterable[str | None]) -> None:
        """Count many things of a kind: None holds, anything else says what is wrong with one."""
        shown = 0
        for problem in problems:
            shown += self._see(problem, show=shown < SHOWN)

    async def see_each(self, problems: AsyncIterator[str | None]) -> None:
        """The same, for things that are found one after another."""
        shown = 0
        async for problem in problems:
            shown += self._see(problem, show=shown < SHOWN)

    async def ask(self, db: Connection, question: Question) -> None:
        """Count what a question is about, and what breaks it."""
        self.checked += int(await db.fetchval(question.checked))  # a sum is a Decimal
        row = await db.fetchrow(SUMMARY.format(broken=question.broken, shown=SHOWN))
        if row is not None and row["broken"]:
            self.broken += row["broken"]
            self.examples += row["examples"]

    def _see(self, problem: str | None, *, show: bool) -> bool:
        """Count one thing; True if it is an example now."""
        self.checked += 1
        if problem is None:
            return False
        self.broken += 1
        if show:
            self.examples.append(problem)
        return show


@dataclass(frozen=True, slots=True)
class Question:
    """Two queries: `checked` counts what is looked at, `broken` finds what is wrong with it.

    The second has a row for each such thing, with a sentence in its column `example`.
    """

    checked: str
    broken: str
