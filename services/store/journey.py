"""One order's whole journey, from every stage's tables. No name, phone or street is in it.

Times are Vietnam's, in ISO 8601; amounts VND; weights grams.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import orjson

from schemas.place import VIETNAM

if TYPE_CHECKING:
    from collections.abc import Iterable

    import asyncpg
    from asyncpg.pool import PoolConnectionProxy

    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
    Part: TypeAlias = dict[str, Any]

# What its seller was told last; no row or no status: nothing yet.
READ_STATUS: Final = """
    SELECT version, status, fulfilment, finished, as_of, document::text AS document
    FROM status.orders WHERE order_id = $1
"""

# The order as intake keeps it.
READ_ORDER: Final = """
    SELECT channel, seller_id, channel_order_no, placed_at, placed, cancel_requested,
           holds::text AS holds, country, province_code, ward_code, goods_vnd, shipping_vnd, discount_vnd,
           total_vnd, cod_vnd, shipping_payer, fixed_carrier
    FROM intake.orders WHERE order_id = $1
"""

# Its lines as last published.
READ_LINES: Final = """
    SELECT line_no, sku, name, quantity, unit_price_vnd, weight_g, origin_id, ocop_group, star,
           certificate_no
    FROM intake.lines WHERE order_id = $1 ORDER BY line_no
"""

# What people asked for.
READ_COMMANDS: Final = """
    SELECT command_id, command, actor, at, refused_code
    FROM intake.commands WHERE order_id = $1 ORDER BY at, command_id
"""

# What was refused, and why.
READ_REFUSALS: Final = """
    SELECT command_id, command, code, reason, refused_at
    FROM status.refusals WHERE order_id = $1 ORDER BY refused_at, entity
"""

# Every routing decision.
READ_DECISIONS: Final = """
    SELECT version, rule_book, record::text AS record
    FROM routing.decisions WHERE order_id = $1 ORDER BY version
"""

# Its shipments.
READ_SHIPMENTS: Final = """
    SELECT s.shipment_id, s.state, s.origin_id, s.origin_province, s.destination_country, s.destination_province,
           s.carrier, s.service, s.weight_g, s.goods_vnd, s.cod_vnd, s.promised_on, s.handover_by,
           (s.chosen ->> 'price_vnd')::bigint AS expected_vnd, s.chosen ->> 'tariff' AS tariff,
           p.state AS packing, p.station, p.finished_at
    FROM routing.shipments s LEFT JOIN packing.shipments p USING (shipment_id)
    WHERE s.order_id = $1 ORDER BY s.shipment_id
"""

# What the packing stations reported.
READ_REPORTS: Final = """
    SELECT shipment_id, report_id, kind, station, reported_at, code, reason
    FROM packing.reports WHERE order_id = $1 ORDER BY reported_at, report_id
"""

# Its closed parcels.
READ_PARCELS: Final = """
    SELECT parcel_id, shipment_id, contents::text AS contents, weight_g, length_cm, width_cm,
           height_cm, goods_vnd, cod_vnd, packed_at
    FROM packing.parcels WHERE order_id = $1 ORDER BY parcel_id
"""

# Every attempt to have them carried.
READ_BOOKINGS: Final = """
    SELECT parcel_id, reference, attempt, carrier, service, state, requested_at, tracking_no,
           freight_vnd, promised_on, expected_on, booked_at
    FROM booking.bookings WHERE order_id = $1 ORDER BY parcel_id, attempt
"""

# The manifests they were on.
READ_MANIFESTS: Final = """
    SELECT p.parcel_id, m.manifest_no, p.standing, m.opened_at, m.closed_at
    FROM handover.parcels p JOIN handover.manifests m USING (manifest_no)
    WHERE p.order_id = $1 ORDER BY p.parcel_id, m.manifest_no
"""

# What the carriers said.
READ_TRACKING: Final = """
    SELECT parcel_id, reference, occurred_at, ingested_at, code, reason_code, status, reason,
           attributed_to, finality, facility, mapping, was, origin, by, why, evidence
    FROM tracking.journeys WHERE order_id = $1 ORDER BY ordered_at, ingested_at, code
"""

# What its seller was told, in order.
READ_HISTORY: Final = """
    SELECT order_version AS version, number, appended_at, body::text AS body
    FROM feed.entries WHERE order_id = $1 ORDER BY order_version
"""

TOLD: Final = ("occurred_at", "status", "fulfilment", "flags", "holds", "refused")


async def order_journey(connection: Connection, order_id: str) -> dict[str, Any] | None:
    """Everything known of an order, ready for JSON; None for an order nobody has heard of."""
    orders = await _read(connection, READ_ORDER, order_id, "holds")
    statuses = await _read(connection, READ_STATUS, order_id, "document")
    if not orders and not (statuses and statuses[0]["status"]):
        return None
    order = {
        **(orders[0] if orders else {}),
        "lines": await _read(connection, READ_LINES, order_id),
    }
    return {
        "order_id": order_id,
        **_standing(statuses),
        "order": order,
        "commands": await _read(connection, READ_COMMANDS, order_id),
        "refusals": await _read(connection, READ_REFUSALS, order_id),
        "routing": await _decisions(connection, order_id),
        "shipments": await _shipments(connection, order_id),
        "history": await _history(connection, order_id),
    }


def _standing(statuses: list[Part]) -> Part:
    """Version 0 and no word while nothing was told."""
    row = statuses[0] if statuses and statuses[0]["status"] else {}
    document = row.get("document") or {}
    return {
        "version": row.get("version", 0),
        "status": row.get("status"),
        "fulfilment": row.get("fulfilment"),
        "finished": row.get("finished", False),
        "as_of": row.get("as_of"),
        "flags": document.get("flags", []),
        "holds": _in_vietnam(document.get("holds", [])),
        "standing": document.get("shipments", []),
        "returns": _in_vietnam(document.get("returns", [])),
        "tasks": document.get("tasks", []),
    }


async def _decisions(connection: Connection, order_id: str) -> list[Part]:
    """Each decision: per shipment what was chosen, everything possible, everyone refused."""
    return [
        {
            "version": row["version"],
            "rule_book": row["rule_book"],
            "decided_at": _vietnamese(datetime.fromisoformat(row["record"]["decided_at"])),
            "shipments": [
                _decision(shipment, row["record"]["chosen"].get(shipment["shipment_id"]))
                for shipment in row["record"]["shipments"]
            ],
        }
        for row in await _read(connection, READ_DECISIONS, order_id, "record")
    ]


def _decision(shipment: Part, chosen: int | None) -> Part:
    ranked = [one["candidate"] for one in shipment["ranked"]]
    return {
        "shipment_id": shipment["shipment_id"],
        "chosen": None if chosen is None else ranked[chosen],
        "won_by": shipment["won_by"],
        "candidates": ranked,
        "refused": shipment["refused"],
    }


async def _shipments(connection: Connection, order_id: str) -> list[Part]:
    """Shipments hold their reports and parcels, parcels their bookings, bookings their events."""
    events = _by(await _read(connection, READ_TRACKING, order_id), "reference")
    bookings = await _read(connection, READ_BOOKINGS, order_id)
    for booking in bookings:
        booking["events"] = events[booking["reference"]]
    by_parcel = _by(bookings, "parcel_id")
    manifests = _by(await _read(connection, READ_MANIFESTS, order_id), "parcel_id")
    parcels = await _read(connection, READ_PARCELS, order_id, "contents")
    for parcel in parcels:
        parcel["bookings"] = by_parcel[parcel["parcel_id"]]
        parcel["manifests"] = manifests[parcel["parcel_id"]]
    by_shipment = _by(parcels, "shipment_id")
    reports = _by(await _read(connection, READ_REPORTS, order_id), "shipment_id")
    shipments = await _read(connection, READ_SHIPMENTS, order_id)
    for shipment in shipments:
        shipment["reports"] = reports[shipment["shipment_id"]]
        shipment["parcels"] = by_shipment[shipment["shipment_id"]]
        shipment.update(fee_drift(shipment))
    return shipments


def fee_drift(shipment: Part) -> Part:
    """What the bookings cost, and how much more (or less) than routing reckoned with.

    None while a parcel is not booked with the service that was chosen, or has no price.
    """
    way = (shipment["carrier"], shipment["service"])
    fees = [
        booking["freight_vnd"]
        for parcel in shipment["parcels"]
        for booking in parcel["bookings"]
        if booking["state"] == "booked" and (booking["carrier"], booking["service"]) == way
    ]
    is_known = fees and None not in fees and len(fees) == len(shipment["parcels"])
    booked = sum(fees) if is_known else None
    expected = shipment["expected_vnd"]
    drift = None if booked is None or expected is None else booked - expected
    return {"booked_vnd": booked, "fee_drift_vnd": drift}


async def _history(connection: Connection, order_id: str) -> list[Part]:
    rows = await _read(connection, READ_HISTORY, order_id, "body")
    for row in rows:
        body = row.pop("body")
        row.update(_in_vietnam({name: body.get(name) for name in TOLD}))
    return rows


async def _read(
    connection: Connection, query: str, order_id: str, *json_columns: str
) -> list[Part]:
    """Rows as JSON values; `json_columns` hold JSON as text."""
    return [_row(row, json_columns) for row in await connection.fetch(query, order_id)]


def _row(row: asyncpg.Record, json_columns: Iterable[str]) -> Part:
    values = {name: _vietnamese(value) for name, value in row.items()}
    for name in json_columns:
        values[name] = orjson.loads(values[name]) if values[name] else None
    return values


def _vietnamese(value: Any) -> Any:
    """A moment on Vietnam's clock, a day as ISO text, anything else as it is."""
    if isinstance(value, datetime):
        return value.astimezone(VIETNAM).isoformat()
    return value.isoformat() if isinstance(value, date) else value


def _in_vietnam(value: Any) -> Any:
    """The same JSON with the times we name (`…_at`, `since`) on Vietnam's clock."""
    if isinstance(value, list):
        return [_in_vietnam(part) for part in value]
    if not isinstance(value, dict):
        return value
    return {
        name: _vietnamese(datetime.fromisoformat(part))
        if isinstance(part, str) and (name.endswith("_at") or name == "since")
        else _in_vietnam(part)
        for name, part in value.items()
    }


def _by(rows: Iterable[Part], column: str) -> defaultdict[Any, list[Part]]:
    grouped: defaultdict[Any, list[Part]] = defaultdict(list)
    for row in rows:
        grouped[row[column]].append(row)
    return grouped
