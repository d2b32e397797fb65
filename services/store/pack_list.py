"""What a seller has to pack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    from services.store.pool import Connection

# A seller's shipments after an id that have a carrier, are not packed (or held at the table) and
# whose order nobody holds or has cancelled. Lines as the station needs them, without prices.
READ_SHIPMENTS_TO_PACK: Final = """
    SELECT todo.shipment_id, todo.order_id, todo.channel, todo.origin_id, todo.carrier,
           todo.service, todo.parcels, todo.handover_by, todo.promised_on, todo.cod_vnd,
           todo.destination_country, todo.destination_province, todo.weight_g, todo.lines::text AS lines,
           at_table.state IS NOT NULL AS started
    FROM routing.shipments AS todo
    LEFT JOIN packing.shipments AS at_table USING (shipment_id)
    LEFT JOIN packing.orders AS told ON told.order_id = todo.order_id
    WHERE todo.seller_id = $1 AND todo.shipment_id > $3 AND todo.state = 'routed'
      AND at_table.state IS DISTINCT FROM 'packed' AND at_table.state IS DISTINCT FROM 'held'
      AND told.blocked IS NOT TRUE
    ORDER BY todo.shipment_id
    LIMIT $2
"""

LINE_FIELDS: Final = (
    "line_no",
    "sku",
    "name",
    "quantity",
    "weight_g",
    "length_cm",
    "width_cm",
    "height_cm",
    "handling",
    "lot",
    "best_before",
)


async def shipments_to_pack(
    connection: Connection, seller_id: str, limit: int, after: str = ""
) -> list[dict[str, Any]]:
    """The seller's shipments that wait to be packed, by id, `after` which the page begins.

    Each: shipment_id, order_id, channel, origin_id, carrier, service, parcels (as many as the
    service needs), handover_by, promised_on, cod_vnd, destination_country, destination_province
    (null abroad), weight_g, started, lines [{line_no, sku, name, quantity, weight_g, length_cm,
    width_cm, height_cm, handling, lot, best_before}]; weights and sizes of one unit.
    """
    rows = await connection.fetch(READ_SHIPMENTS_TO_PACK, seller_id, limit, after)
    return [dict(row) | {"lines": _lines(row["lines"])} for row in rows]


def _lines(stored: str) -> list[dict[str, Any]]:
    return [{name: line.get(name) for name in LINE_FIELDS} for line in orjson.loads(stored)]
