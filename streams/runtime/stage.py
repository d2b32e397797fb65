"""What a stage is: messages in, one database transaction, outputs out.

Nothing here knows Kafka or Faust: the same stages run under Faust and under the in-memory driver.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import asyncpg
    from asyncpg.pool import PoolConnectionProxy

    from schemas.event import Event
    from schemas.topics import Topic

    Transaction: TypeAlias = (
        asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
    )


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a log, as read. `timestamp_ms` is the log's append time (Unix ms)."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()

    def header(self, name: str) -> str | None:
        """The last header of that name as text, or None."""
        for found, value in reversed(self.headers):
            if found == name:
                return value.decode("utf-8", "replace")
        return None


@dataclass(frozen=True, slots=True)
class Message:
    """A record and what it says: a decoded event, or None where the topic carries raw bytes."""

    record: Record
    event: Event | None


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages of one partition number `partition`, of one or more topics of one stage.

    Order is kept inside each topic; topics are not ordered against each other.
    `now` is the injected wall clock (aware, UTC); `era` leads the versions of new events.
    """

    partition: int
    messages: Sequence[Message]
    now: datetime
    era: int = 0


@dataclass(frozen=True, slots=True)
class Output:
    """An event to publish after commit; topic, key and id come from the event itself.

    `cause` is the record it follows from: its trace context is carried on.
    """

    event: Event
    cause: Record | None = None


@dataclass(frozen=True, slots=True)
class Forward:
    """A record to pass on as it came, to a raw topic and under a key of our own."""

    topic: Topic
    key: str
    value: bytes
    headers: tuple[tuple[str, bytes], ...]
    cause: Record


@dataclass(frozen=True, slots=True)
class Dead:
    """A record that can never be handled, with a stable code (snake_case) and a sentence.

    `reason` is kept in an index for years: no personal data, no piece of the payload.
    `error` and `stacktrace` are the runtime's, for a record it found by halving.
    """

    record: Record
    code: str
    reason: str
    error: str = ""
    stacktrace: str = ""


@dataclass(slots=True)
class Handled:
    """What became of a batch. Every message is in exactly one of the four counts.

    `duplicate`: known before, no effect. `parked`: kept in a table until something else arrives.
    `dead`: goes to the dead-letter topic. All others were applied.
    """

    outputs: list[Output] = field(default_factory=list)
    forwards: list[Forward] = field(default_factory=list)
    dead: list[Dead] = field(default_factory=list)
    duplicate: int = 0
    parked: int = 0


class Stage(Protocol):
    """One step of the flow. Owns its tables; `inputs` share one key and one partition count."""

    @property
    def name(self) -> str:
        """The stage's one word, the same in every layer."""

    @property
    def inputs(self) -> tuple[Topic, ...]:
        """The topics it reads."""

    async def handle(self, batch: Batch, tx: Transaction) -> Handled:
        """Load in bulk, decide with pure rules, write in bulk.

        May be called again with the same messages after a rollback, so it keeps no state of its own.
        Raise only for a broken world: a database error that may pass is retried, any other error
        makes the runtime search the bad record by halves and bury it.
        """
