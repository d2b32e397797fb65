"""What the batch core needs from outside, and what it tells the outside."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    import asyncpg

    from streams.runtime.checkpoint import Counts, UnitId
    from streams.runtime.outgoing import Outgoing
    from streams.runtime.stage import Dead, Record

    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]

Clock: TypeAlias = "Callable[[], datetime]"
"""The wall clock: aware, UTC."""


class Publisher(Protocol):
    """Where outputs go."""

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Return once every record is durable, in the order given for each key.

        Raises PublishFailed if that is not certain; sending all of them again is always right.
        """


@dataclass(frozen=True, slots=True)
class LogEnds:
    """What a log has of one partition: the first offset it holds, the one it would give next.

    `last_read`: the record before the offset asked about, None where it is not held any more.
    """

    start: int
    end: int
    last_read: Record | None


class Log(Protocol):
    """Where records come from, asked at an assignment."""

    async def ends(self, partition: int, topics: Mapping[str, int | None]) -> Mapping[str, LogEnds]:
        """For each topic: its ends, and the record before the given offset (None: not wanted)."""


@dataclass(frozen=True, slots=True)
class Settled:
    """One batch, done and published.

    `offsets`: topic to (first, next) of what was new. `lag_s`: age of the newest record when
    done. `seek_back`: topics that left a gap, with the offset to read again from. `taken_over`:
    outputs of another worker's batch, or of a COMMIT without an answer, were published first.
    """

    unit: UnitId
    batch_no: int
    counts: Counts
    offsets: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    dead: Sequence[Dead] = ()
    outputs: int = 0
    transact_s: float = 0.0
    publish_s: float = 0.0
    lag_s: float = 0.0
    seek_back: Mapping[str, int] = field(default_factory=dict)
    taken_over: bool = False


Observer: TypeAlias = "Callable[[Settled], None]"
