"""What a check may look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from services.store.pool import Connection
    from services.verify.survey import Survey


class Rules(Protocol):
    """The rules of the flow, for working things out again. Problems: None holds, text is wrong."""

    def hear(self, topic: str, value: bytes) -> None:
        """Take in an event of a topic."""

    def outputs(self, stored: bytes) -> Sequence[tuple[str, bytes]]:
        """The topics and event ids of outputs as a checkpoint stores them."""

    def tracking_states(self, db: Connection) -> AsyncIterator[str | None]:
        """Fold every booking's log again."""

    def fact_rows(self, db: Connection) -> AsyncIterator[str | None]:
        """Make every order's fact rows again from its stored facts."""

    def told_facts(self, db: Connection, topics: Survey) -> AsyncIterator[str | None]:
        """Make every order's facts again from the events that were heard."""

    def cash(self, db: Connection) -> AsyncIterator[str | None]:
        """Derive every booking's cash again, and its books."""

    def line_owners(self, db: Connection) -> AsyncIterator[str | None]:
        """Give every statement line to its booking again."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One snapshot of the database, taken before the topics were read, and what was in them.

    `flow`: the topics each stage reads.
    """

    db: Connection
    topics: Survey
    rules: Rules
    flow: Mapping[str, Sequence[str]]
