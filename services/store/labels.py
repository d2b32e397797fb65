"""What labels print, from the tables of the stages; and the numbers of logistic units, our own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import asyncpg

    from services.store.pool import Connection

# Parcels with their goods, their sender and their best booking: the live one, else the newest.
# `contents`: [[name, quantity, handling]] of what is inside; `declared` what customs want of it, null
# at home: [[name, quantity, g a unit, VND a unit, HS code, origin]]. `tariff` of the price that routing
# reckoned with, where it is that of the booked service.
READ_PARCELS: Final = """
    SELECT p.parcel_id, p.order_id, p.weight_g, p.cod_vnd,
           split_part(p.parcel_id, '/', 3)::int AS parcel_no,
           (SELECT count(*) FROM packing.parcels x WHERE x.shipment_id = p.shipment_id)
             AS parcel_count,
           (SELECT json_agg(json_build_array(l.name, packed.quantity, l.handling)
                            ORDER BY l.line_no)
              FROM jsonb_to_recordset(p.contents) AS packed (line_no int, quantity int)
              JOIN intake.lines l ON (l.order_id, l.line_no) = (p.order_id, packed.line_no)
           )::text AS contents,
           (SELECT json_agg(json_build_array(coalesce(l.name_en, l.name), packed.quantity, l.weight_g,
                                             l.unit_price_vnd, l.hs_code, l.origin_country)
                            ORDER BY l.line_no)
              FROM jsonb_to_recordset(p.contents) AS packed (line_no int, quantity int)
              JOIN intake.lines l ON (l.order_id, l.line_no) = (p.order_id, packed.line_no)
             WHERE r.destination_country <> 'VN'
           )::text AS declared,
           b.reference, coalesce(b.carrier, r.carrier) AS carrier, b.service, b.tracking_no, b.state, b.freight_vnd,
           b.label ->> 'sort_code' AS sort_code,
           (r.chosen ->> 'price_vnd')::bigint AS reckoned_vnd,
           r.chosen ->> 'tariff' AS tariff,
           (r.carrier, r.service) = (b.carrier, b.service) AS as_routed,
           s.name AS seller, o.phone, o.street, o.ward_code, o.province_code
      FROM packing.parcels p
      JOIN routing.shipments r USING (shipment_id)
      JOIN registry.origins o ON o.origin_id = r.origin_id
      JOIN registry.sellers s ON s.seller_id = r.seller_id
      LEFT JOIN LATERAL (
           SELECT * FROM booking.bookings WHERE bookings.parcel_id = p.parcel_id
            ORDER BY bookings.state = 'booked' DESC, attempt DESC LIMIT 1) b ON true
     WHERE p.parcel_id = ANY ($1::text[]) OR p.order_id = $2
     ORDER BY p.parcel_id
"""

# The order's shipments that go to somebody and have no closed parcel.
READ_UNPACKED: Final = """
    SELECT shipment_id, state FROM routing.shipments r
     WHERE order_id = $1 AND state IN ('routed', 'held')
       AND NOT EXISTS (SELECT FROM packing.parcels p WHERE p.shipment_id = r.shipment_id)
     ORDER BY shipment_id
"""

# Number logistic units that have no number yet. A number is never given twice.
NUMBER_UNITS: Final = """
    INSERT INTO handover.units (parcel_id)
    SELECT parcel_id FROM unnest($1::text[]) AS new (parcel_id)
     WHERE NOT EXISTS (SELECT FROM handover.units u WHERE u.parcel_id = new.parcel_id)
     ORDER BY parcel_id
    ON CONFLICT DO NOTHING
"""
READ_UNITS: Final = (
    "SELECT parcel_id, number FROM handover.units WHERE parcel_id = ANY ($1::text[])"
)


async def read_parcels(
    connection: Connection, parcels: Sequence[str], order_id: str | None = None
) -> list[asyncpg.Record]:
    """Rows of READ_PARCELS for these parcels, or for all of an order."""
    return await connection.fetch(READ_PARCELS, parcels, order_id)


async def read_unpacked(connection: Connection, order_id: str) -> list[str]:
    """The order's shipments that still have to be packed."""
    return [row["shipment_id"] for row in await connection.fetch(READ_UNPACKED, order_id)]


async def number_units(connection: Connection, parcels: Sequence[str]) -> Mapping[str, int]:
    """The number of each parcel as a logistic unit, the same for ever."""
    await connection.execute(NUMBER_UNITS, parcels)
    return {row["parcel_id"]: row["number"] for row in await connection.fetch(READ_UNITS, parcels)}
