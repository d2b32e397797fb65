"""The sellers' feeds: written by the feed stage, read by pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import orjson

from services.store.unnest import columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    import asyncpg
    from asyncpg.pool import PoolConnectionProxy

    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]

# Make sure every seller has a counter, so that it can be locked.
INSERT_EMPTY_SELLERS: Final = """
    INSERT INTO feed.sellers (seller_id)
    SELECT seller_id FROM unnest($1::text[]) AS seller_id ORDER BY seller_id
    ON CONFLICT DO NOTHING
"""

# Lock the counters of a batch's sellers in key order.
LOCK_SELLERS: Final = """
    SELECT seller_id, last_number FROM feed.sellers
    WHERE seller_id = ANY($1::text[]) ORDER BY seller_id FOR UPDATE
"""

# The newest version of each order that its seller's feed holds.
READ_NEWEST_VERSIONS: Final = """
    SELECT wanted.order_id, newest.order_version
    FROM unnest($1::text[]) AS wanted (order_id)
    CROSS JOIN LATERAL (
        SELECT order_version FROM feed.entries
        WHERE entries.order_id = wanted.order_id ORDER BY order_version DESC LIMIT 1
    ) AS newest
"""

# Raise locked counters.
RAISE_COUNTERS: Final = """
    UPDATE feed.sellers SET last_number = raised.last_number
    FROM unnest($1::text[], $2::bigint[]) AS raised (seller_id, last_number)
    WHERE sellers.seller_id = raised.seller_id
"""

# Append entries under numbers that the locked counters gave.
APPEND_ENTRIES: Final = """
    INSERT INTO feed.entries (seller_id, number, order_id, order_version, body, appended_at)
    SELECT seller_id, number, order_id, order_version, body::jsonb, $6
    FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::text[])
      AS entry (seller_id, number, order_id, order_version, body)
"""

# A page of a seller's feed.
READ_FEED: Final = """
    SELECT seller_id, number, order_id, order_version, body::text, appended_at
    FROM feed.entries WHERE seller_id = $1 AND number > $2 ORDER BY number LIMIT $3
"""


class NewEntry(NamedTuple):
    """An entry to append, in column order; `body`: the change as JSON."""

    seller_id: str
    number: int
    order_id: str
    order_version: int
    body: str


class FeedEntry(NamedTuple):
    """An entry of a seller's feed; `change`: the `order.status_changed` event as JSON values."""

    seller_id: str
    number: int
    order_id: str
    order_version: int
    change: dict[str, Any]
    appended_at: datetime


async def lock_counters(tx: Connection, sellers: Iterable[str]) -> Mapping[str, int]:
    """The sellers' last numbers, locked until the transaction ends; 0 for a new seller."""
    ids = sorted(sellers)
    await tx.execute(INSERT_EMPTY_SELLERS, ids)
    return {row["seller_id"]: row["last_number"] for row in await tx.fetch(LOCK_SELLERS, ids)}


async def newest_versions(tx: Connection, orders: Iterable[str]) -> Mapping[str, int]:
    """The newest version each order has in its feed; orders without one are left out."""
    rows = await tx.fetch(READ_NEWEST_VERSIONS, list(orders))
    return {row["order_id"]: row["order_version"] for row in rows}


async def append_entries(
    tx: Connection, entries: Sequence[NewEntry], last_numbers: Mapping[str, int], now: datetime
) -> None:
    """Store entries and the counters that gave them their numbers."""
    if entries:
        await tx.execute(APPEND_ENTRIES, *columns(entries), now)
        await tx.execute(RAISE_COUNTERS, list(last_numbers), list(last_numbers.values()))


async def read_feed(
    connection: Connection, seller_id: str, after: int, limit: int
) -> list[FeedEntry]:
    """The seller's entries `after + 1`, `after + 2`, …, `limit` at most."""
    return [
        FeedEntry(seller, number, order_id, version, orjson.loads(body), appended_at)
        for seller, number, order_id, version, body, appended_at in await connection.fetch(
            READ_FEED, seller_id, after, limit
        )
    ]
