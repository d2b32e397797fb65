"""The rows of routing: orders loaded locked, decisions and refusals; all in bulk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from services.store.unnest import columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime, time

    from services.store.pool import Connection

# Make sure every order has a row, so that it can be locked.
INSERT_EMPTY_ORDERS: Final = """
    INSERT INTO routing.orders (order_id)
    SELECT order_id FROM unnest($1::text[]) AS order_id ORDER BY order_id
    ON CONFLICT DO NOTHING
"""

# Lock the orders of a batch in key order and read how far they have come.
LOCK_ORDERS: Final = """
    SELECT order_id, seller_id, channel, placed, content_version, based_on, parked::text,
           sequence::text, released_version, released_at, cancelled, held, version
    FROM routing.orders WHERE order_id = ANY($1::text[])
    ORDER BY order_id FOR UPDATE
"""

# Store orders that were locked before.
STORE_ORDERS: Final = """
    UPDATE routing.orders AS stored
    SET seller_id = new.seller_id, channel = new.channel, placed = new.placed,
        content_version = new.content_version, based_on = new.based_on,
        parked = new.parked::json, sequence = new.sequence::json,
        released_version = new.released_version, released_at = new.released_at,
        cancelled = new.cancelled, held = new.held, version = new.version
    FROM unnest($1::text[], $2::text[], $3::text[], $4::boolean[], $5::bigint[], $6::bigint[],
                $7::text[], $8::text[], $9::bigint[], $10::timestamptz[], $11::boolean[],
                $12::boolean[], $13::bigint[])
      AS new (order_id, seller_id, channel, placed, content_version, based_on, parked, sequence,
              released_version, released_at, cancelled, held, version)
    WHERE stored.order_id = new.order_id
"""

# The newest decision of each order.
READ_DECISIONS: Final = """
    SELECT DISTINCT ON (order_id) order_id, record::text AS record
    FROM routing.decisions WHERE order_id = ANY($1::text[])
    ORDER BY order_id, version DESC
"""

# Keep a decision; the same one may come twice.
INSERT_DECISIONS: Final = """
    INSERT INTO routing.decisions (order_id, version, rule_book, record)
    SELECT order_id, version, rule_book, record::json
    FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[])
      AS new (order_id, version, rule_book, record)
    ON CONFLICT DO NOTHING
"""

# Everything carriers refused of these orders' shipments.
READ_REFUSALS: Final = """
    SELECT order_id, shipment_id, carrier, service, refused_at, reason
    FROM routing.refusals WHERE order_id = ANY($1::text[])
    ORDER BY order_id, shipment_id, carrier, service
"""

# Keep a refusal; of a service's refusals the newest counts.
STORE_REFUSALS: Final = """
    INSERT INTO routing.refusals AS stored
        (order_id, shipment_id, carrier, service, refused_at, reason)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[],
                         $6::text[])
    ON CONFLICT (order_id, shipment_id, carrier, service) DO UPDATE
    SET refused_at = excluded.refused_at, reason = excluded.reason
    WHERE stored.refused_at < excluded.refused_at
"""

# Where goods leave, and when people work there.
READ_ORIGINS: Final = """
    SELECT origin_id, province_code, ward_code, working_days, cut_off
    FROM registry.origins WHERE origin_id = ANY($1::text[])
"""

# Orders of which a parcel is closed already.
READ_PACKED: Final = """
    SELECT DISTINCT order_id FROM packing.shipments
    WHERE order_id = ANY($1::text[]) AND state = 'packed'
"""


@dataclass(slots=True)
class StoredOrder:
    """An order's row, in column order. `parked` and `sequence` are JSON."""

    order_id: str
    seller_id: str | None
    channel: str | None
    placed: bool
    content_version: int
    based_on: int
    parked: str | None
    sequence: str
    released_version: int
    released_at: datetime | None
    cancelled: bool
    held: bool
    version: int


class StoredRefusal(NamedTuple):
    """A carrier's refusal, in column order."""

    order_id: str
    shipment_id: str
    carrier: str
    service: str
    refused_at: datetime
    reason: str


class NewDecision(NamedTuple):
    """A decision, in column order; `record` is JSON."""

    order_id: str
    version: int
    rule_book: str
    record: str


class StoredOrigin(NamedTuple):
    """An origin of the registry."""

    origin_id: str
    province_code: str
    ward_code: str
    working_days: Sequence[int]
    cut_off: time


async def lock_orders(tx: Connection, order_ids: Iterable[str]) -> Mapping[str, StoredOrder]:
    """The rows of these orders, locked until the transaction ends; made where missing."""
    ids = sorted(order_ids)
    await tx.execute(INSERT_EMPTY_ORDERS, ids)
    return {row["order_id"]: StoredOrder(*row) for row in await tx.fetch(LOCK_ORDERS, ids)}


async def read_decisions(tx: Connection, order_ids: Sequence[str]) -> Mapping[str, str]:
    """The record of each order's newest decision, as JSON."""
    if not order_ids:
        return {}
    rows = await tx.fetch(READ_DECISIONS, order_ids)
    return {row["order_id"]: row["record"] for row in rows}


async def read_refusals(tx: Connection, order_ids: Sequence[str]) -> Sequence[StoredRefusal]:
    """Every refusal of these orders' shipments."""
    return [StoredRefusal(*row) for row in await tx.fetch(READ_REFUSALS, order_ids)]


async def read_origins(tx: Connection, origin_ids: Iterable[str]) -> Mapping[str, StoredOrigin]:
    """These origins, as far as the registry knows them."""
    rows = await tx.fetch(READ_ORIGINS, sorted(origin_ids))
    return {row["origin_id"]: StoredOrigin(*row) for row in rows}


async def read_packed(tx: Connection, order_ids: Sequence[str]) -> frozenset[str]:
    """Those of the orders of which a shipment is packed.

    Packing holds a share lock on an order while it closes parcels, so after `lock_orders` the
    answer stays true until the transaction ends.
    """
    if not order_ids:
        return frozenset()
    return frozenset(row["order_id"] for row in await tx.fetch(READ_PACKED, order_ids))


async def store_orders(tx: Connection, orders: Sequence[StoredOrder]) -> None:
    """Write locked orders back."""
    rows = [tuple(getattr(one, name) for name in StoredOrder.__slots__) for one in orders]
    if rows:
        await tx.execute(STORE_ORDERS, *columns(rows))


async def store_decisions(tx: Connection, decisions: Sequence[NewDecision]) -> None:
    """Keep decisions."""
    if decisions:
        await tx.execute(INSERT_DECISIONS, *columns(decisions))


async def store_refusals(tx: Connection, refusals: Sequence[StoredRefusal]) -> None:
    """Keep carriers' refusals; one row each of a shipment and service in `refusals`."""
    if refusals:
        await tx.execute(STORE_REFUSALS, *columns(refusals))
