"""Tells which finished orders have been quiet for long enough to be closed.

Status decides from facts alone, in any interleaving; that time has passed is a fact like others.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import structlog

from schemas.catalogue import ORDER_QUIET
from schemas.status import OrderQuiet
from services.jobs.answers import headers_of
from services.jobs.runner import DATABASE_AWAY
from services.kafka.appender import NotAppended

if TYPE_CHECKING:
    import asyncpg

    from services.jobs.answers import Appending
    from services.store.pool import Pool

log = structlog.get_logger()

LOOK_S: Final = 30.0
AT_ONCE: Final = 500
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)

# Orders that may be closed and of which nothing was heard for so long; the longest quiet first.
FIND_QUIET: Final = """
    SELECT order_id, seller_id, as_of FROM status.orders
     WHERE quiet_since < now() - $1::interval ORDER BY quiet_since LIMIT $2
"""


class Closer:
    """Looks now and then until `stop`. Several may: they tell the same events."""

    def __init__(self, pool: Pool, appender: Appending, quiet: timedelta) -> None:
        self._pool = pool
        self._appender = appender
        self._quiet = quiet
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()

    async def run(self) -> None:
        """Look again and again; what is away for a moment is asked the next time."""
        while not self._stop.is_set():
            try:
                await self.look()
            except (NotAppended, *DATABASE_AWAY) as error:
                log.warning("quiet_orders_not_told", error=type(error).__name__)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), LOOK_S)

    async def look(self) -> int:
        """Tell of every order that is quiet now, so many at once; how many there were.

        Raises NotAppended; what was told is told again the next time, as the same event.
        """
        rows = await self._pool.fetch(FIND_QUIET, self._quiet, AT_ONCE)
        await asyncio.gather(*(self._tell(row) for row in rows))
        if rows:
            log.info("quiet_orders_told", orders=len(rows))
        return len(rows)

    async def _tell(self, row: asyncpg.Record) -> None:
        event = quiet(row["order_id"], row["seller_id"], row["as_of"])
        value = event.model_dump_json().encode()
        await self._appender.append(ORDER_QUIET, event.key, value, headers_of(event))


def quiet(order_id: str, seller_id: str, since: datetime) -> OrderQuiet:
    """The fact that nothing has happened to it since; the same whoever tells it, and when."""
    return OrderQuiet(
        version=(since - EPOCH) // MICROSECOND,
        occurred_at=since.astimezone(UTC),
        order_id=order_id,
        seller_id=seller_id,
    )
