"""The shipments of routing: stored as decided, ended, dropped; all in bulk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from services.store.unnest import columns

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime

    from services.store.pool import Connection

# Store shipments as decided; a shipment keeps its id over decisions.
STORE_SHIPMENTS: Final = """
    INSERT INTO routing.shipments
        (shipment_id, order_id, seller_id, channel, placed_at, origin_id, origin_province, origin_ward,
         destination_country, destination_province, destination_ward, lines, weight_g, goods_vnd,
         shipping_vnd, cod_vnd, carrier, service, chosen, fallbacks, parcels, promised_on, handover_by,
         based_on, state)
    SELECT shipment_id, order_id, seller_id, channel, placed_at, origin_id, origin_province, origin_ward,
           destination_country, destination_province, destination_ward, lines::jsonb, weight_g, goods_vnd,
           shipping_vnd, cod_vnd, carrier, service, chosen::jsonb, fallbacks::jsonb, parcels,
           promised_on, handover_by, based_on, state
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::text[],
                $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[],
                $13::bigint[], $14::bigint[], $15::bigint[], $16::bigint[], $17::text[],
                $18::text[], $19::text[], $20::text[], $21::smallint[], $22::date[],
                $23::timestamptz[], $24::bigint[], $25::text[])
      AS new (shipment_id, order_id, seller_id, channel, placed_at, origin_id, origin_province, origin_ward,
              destination_country, destination_province, destination_ward, lines, weight_g,
              goods_vnd, shipping_vnd, cod_vnd, carrier, service, chosen, fallbacks, parcels, promised_on, handover_by,
              based_on, state)
    ON CONFLICT (shipment_id) DO UPDATE
    SET origin_province = excluded.origin_province, origin_ward = excluded.origin_ward,
        destination_country = excluded.destination_country,
        destination_province = excluded.destination_province,
        destination_ward = excluded.destination_ward, lines = excluded.lines,
        weight_g = excluded.weight_g, goods_vnd = excluded.goods_vnd,
        shipping_vnd = excluded.shipping_vnd, cod_vnd = excluded.cod_vnd,
        carrier = excluded.carrier, service = excluded.service, chosen = excluded.chosen,
        fallbacks = excluded.fallbacks, parcels = excluded.parcels,
        promised_on = excluded.promised_on, handover_by = excluded.handover_by,
        based_on = excluded.based_on, state = excluded.state
"""

# The shipments that use a carrier's day.
READ_USES: Final = """
    SELECT order_id, (handover_by AT TIME ZONE 'Asia/Ho_Chi_Minh')::date AS day,
           origin_province, carrier, parcels
    FROM routing.shipments WHERE order_id = ANY($1::text[]) AND state = 'routed'
"""

# End the shipments of cancelled orders.
CANCEL_SHIPMENTS: Final = """
    UPDATE routing.shipments SET state = 'cancelled'
    WHERE order_id = ANY($1::text[]) AND state <> 'dropped'
"""

# Drop the shipments that an order's newest decision has no more lines for.
DROP_SHIPMENTS: Final = """
    UPDATE routing.shipments AS stored SET state = 'dropped'
    FROM unnest($1::text[], $2::bigint[]) AS new (order_id, based_on)
    WHERE stored.order_id = new.order_id AND stored.based_on < new.based_on
"""


class NewShipment(NamedTuple):
    """A shipment's row, in column order; `lines`, `chosen` and `fallbacks` are JSON."""

    shipment_id: str
    order_id: str
    seller_id: str
    channel: str
    placed_at: datetime
    origin_id: str
    origin_province: str | None
    origin_ward: str | None
    destination_country: str
    destination_province: str | None
    destination_ward: str | None
    lines: str
    weight_g: int
    goods_vnd: int
    shipping_vnd: int
    cod_vnd: int
    carrier: str | None
    service: str | None
    chosen: str | None
    fallbacks: str
    parcels: int
    promised_on: date | None
    handover_by: datetime | None
    based_on: int
    state: str


class Use(NamedTuple):
    """What a routed shipment takes of a carrier's day."""

    order_id: str
    day: date
    province: str
    carrier: str
    parcels: int


async def read_uses(tx: Connection, order_ids: Sequence[str]) -> Sequence[Use]:
    """What these orders' shipments take of carriers' days."""
    if not order_ids:
        return ()
    return [Use(*row) for row in await tx.fetch(READ_USES, order_ids)]


async def store_shipments(tx: Connection, shipments: Sequence[NewShipment]) -> None:
    """Bring orders' shipments to what was decided."""
    if shipments:
        await tx.execute(STORE_SHIPMENTS, *columns(shipments))
        newest = sorted({(one.order_id, one.based_on) for one in shipments})
        await tx.execute(DROP_SHIPMENTS, *columns(newest))


async def cancel_shipments(tx: Connection, order_ids: Sequence[str]) -> None:
    """End every shipment of these orders."""
    if order_ids:
        await tx.execute(CANCEL_SHIPMENTS, order_ids)
