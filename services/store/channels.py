"""The channel runner's tables: cursors of shops, and what was fetched last of each order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import orjson

if TYPE_CHECKING:
    import uuid
    from collections.abc import Collection, Mapping
    from datetime import datetime, timedelta

    from services.channels.port import Fetched
    from services.store.pool import Connection, Pool

READ_SHOPS: Final = """
-- The shops a channel has, by its own name for them.
SELECT shop_ref FROM registry.shops WHERE channel = $1 ORDER BY shop_ref
"""
BEGIN_CURSORS: Final = """
-- A shop that joins is looked through from here on.
INSERT INTO channels.cursors (channel, shop, position)
SELECT $1, shop, $3 FROM unnest($2::text[]) AS shop
ON CONFLICT DO NOTHING
"""
CLAIM_CURSOR: Final = """
-- The shop that has waited longest, for this runner alone until the lease ends.
UPDATE channels.cursors c SET lease = $3, leased_until = now() + $4
FROM (SELECT channel, shop FROM channels.cursors
      WHERE channel = $1 AND shop = ANY ($2::text[]) AND next_at <= now() AND leased_until < now()
      ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED) AS due
WHERE (c.channel, c.shop) = (due.channel, due.shop)
RETURNING c.shop, c.position, c.failures
"""
KEEP_LEASE: Final = """
-- This runner still polls the shop; nothing is answered if somebody else has taken it over.
UPDATE channels.cursors SET leased_until = now() + $4
WHERE (channel, shop, lease) = ($1, $2, $3) RETURNING true
"""
MOVE_CURSOR: Final = """
-- The poll came to its end. It may be put back: the channel's clock was, then.
UPDATE channels.cursors
SET position = $4, next_at = now() + $5, lease = NULL, leased_until = '-infinity', failures = 0,
    complaint = '', polled_at = CASE WHEN $6 THEN now() ELSE polled_at END
WHERE (channel, shop, lease) = ($1, $2, $3) RETURNING true
"""
POSTPONE_CURSOR: Final = """
-- The poll failed: once more from the same place, later.
UPDATE channels.cursors
SET next_at = now() + $4, lease = NULL, leased_until = '-infinity', failures = failures + 1,
    complaint = $5
WHERE (channel, shop, lease) = ($1, $2, $3)
"""
READ_AGES: Final = """
-- How long ago the shop polled longest ago was looked through, by channel.
SELECT channel, extract(epoch FROM max(now() - coalesce(polled_at, next_at)))::float AS age_s,
       count(*) AS shops, count(*) FILTER (WHERE failures > 0) AS failing
FROM channels.cursors GROUP BY channel ORDER BY channel
"""
READ_ORDER: Final = """
SELECT updated_at, fetched_at, digest, packages, state FROM channels.orders
WHERE (channel, number) = ($1, $2)
"""
KEEP_ORDER: Final = """
-- What is in the log now; never an older state over a newer one.
INSERT INTO channels.orders AS o
    (channel, number, shop, updated_at, fetched_at, digest, packages, state)
VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, $8)
ON CONFLICT (channel, number) DO UPDATE
SET shop = EXCLUDED.shop, updated_at = EXCLUDED.updated_at, fetched_at = EXCLUDED.fetched_at,
    digest = EXCLUDED.digest, packages = o.packages || EXCLUDED.packages,
    state = EXCLUDED.state
WHERE (EXCLUDED.updated_at, EXCLUDED.fetched_at) >= (o.updated_at, o.fetched_at)
"""

READ_STATES: Final = """
-- The states in which a channel's orders ($1, $2) are in the log.
SELECT number, state FROM channels.orders WHERE channel = $1 AND number = ANY ($2::text[])
"""


@dataclass(frozen=True, slots=True)
class Known:
    """The newest fetch of an order. `packages`: number → status as last passed on."""

    updated_at: datetime
    fetched_at: datetime
    digest: bytes
    packages: Mapping[str, str]
    state: str = ""


class Age(NamedTuple):
    """A channel's shops, those whose last poll failed, and the age of the oldest look."""

    channel: str
    age_s: float
    shops: int
    failing: int


@dataclass(frozen=True, slots=True)
class Claimed:
    """A shop to poll now, held by `lease`."""

    shop: str
    position: datetime
    failures: int
    lease: uuid.UUID


async def read_shops(pool: Pool, channel: str) -> list[str]:
    """The shops of a channel."""
    return [row["shop_ref"] for row in await pool.fetch(READ_SHOPS, channel)]


async def read_ages(pool: Pool) -> list[Age]:
    """The lag of every channel that is polled."""
    rows = await pool.fetch(READ_AGES)
    return [
        Age(row["channel"], max(0.0, row["age_s"]), row["shops"], row["failing"]) for row in rows
    ]


async def claim_cursor(
    pool: Pool, channel: str, shops: Collection[str], lease: uuid.UUID, holds: timedelta
) -> Claimed | None:
    """A shop that is due; None if none is."""
    row = await pool.fetchrow(CLAIM_CURSOR, channel, list(shops), lease, holds)
    return Claimed(row["shop"], row["position"], row["failures"], lease) if row else None


async def read_order(pool: Pool, channel: str, number: str) -> Known | None:
    """What was fetched last of an order."""
    row = await pool.fetchrow(READ_ORDER, channel, number)
    if row is None:
        return None
    packages = orjson.loads(row["packages"])
    return Known(row["updated_at"], row["fetched_at"], row["digest"], packages, row["state"])


async def keep_order(  # noqa: PLR0917 - the row's columns
    connection: Pool | Connection,
    channel: str,
    shop: str,
    fetched: Fetched,
    fetched_at: datetime,
    digest: bytes,
) -> None:
    """Remember what went into the log."""
    packages = orjson.dumps({one.number: one.status for one in fetched.packages}).decode()
    number = fetched.number
    row = (channel, number, shop, fetched.at, fetched_at, digest, packages, fetched.state)
    await connection.execute(KEEP_ORDER, *row)
