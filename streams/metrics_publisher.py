"""Revisions of the monthly figures: summed in one snapshot, stored, then published.

    writer = MonthlyPublisher(pool, publisher, clock)
    await writer.run()                      # until cancelled, beside the workers of `metrics`
    await writer.catch_up()                 # once, until nothing is left to tell

Any number of processes may run it: the locked row of `metrics.publisher` lets one work at a time.
A revision is stored before it is published, and publishing begins again at the stored position,
so a crash anywhere repeats records and never loses or renumbers one.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import asyncpg
import structlog

from schemas.catalogue import TOPICS_BY_NAME
from schemas.event import next_version
from streams.metrics_revisions import (
    event_of,
    lock_writer,
    published_up_to,
    store_revisions,
    take_changes,
    unpublished,
)
from streams.runtime.failures import Blame, blame
from streams.runtime.outgoing import outgoing
from streams.runtime.persevere import pause
from streams.runtime.stage import Output

if TYPE_CHECKING:
    from streams.metrics_revisions import Revision
    from streams.runtime.outgoing import Outgoing
    from streams.runtime.ports import Clock, Pool, Publisher

log = structlog.get_logger()

EVERY_S: Final = 1.0
"""Pause between two revisions: what moves within it becomes one."""

PUBLISH_AT_ONCE: Final = 500
"""Revisions of cells in one call of the producer."""


class MonthlyPublisher:
    """The one writer of revisions, and of `metrics.monthly_throughput`."""

    def __init__(self, pool: Pool, publisher: Publisher, clock: Clock) -> None:
        self._pool = pool
        self._publisher = publisher
        self._clock = clock

    async def run(self, every_s: float = EVERY_S) -> None:
        """Make and publish revisions until cancelled.

        A failure is logged and tried again: what is stored tells where to go on, whatever it was.
        """
        failures = 0
        while True:
            try:
                await self.catch_up()
            except Exception as error:  # noqa: BLE001 (nothing may end it, everything is told)
                failures += 1
                passing = blame(error) in (Blame.WORLD, Blame.SIZE)
                say = log.warning if passing else log.error
                say("revision_failed", stage="metrics", error=type(error).__qualname__)
                await asyncio.sleep(pause(failures))
            else:
                failures = 0
                await asyncio.sleep(every_s)

    async def catch_up(self) -> int:
        """One revision of every month that moved, and everything stored published.

        Returns how many cells changed; 0 too where another process is at it.
        """
        try:
            changed = await self.revise()
        except asyncpg.SerializationError:  # another process finished while we began
            changed = 0
        while await self.publish() == PUBLISH_AT_ONCE:
            pass
        return changed

    async def revise(self) -> int:
        """Sum what has moved, in one snapshot, and store the cells that differ as a revision.

        A REPEATABLE READ transaction sees the queue and the counters of the very same batches.
        """
        async with (
            self._pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read"),
        ):
            writer = await lock_writer(connection)
            if writer is None:
                return 0
            changes = await take_changes(connection)
            return await store_revisions(
                connection,
                changes,
                as_of=self._clock(),
                number=lambda previous: next_version(previous, writer.era),
            )

    async def publish(self) -> int:
        """Publish the oldest stored revisions that are not known to be in the topic."""
        async with self._pool.acquire() as connection, connection.transaction():
            writer = await lock_writer(connection)
            if writer is None:
                return 0
            revisions = await unpublished(connection, writer.published, PUBLISH_AT_ONCE)
            if revisions:
                await self._publisher.publish([_record(revision) for revision in revisions])
                await published_up_to(connection, revisions[-1].position)
            return len(revisions)


def _record(revision: Revision) -> Outgoing:
    return outgoing(Output(event_of(revision)), "metrics", TOPICS_BY_NAME)
