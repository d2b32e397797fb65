"""Booking's tables, read and written in bulk. Rows travel as JSON: one parameter a statement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import asyncpg
    from asyncpg.pool import PoolConnectionProxy

    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
    Rows: TypeAlias = Sequence[Mapping[str, Any]]

# Give every order a row, so that there is something to lock.
INSERT_EMPTY_ORDERS: Final = """
INSERT INTO booking.orders (order_id)
SELECT unnest($1::text[]) ORDER BY 1
ON CONFLICT (order_id) DO NOTHING
"""

# The orders of a batch, locked in key order.
LOCK_ORDERS: Final = """
SELECT * FROM booking.orders WHERE order_id = ANY($1) ORDER BY order_id FOR UPDATE
"""

READ_SHIPMENTS: Final = "SELECT * FROM booking.shipments WHERE order_id = ANY($1)"
READ_PARCELS: Final = "SELECT * FROM booking.parcels WHERE order_id = ANY($1) ORDER BY parcel_id"
READ_ATTEMPTS: Final = """
SELECT *, label ->> 'sort_code' AS sort_code
FROM booking.bookings WHERE order_id = ANY($1) ORDER BY parcel_id, attempt
"""

# Which of the bookings that tracking speaks of wait for what it says: open ones, and those it
# calls cancelled ($2).
READ_WAITING_FOR_TRACKING: Final = """
SELECT reference FROM booking.bookings
WHERE reference = ANY($1)
  AND (state IN ('requested', 'unknown', 'void_pending') OR reference = ANY($2))
"""

# Where tracking says the bookings of these orders stand.
READ_TRACKED: Final = """
SELECT order_id, reference, state ->> 'status' AS status,
       to_timestamp((state ->> 'since')::bigint) AS since
FROM tracking.bookings WHERE order_id = ANY($1)
"""

STORE_ORDERS: Final = """
INSERT INTO booking.orders
SELECT * FROM json_populate_recordset(NULL::booking.orders, $1)
ON CONFLICT (order_id) DO UPDATE SET
    holds = excluded.holds, held = excluded.held,
    void_version = excluded.void_version, void_why = excluded.void_why,
    recall_version = excluded.recall_version, recall_why = excluded.recall_why,
    cancelled = excluded.cancelled, routed_version = excluded.routed_version,
    decided_version = excluded.decided_version, placed_at = excluded.placed_at,
    packages = excluded.packages, packages_version = excluded.packages_version,
    packages_at = excluded.packages_at, short = excluded.short,
    short_version = excluded.short_version
"""

STORE_SHIPMENTS: Final = """
INSERT INTO booking.shipments
SELECT * FROM json_populate_recordset(NULL::booking.shipments, $1)
ON CONFLICT (shipment_id) DO UPDATE SET
    origin_id = excluded.origin_id, carrier = excluded.carrier, service = excluded.service,
    promised_on = excluded.promised_on, routed_at = excluded.routed_at, api = excluded.api, numbered_as = excluded.numbered_as
"""

STORE_PARCELS: Final = """
INSERT INTO booking.parcels
SELECT * FROM json_populate_recordset(NULL::booking.parcels, $1)
ON CONFLICT (parcel_id) DO UPDATE SET
    packed_version = excluded.packed_version, packed_at = excluded.packed_at,
    pieces = excluded.pieces, weight_g = excluded.weight_g, length_cm = excluded.length_cm,
    width_cm = excluded.width_cm, height_cm = excluded.height_cm,
    goods_vnd = excluded.goods_vnd, cod_vnd = excluded.cod_vnd,
    void_answered = excluded.void_answered, void_versions = excluded.void_versions,
    decision_versions = excluded.decision_versions
"""

# A parcel's dead attempt is written before its next one: only one may be live.
STORE_ATTEMPTS: Final = """
INSERT INTO booking.bookings
SELECT * FROM json_populate_recordset(NULL::booking.bookings, $1) ORDER BY parcel_id, attempt
ON CONFLICT (reference) DO UPDATE SET
    state = excluded.state,
    book_version = excluded.book_version, book_outcome = excluded.book_outcome,
    void_request = excluded.void_request, void_version = excluded.void_version,
    void_outcome = excluded.void_outcome, recall_request = excluded.recall_request,
    return_version = excluded.return_version, return_outcome = excluded.return_outcome,
    decision = excluded.decision, decision_request = excluded.decision_request,
    decision_command = excluded.decision_command, decision_why = excluded.decision_why,
    decision_told = excluded.decision_told, decision_version = excluded.decision_version,
    decision_outcome = excluded.decision_outcome,
    tracked_version = excluded.tracked_version, tracked = excluded.tracked,
    tracking_no = excluded.tracking_no, carrier_ref = excluded.carrier_ref,
    freight_vnd = excluded.freight_vnd, expected_on = excluded.expected_on,
    booked_at = excluded.booked_at, message = excluded.message, label = excluded.label,
    version = excluded.version, told = excluded.told
"""

# Open a task for a person, again if it was closed; `open` false closes it.
STORE_TASKS: Final = """
INSERT INTO booking.ops_tasks (reference, kind, order_id, why, opened_at, closed_at)
SELECT reference, kind, order_id, why, $2, NULL
FROM json_to_recordset($1) AS t(reference text, kind text, order_id text, why text, open boolean)
WHERE open
ON CONFLICT (reference, kind) DO UPDATE SET why = excluded.why, closed_at = NULL
"""
CLOSE_TASKS: Final = """
UPDATE booking.ops_tasks o SET closed_at = $2
FROM json_to_recordset($1) AS t(reference text, kind text, open boolean)
WHERE NOT t.open AND o.reference = t.reference AND o.kind = t.kind AND o.closed_at IS NULL
"""


async def store(connection: Connection, statement: str, rows: Rows) -> None:
    """Write rows with one of the `STORE_` statements; nothing for none."""
    if rows:
        await connection.execute(statement, orjson.dumps(rows).decode())
