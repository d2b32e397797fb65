"""The sweep: asks tracking to look at bookings nothing was heard of for too long.

It decides nothing: it appends a check, keyed by the number, for every booking whose time has come,
and the stage decides with the record's time. Work is bounded by what is due, found by index. Any
number of processes may run it: the lock lets one work at a time, and a check asked twice is
harmless.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from schemas.mending import Request
from services import telemetry
from streams.requests import request
from streams.runtime.failures import Blame, blame
from streams.runtime.persevere import pause

if TYPE_CHECKING:
    from datetime import datetime

    from streams.runtime.ports import Clock, Pool, Publisher

log = structlog.get_logger()

EVERY_S: Final = 30.0
AT_ONCE: Final = 500
PATIENCE: Final = timedelta(minutes=10)
"""A check that was asked for is not asked for again within this time: it waits in the topic."""

# One sweeper at a time; free again with the transaction.
TAKE_TURN: Final = "SELECT pg_try_advisory_xact_lock(hashtext('ocop.tracking.sweep'))"

# Whose time has come, the longest overdue first.
READ_DUE: Final = """
SELECT reference, waybill, due_at FROM tracking.due WHERE due_at <= $1 ORDER BY due_at LIMIT $2"""

# Events that wait for a booking nobody has made.
COUNT_PARKED: Final = "SELECT coalesce(sum(parked), 0) FROM tracking.waybills WHERE parked > 0"


class Sweep:
    """One round after another, by an injected wall clock."""

    def __init__(self, pool: Pool, publisher: Publisher, clock: Clock) -> None:
        self._pool = pool
        self._publisher = publisher
        self._clock = clock
        self._asked: dict[tuple[str, datetime], datetime] = {}

    async def run(self, every_s: float = EVERY_S) -> None:
        """Sweep until cancelled. A failure is logged and tried again: nothing is lost by it."""
        failures = 0
        while True:
            try:
                asked = await self.once()
            except Exception as error:  # noqa: BLE001 (nothing may end it, everything is told)
                failures += 1
                say = log.warning if blame(error) is Blame.WORLD else log.error
                say("sweep_failed", stage="tracking", error=type(error).__qualname__)
                await asyncio.sleep(pause(failures))
            else:
                failures = 0
                await asyncio.sleep(0 if asked >= AT_ONCE else every_s)

    async def once(self) -> int:
        """Ask for every check that is due now, at most `AT_ONCE`; how many were asked for."""
        now = self._clock()
        self._asked = {key: at for key, at in self._asked.items() if now - at < PATIENCE}
        async with self._pool.acquire() as db, db.transaction():
            if not await db.fetchval(TAKE_TURN):
                telemetry.PARKED_EVENTS.labels("tracking").set(0)  # another process tells it
                return 0
            rows = await db.fetch(READ_DUE, now, AT_ONCE)
            parked = await db.fetchval(COUNT_PARKED)
            due = {(row["reference"], row["due_at"]): row["waybill"] for row in rows}
            new = {key: waybill for key, waybill in due.items() if key not in self._asked}
            checks = [
                request(Request.CHECK, waybill, f"{reference}|{due_at.isoformat()}", b"{}")
                for (reference, due_at), waybill in new.items()
            ]
            await self._publisher.publish(checks)
        self._asked |= dict.fromkeys(new, now)
        telemetry.PARKED_EVENTS.labels("tracking").set(float(parked))
        return len(checks)
