"""The rows of packing: orders loaded locked, shipments, parcels, reports; all in bulk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from services.store.unnest import columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from services.store.pool import Connection

# Make sure every order has a row, so that it can be locked.
INSERT_EMPTY_ORDERS: Final = """
    INSERT INTO packing.orders (order_id)
    SELECT order_id FROM unnest($1::text[]) AS order_id ORDER BY order_id
    ON CONFLICT DO NOTHING
"""

# Lock the orders of a batch in key order and read what others said of them.
LOCK_ORDERS: Final = """
    SELECT order_id, cancelled, holds::text, blocked, released_version, released_at, released_by,
           released_why, held, version
    FROM packing.orders WHERE order_id = ANY($1::text[])
    ORDER BY order_id FOR UPDATE
"""

# Store orders that were locked before.
STORE_ORDERS: Final = """
    UPDATE packing.orders AS stored
    SET cancelled = new.cancelled, holds = new.holds::json, blocked = new.blocked,
        released_version = new.released_version, released_at = new.released_at,
        released_by = new.released_by, released_why = new.released_why, held = new.held,
        version = new.version
    FROM unnest($1::text[], $2::boolean[], $3::text[], $4::boolean[], $5::bigint[],
                $6::timestamptz[], $7::text[], $8::text[], $9::boolean[], $10::bigint[])
      AS new (order_id, cancelled, holds, blocked, released_version, released_at, released_by,
              released_why, held, version)
    WHERE stored.order_id = new.order_id
"""

# What stations did with these orders' shipments so far.
READ_SHIPMENTS: Final = """
    SELECT shipment_id, order_id, station, state, reported::text, finished_at, problems::text,
           uncertified, version
    FROM packing.shipments WHERE order_id = ANY($1::text[])
"""

# Store shipments as they are now; a packed one never changes again.
STORE_SHIPMENTS: Final = """
    INSERT INTO packing.shipments AS stored
        (shipment_id, order_id, station, state, reported, finished_at, problems, uncertified,
         version)
    SELECT shipment_id, order_id, station, state, reported::json, finished_at, problems::json,
           string_to_array(uncertified, ',')::integer[], version
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[],
                $7::text[], $8::text[], $9::bigint[])
      AS new (shipment_id, order_id, station, state, reported, finished_at, problems, uncertified,
              version)
    ON CONFLICT (shipment_id) DO UPDATE
    SET station = excluded.station, state = excluded.state, reported = excluded.reported,
        finished_at = excluded.finished_at, problems = excluded.problems,
        uncertified = excluded.uncertified, version = excluded.version
    WHERE stored.state <> 'packed'
"""

# The reports of these shipments that are known already.
READ_REPORTS: Final = """
    SELECT shipment_id, report_id
    FROM unnest($1::text[], $2::text[]) AS asked (shipment_id, report_id)
    JOIN packing.reports USING (shipment_id, report_id)
"""

# Keep reports with their answers.
INSERT_REPORTS: Final = """
    INSERT INTO packing.reports
        (shipment_id, report_id, order_id, kind, station, reported_at, code, reason)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[],
                         $6::timestamptz[], $7::text[], $8::text[])
    ON CONFLICT DO NOTHING
"""

# Keep closed parcels.
INSERT_PARCELS: Final = """
    INSERT INTO packing.parcels
        (parcel_id, shipment_id, order_id, contents, weight_g, length_cm, width_cm, height_cm,
         goods_vnd, cod_vnd, packed_at)
    SELECT parcel_id, shipment_id, order_id, contents::jsonb, weight_g, length_cm, width_cm,
           height_cm, goods_vnd, cod_vnd, packed_at
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::smallint[],
                $7::smallint[], $8::smallint[], $9::bigint[], $10::bigint[], $11::timestamptz[])
      AS new (parcel_id, shipment_id, order_id, contents, weight_g, length_cm, width_cm,
              height_cm, goods_vnd, cod_vnd, packed_at)
    ON CONFLICT DO NOTHING
"""

# Keep routing from changing these orders until we are done: what is packed is what was routed.
SHARE_ROUTED_ORDERS: Final = """
    SELECT 1 FROM routing.orders WHERE order_id = ANY($1::text[]) ORDER BY order_id FOR SHARE
"""

# What these orders' shipments must hold.
READ_ROUTED: Final = """
    SELECT shipment_id, order_id, seller_id, channel, placed_at, lines::text, goods_vnd, cod_vnd,
           state
    FROM routing.shipments WHERE order_id = ANY($1::text[])
"""

# The certificates of these sellers' products without which they may not be packed.
READ_CERTIFICATES: Final = """
    SELECT seller_id, sku, kind, issued_on, expires_on, revoked_on
    FROM unnest($1::text[], $2::text[]) AS asked (seller_id, sku)
    JOIN registry.certificates USING (seller_id, sku)
    WHERE kind = ANY($3::text[])
"""


@dataclass(slots=True)
class StoredOrder:
    """An order's row, in column order. `holds` is JSON: {stage: {"version", "held"}}."""

    order_id: str
    cancelled: bool
    holds: str
    blocked: bool
    released_version: int
    released_at: datetime | None
    released_by: str | None
    released_why: str | None
    held: bool
    version: int


@dataclass(slots=True)
class StoredShipment:
    """A shipment's row, in column order. `reported` and `problems` are JSON."""

    shipment_id: str
    order_id: str
    station: str
    state: str
    reported: str
    finished_at: datetime | None
    problems: str
    uncertified: Sequence[int]
    version: int


class RoutedShipment(NamedTuple):
    """What routing says a shipment must hold; `lines` is JSON."""

    shipment_id: str
    order_id: str
    seller_id: str
    channel: str
    placed_at: datetime
    lines: str
    goods_vnd: int
    cod_vnd: int
    state: str


class NewReport(NamedTuple):
    """A report and its answer, in column order; `code` None: accepted."""

    shipment_id: str
    report_id: str
    order_id: str
    kind: str
    station: str
    reported_at: datetime
    code: str | None
    reason: str | None


class NewParcel(NamedTuple):
    """A closed parcel, in column order; `contents` is JSON."""

    parcel_id: str
    shipment_id: str
    order_id: str
    contents: str
    weight_g: int
    length_cm: int
    width_cm: int
    height_cm: int
    goods_vnd: int
    cod_vnd: int
    packed_at: datetime


async def lock_orders(tx: Connection, order_ids: Iterable[str]) -> Mapping[str, StoredOrder]:
    """The rows of these orders, locked until the transaction ends; made where missing."""
    ids = sorted(order_ids)
    await tx.execute(INSERT_EMPTY_ORDERS, ids)
    return {row["order_id"]: StoredOrder(*row) for row in await tx.fetch(LOCK_ORDERS, ids)}


async def read_shipments(tx: Connection, order_ids: Sequence[str]) -> Sequence[StoredShipment]:
    """What stations did with these orders."""
    return [StoredShipment(*row) for row in await tx.fetch(READ_SHIPMENTS, order_ids)]


async def read_routed(tx: Connection, order_ids: Sequence[str]) -> Sequence[RoutedShipment]:
    """What these orders' shipments must hold; true until the transaction ends."""
    await tx.execute(SHARE_ROUTED_ORDERS, order_ids)
    return [RoutedShipment(*row) for row in await tx.fetch(READ_ROUTED, order_ids)]


async def read_reports(
    tx: Connection, reports: Sequence[tuple[str, str]]
) -> frozenset[tuple[str, str]]:
    """Those of the reports (shipment, report id) that are known already."""
    if not reports:
        return frozenset()
    rows = await tx.fetch(READ_REPORTS, *columns(reports))
    return frozenset((row["shipment_id"], row["report_id"]) for row in rows)


async def store_orders(tx: Connection, orders: Sequence[StoredOrder]) -> None:
    """Write locked orders back."""
    rows = [tuple(getattr(one, name) for name in StoredOrder.__slots__) for one in orders]
    if rows:
        await tx.execute(STORE_ORDERS, *columns(rows))


async def store_shipments(tx: Connection, shipments: Sequence[StoredShipment]) -> None:
    """Write shipments of locked orders."""
    rows = [
        (
            *(getattr(one, name) for name in StoredShipment.__slots__[:7]),
            ",".join(map(str, one.uncertified)),
            one.version,
        )
        for one in shipments
    ]
    if rows:
        await tx.execute(STORE_SHIPMENTS, *columns(rows))


async def insert_reports(tx: Connection, reports: Sequence[NewReport]) -> None:
    """Keep reports."""
    if reports:
        await tx.execute(INSERT_REPORTS, *columns(reports))


async def insert_parcels(tx: Connection, parcels: Sequence[NewParcel]) -> None:
    """Keep closed parcels."""
    if parcels:
        await tx.execute(INSERT_PARCELS, *columns(parcels))
