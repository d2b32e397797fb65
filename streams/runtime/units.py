"""The units of one stage that this worker was assigned."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Final

import structlog

from streams.runtime.settle import Settler, World
from streams.runtime.unit import Unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streams.runtime.dead_share import DeadShare
    from streams.runtime.reading import Fetched
    from streams.runtime.stage import Stage
    from streams.runtime.unit import Surroundings

log = structlog.get_logger()

REVOKED_WAIT_S: Final = 2.0
"""How long a revocation waits for batches in hand; cancelling one is safe."""

CANCELLED_WAIT_S: Final = 2.0


class Units:
    """Made and ended by assignments; hands fetches to the unit they belong to."""

    def __init__(
        self, stage: Stage, world: World, around: Surroundings, dead_share: DeadShare
    ) -> None:
        self.stage = stage
        self._world = world
        self._around = around
        self._dead_share = dead_share
        self.joined = False
        self._units: dict[int, Unit] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._delivered: dict[int, int | None] = {}

    def __iter__(self) -> Iterator[Unit]:
        return iter(tuple(self._units.values()))

    @property
    def fetching_at(self) -> float:
        """When the fetch loop last went round (monotonic seconds)."""
        return self._around.reader.alive_at

    def assigned(self, assigned: Iterable[tuple[str, int]]) -> None:
        """Start a unit for every partition number whose topics are all here.

        A number with some of its topics elsewhere would be worked on by two: it is left alone.
        """
        self.joined = True
        topics: dict[int, set[str]] = defaultdict(set)
        for topic, partition in assigned:
            topics[partition].add(topic)
        wanted = {topic.name for topic in self.stage.inputs}
        for partition, found in sorted(topics.items()):
            if found != wanted:
                missing = sorted(wanted - found)
                log.error("unit_torn", stage=self.stage.name, partition=partition, missing=missing)
            elif partition not in self._units:
                self._start(partition)

    def offer(self, fetched: Fetched) -> None:
        """Give a fetch to its unit; one that is not ours any more is dropped."""
        unit = self._units.get(fetched.records[0].partition)
        if unit is not None:
            unit.offer(fetched)

    def look_again(self, partition: int) -> None:
        """The fetcher cannot go on there: see `Unit.look_again`."""
        unit = self._units.get(partition)
        if unit is not None:
            unit.look_again()

    async def revoked(self, wait_s: float = REVOKED_WAIT_S) -> None:
        """End every unit: batches in hand have `wait_s` to finish, then they are cancelled."""
        units, tasks = self._units, list(self._tasks.values())
        self._units, self._tasks = {}, {}
        for unit in units.values():
            unit.finish()
        if tasks:
            await self._end(tasks, wait_s)
        # Partitions that come back in the same rebalance need not publish everything again.
        self._delivered |= {number: unit.settler.delivered for number, unit in units.items()}

    async def _end(self, tasks: list[asyncio.Task[None]], wait_s: float) -> None:
        _, late = await asyncio.wait(tasks, timeout=wait_s)
        for task in late:
            task.cancel()
        if late:
            log.warning("batches_cancelled", stage=self.stage.name, batches=len(late))
            await asyncio.wait(late, timeout=CANCELLED_WAIT_S)

    def _start(self, partition: int) -> None:
        settler = Settler(self.stage, partition, self._world, self._dead_share)
        settler.delivered = self._delivered.get(partition)
        unit = Unit(settler, self._around)
        self._units[partition] = unit
        self._tasks[partition] = asyncio.create_task(
            unit.run(), name=f"{self.stage.name}/{partition}"
        )
