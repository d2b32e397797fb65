"""Schedules of one channel: shops looked through from a durable cursor, and what is kept for us.

What a page lists becomes fetch jobs in the transaction that moves the cursor past it: a crash in
between repeats the page, and nothing is skipped. One runner polls a shop at a time (a lease).
"""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

import structlog

from services.channels.port import ChannelDenied, ChannelUnreachable
from services.jobs.breaker import backoff_s
from services.jobs.channel_queue import FetchJob, enqueue_channel_jobs
from services.store.channels import (
    BEGIN_CURSORS,
    KEEP_LEASE,
    MOVE_CURSOR,
    POSTPONE_CURSOR,
    READ_STATES,
    claim_cursor,
    read_shops,
)
from services.telemetry import CHANNEL_CALLS

if TYPE_CHECKING:
    from services.channels.directory import ChannelInterface
    from services.channels.port import Change, ChannelApi, Hint, Polling
    from services.store.channels import Claimed
    from services.store.pool import Connection, Pool

log = structlog.get_logger()

LEASE: Final = timedelta(seconds=60)
WAITING_FOR_US: Final = 1_000
"""Confirmations in a row: a queue that never ends must not keep the others waiting."""


class Span(NamedTuple):
    """The time one poll covers."""

    since: datetime
    until: datetime


def span(position: datetime, now: datetime, polling: Polling) -> Span:
    """What to look through next: from a little before the cursor, as far as one question may go."""
    since = position - polling.overlap
    return Span(since, min(max(now, position) + polling.overlap, since + polling.widest))


class Polls:
    """Polls the shops of one channel that are due, and takes what the channel keeps for us."""

    def __init__(
        self,
        row: ChannelInterface,
        api: ChannelApi,
        pool: Pool,
        *,
        first_look: timedelta,
        every_s: float | None = None,
    ) -> None:
        self._row = row
        self._api = api
        self._pool = pool
        self._first_look = first_look
        self._every_s = every_s

    async def poll_due(self) -> bool:
        """Poll the shop that has waited longest; False if none is due."""
        polling = self._row.polls
        if polling is None:
            return False
        shops = [x for x in await read_shops(self._pool, self._row.name) if self._api.can_ask(x)]
        if not shops:
            return False
        start = datetime.now(UTC) - self._first_look
        await self._pool.execute(BEGIN_CURSORS, self._row.name, shops, start)
        due = await claim_cursor(self._pool, self._row.name, shops, uuid.uuid4(), LEASE)
        if due is None:
            return False
        try:
            await self._poll(due, polling)
        except (ChannelUnreachable, ChannelDenied) as error:
            await self._postpone(due, error)
        return True

    async def _poll(self, due: Claimed, polling: Polling) -> None:
        now = datetime.now(UTC)
        looked = span(due.position, now, polling)
        page = await self._api.page(due.shop, *looked, None)
        # The channel's clock decides what is past; it may stand behind ours, or ahead of it.
        clock = page.now or now
        if clock > looked.until < span(due.position, clock, polling).until:
            looked = span(due.position, clock, polling)
            page = await self._api.page(due.shop, *looked, None)
        while page.token is not None:
            await self._queue(due, page.changes)
            page = await self._api.page(due.shop, *looked, page.token)
        position, is_last = min(looked.until, clock), looked.until >= clock
        every = timedelta(seconds=self._every_s or polling.every_s if is_last else 0)
        async with self._pool.acquire() as connection, connection.transaction():
            await self._enqueue(connection, due, page.changes)
            moved = (position, every, is_last)
            await connection.fetchval(MOVE_CURSOR, self._row.name, due.shop, due.lease, *moved)
        CHANNEL_CALLS.labels(self._row.name, "poll", "ok").inc()

    async def _queue(self, due: Claimed, changes: tuple[Change, ...]) -> None:
        """A page that is not the last: its orders are queued, the cursor stays."""
        async with self._pool.acquire() as connection, connection.transaction():
            kept = await connection.fetchval(KEEP_LEASE, self._row.name, due.shop, due.lease, LEASE)
            if kept is None:
                raise ChannelUnreachable("another runner has taken the shop over")
            await self._enqueue(connection, due, changes)

    async def _enqueue(
        self, connection: Connection, due: Claimed, changes: tuple[Change, ...]
    ) -> None:
        """Queue the fetches of what the log does not hold in the state that is listed."""
        numbers = [change.number for change in changes if change.state]
        rows = await connection.fetch(READ_STATES, self._row.name, numbers) if numbers else ()
        known = {row["number"]: row["state"] for row in rows}
        new = [x for x in changes if not x.state or known.get(x.number) != x.state]
        await enqueue_channel_jobs(connection, [self._job(due, change) for change in new])

    def _job(self, due: Claimed, change: Change) -> FetchJob:
        """A listing without times is told from the next by the place of the cursor."""
        about = change.state or (change.at or due.position).isoformat()
        return FetchJob(self._row.name, due.shop, change.number, f"listed:{about}", change.at)

    async def _postpone(self, due: Claimed, error: Exception) -> None:
        CHANNEL_CALLS.labels(self._row.name, "poll", "failed").inc()
        log.warning("poll_failed", channel=self._row.name, why=str(error), failures=due.failures)
        wait = timedelta(seconds=backoff_s(due.failures, longest_s=300.0))
        complaint = f"{type(error).__name__}: {error}"[:200]
        row = (self._row.name, due.shop, due.lease, wait, complaint)
        await self._pool.execute(POSTPONE_CURSOR, *row)

    async def drain(self) -> int:
        """Take everything the channel keeps for us: durable here first, confirmed then."""
        taken = 0
        for _ in range(WAITING_FOR_US):
            waiting = await self._api.waiting()
            async with self._pool.acquire() as connection, connection.transaction():
                jobs = [hinted(self._row.name, hint) for hint in waiting.hints]
                await enqueue_channel_jobs(connection, jobs)
            if waiting.receipt is not None:
                await self._api.confirm(waiting.receipt)
            taken += len(waiting.hints)
            if not waiting.more:
                break
            await asyncio.sleep(0)
        CHANNEL_CALLS.labels(self._row.name, "drain", "ok").inc()
        return taken


def hinted(channel: str, hint: Hint) -> FetchJob:
    """The job that a hint asks for."""
    return FetchJob(channel, hint.shop, hint.number, hint.about, hint.at)
