"""Keep at a batch until every record of it is settled: wait, halve, bury, or park."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

import structlog

from streams.runtime.batches import Run, halves, size
from streams.runtime.dead_letters import buried
from streams.runtime.failures import OVERDUE_S, Blame, blame
from streams.runtime.stage import Message

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from streams.runtime.checkpoint import UnitId
    from streams.runtime.ports import Observer
    from streams.runtime.settle import Settler

log = structlog.get_logger()

Sleep: TypeAlias = "Callable[[float], Awaitable[None]]"
T = TypeVar("T")

SHORTEST_PAUSE_S: Final = 0.05
LONGEST_PAUSE_S: Final = 10.0


async def settle_all(
    settler: Settler,
    runs: Sequence[Run],
    observe: Observer,
    sleep: Sleep = asyncio.sleep,
    *,
    overdue_s: float = OVERDUE_S,
) -> dict[str, int]:
    """Settle every record of `runs`. Returns the topics to seek back, with their offsets.

    A world that is away is waited for, for ever. Raises Fatal (and what cancels us), and what a
    record raises that cannot even be buried.
    """
    seek_back: dict[str, int] = {}
    parts: deque[Sequence[Run]] = deque([runs])
    failures = 0
    while parts:
        started = monotonic()
        try:
            settled = await settler.settle(parts[0])
        except Exception as error:  # noqa: BLE001 (every outcome is told apart below)
            culprit = blame(error, monotonic() - started, overdue_s)
            _say(settler.unit, error, culprit, size(parts[0]))
            smaller = _smaller(parts[0], culprit, error)
            if smaller is None:
                failures += 1
                await sleep(pause(failures))
            else:
                parts.popleft()
                parts.extendleft(reversed(smaller))
        else:
            failures = 0
            parts.popleft()
            observe(settled)
            seek_back |= settled.seek_back
    return seek_back


def _smaller(runs: Sequence[Run], culprit: Blame, error: Exception) -> list[Sequence[Run]] | None:
    """The parts to try instead, or None: the same again, later."""
    match culprit:
        case Blame.OURS:
            raise error
        case Blame.SIZE | Blame.RECORD if size(runs) > 1:
            return list(halves(runs))
        case Blame.WORLD | Blame.SIZE:
            return None
    (run,) = runs
    (item,) = run.items
    if not isinstance(item, Message):
        raise error
    return [[Run([buried(item.record, error)], run.begins)]]


async def insist(unit: UnitId, attempt: Callable[[], Awaitable[T]], sleep: Sleep) -> T:
    """Repeat `attempt` while the world is away; raises anything else."""
    failures = 0
    while True:
        try:
            return await attempt()
        except Exception as error:
            culprit = blame(error)
            if culprit not in (Blame.WORLD, Blame.SIZE):
                raise
            _say(unit, error, culprit, 0)
        failures += 1
        await sleep(pause(failures))


def pause(failures: int) -> float:
    """Seconds to wait after so many failures in a row: exponential, full jitter."""
    longest = min(LONGEST_PAUSE_S, SHORTEST_PAUSE_S * 2 ** min(failures, 20))
    return random.uniform(SHORTEST_PAUSE_S / 2, longest)  # noqa: S311 (jitter, no secret)


def _say(unit: UnitId, error: Exception, culprit: Blame, records: int) -> None:
    """Name the error, not its message: that may quote somebody's data."""
    log.warning(
        "batch_failed",
        stage=unit.stage,
        partition=unit.partition,
        records=records,
        error=type(error).__qualname__,
        sqlstate=getattr(error, "sqlstate", None),
        blame=culprit.name.lower(),
    )
