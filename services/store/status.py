"""The rows of status: one an order, loaded locked and stored in bulk, and the refusals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from services.store.unnest import columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    import asyncpg
    from asyncpg.pool import PoolConnectionProxy

    Transaction: TypeAlias = (
        asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
    )

# Make sure every order has a row, so that it can be locked.
INSERT_EMPTY_ORDERS: Final = """
    INSERT INTO status.orders (order_id)
    SELECT order_id FROM unnest($1::text[]) AS order_id ORDER BY order_id
    ON CONFLICT DO NOTHING
"""

# Lock the orders of a batch in key order and read what was known and shown of them.
LOCK_ORDERS: Final = """
    SELECT order_id, seller_id IS NOT NULL AS is_known, version, shown,
           facts::text AS facts, decisions::text AS decisions
    FROM status.orders WHERE order_id = ANY($1::text[])
    ORDER BY order_id FOR UPDATE
"""

# Store facts, decisions and standing of locked orders. The quiet time of one that may be closed
# begins by our clock, when we heard of it last: carriers tell some things days later.
STORE_ORDERS: Final = """
    UPDATE status.orders AS stored
    SET seller_id = new.seller_id, channel = new.channel, version = new.version,
        status = new.status, fulfilment = new.fulfilment, finished = new.finished,
        as_of = new.as_of, document = coalesce(new.document::jsonb, stored.document),
        shown = new.shown, facts = new.facts::json, decisions = new.decisions::json,
        quiet_since = CASE WHEN NOT new.closable THEN NULL
                           WHEN stored.as_of = new.as_of THEN coalesce(stored.quiet_since, now())
                           ELSE now() END
    FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[],
                $7::boolean[], $8::timestamptz[], $9::text[], $10::bytea[], $11::text[],
                $12::text[], $13::boolean[])
      AS new (order_id, seller_id, channel, version, status, fulfilment,
              finished, as_of, document, shown, facts, decisions, closable)
    WHERE stored.order_id = new.order_id
"""

# Keep refusals; those known already stay as they are.
NOTE_REFUSALS: Final = """
    INSERT INTO status.refusals
        (order_id, entity, command_id, command, code, reason, refused_at, told)
    SELECT *, false FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[],
                                $6::text[], $7::timestamptz[])
    ON CONFLICT DO NOTHING
"""

# Take the refusals of known orders that their sellers were not told of yet.
TAKE_UNTOLD_REFUSALS: Final = """
    UPDATE status.refusals SET told = true
    WHERE order_id = ANY($1::text[]) AND NOT told
    RETURNING order_id, entity, command_id, command, code, reason, refused_at
"""


@dataclass(slots=True)
class StoredOrder:
    """An order's row as loaded. `facts` and `decisions` are JSON, `{}` where nothing is known."""

    order_id: str
    is_known: bool
    version: int
    shown: bytes | None
    facts: str
    decisions: str


class NewOrder(NamedTuple):
    """An order's row as stored, in column order; `document` None leaves the stored one."""

    order_id: str
    seller_id: str | None
    channel: str | None
    version: int
    status: str | None
    fulfilment: str | None
    finished: bool
    as_of: datetime | None
    document: str | None
    shown: bytes | None
    facts: str
    decisions: str
    closable: bool = False


class Refusal(NamedTuple):
    """A command or packing report that was refused, in column order."""

    order_id: str
    entity: str
    command_id: str
    command: str
    code: str
    reason: str
    refused_at: datetime


async def lock_orders(tx: Transaction, order_ids: Iterable[str]) -> Mapping[str, StoredOrder]:
    """The rows of these orders, locked until the transaction ends; made where missing."""
    ids = sorted(order_ids)
    await tx.execute(INSERT_EMPTY_ORDERS, ids)
    return {row["order_id"]: StoredOrder(*row) for row in await tx.fetch(LOCK_ORDERS, ids)}


async def store_orders(tx: Transaction, orders: Sequence[NewOrder]) -> None:
    """Write locked orders back."""
    if orders:
        await tx.execute(STORE_ORDERS, *columns(orders))


async def note_refusals(tx: Transaction, refusals: Sequence[Refusal]) -> int:
    """Keep refusals. Returns how many were new."""
    if not refusals:
        return 0
    done = await tx.execute(NOTE_REFUSALS, *columns(refusals))
    return int(done.rpartition(" ")[2])


async def take_untold_refusals(tx: Transaction, order_ids: Sequence[str]) -> Sequence[Refusal]:
    """Refusals their sellers must be told of now, by time; afterwards they count as told."""
    if not order_ids:
        return ()
    rows = await tx.fetch(TAKE_UNTOLD_REFUSALS, order_ids)
    return sorted((Refusal(*row) for row in rows), key=lambda one: (one.refused_at, one.entity))
