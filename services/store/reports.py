"""Which milestones channels were told of: written by the feed stage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from services.store.unnest import columns

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import asyncpg
    from asyncpg.pool import PoolConnectionProxy

    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]

# Note milestones; those noted now for the first time are answered.
NOTE_REPORTS: Final = """
    INSERT INTO feed.reports (order_id, milestone, subject)
    SELECT DISTINCT * FROM unnest($1::text[], $2::text[], $3::text[]) ORDER BY 1, 2, 3
    ON CONFLICT DO NOTHING
    RETURNING order_id, milestone, subject
"""

# The shop an order was fetched from; where that is not known yet, the seller's at the channel.
READ_SHOPS: Final = """
    SELECT asked.channel, asked.number, coalesce(
        (SELECT shop FROM channels.orders o
         WHERE (o.channel, o.number) = (asked.channel, asked.number)),
        (SELECT min(shop_ref) FROM registry.shops s
         WHERE (s.channel, s.seller_id) = (asked.channel, asked.seller_id))) AS shop
    FROM unnest($1::text[], $2::text[], $3::text[]) AS asked (channel, number, seller_id)
"""


class Noted(NamedTuple):
    """A milestone of an order, in column order."""

    order_id: str
    milestone: str
    subject: str


class Sold(NamedTuple):
    """An order as its channel knows it, in column order."""

    channel: str
    number: str
    seller_id: str


async def note_reports(tx: Connection, reports: Collection[Noted]) -> frozenset[Noted]:
    """Those of these milestones that nobody has told of."""
    if not reports:
        return frozenset()
    rows = await tx.fetch(NOTE_REPORTS, *columns(reports))
    return frozenset(Noted(*row) for row in rows)


async def shops_of(tx: Connection, orders: Sequence[Sold]) -> Mapping[tuple[str, str], str]:
    """The shop of each order, by channel and number; an order without any is left out."""
    if not orders:
        return {}
    rows = await tx.fetch(READ_SHOPS, *columns(orders))
    return {(row["channel"], row["number"]): row["shop"] for row in rows if row["shop"]}
