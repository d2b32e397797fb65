"""Parcels with everything a label needs, put straight into the stages' tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.channels.contact import Contact
from services.store.consignees import write_contacts
from services.store.vault import Vault

if TYPE_CHECKING:
    from services.store.pool import Pool

SELLER, ORIGIN = "S68-01", "S68-01-K1"
NAME, PHONE, STREET = "Nguyễn Thị Ngữ Đặng", "+84900000002", "Số 1 ngõ Hữu Lợi"

# An order on its way to Hà Nội, one shipment of it routed to Vietnam Post.
WRITE_ORDER = """
    INSERT INTO intake.orders (order_id, channel, seller_id, channel_order_no, version, placed_at,
        updated_at, payload_version, seen, wanted, contact_problems, placed, untold,
        cancel_requested, holds, waived, province_code, ward_code)
    VALUES ($1, split_part($1, ':', 1), $2, split_part($1, ':', 3), 1, now(), now(), 1, '{}', '{}',
            '{}', true, false, false, '[]', '{}', '01', '00166')
"""
WRITE_LINE = """
    INSERT INTO intake.lines (order_id, line_no, sku, name, quantity, unit_price_vnd, weight_g,
                              origin_id, ocop_group, star, handling)
    VALUES ($1, 1, 'SKU-1', 'Trà sen', 5, 100000, 500, $2, 'beverage', 4, '{fragile}')
"""
WRITE_SHIPMENT = """
    INSERT INTO routing.shipments (shipment_id, order_id, seller_id, channel, placed_at, origin_id,
        destination_province, destination_ward, lines, weight_g, goods_vnd, shipping_vnd, cod_vnd,
        carrier, service, chosen, fallbacks, parcels, promised_on, handover_by, based_on, state)
    VALUES ($1 || '/1', $1, $2, 'direct', now(), $3, '01', '00166', '[]', 1000, 500000, 30000,
            530000, 'vnpost', 'CTN009', '{"price_vnd": 25500, "tariff": "sample"}', '[]', 1,
            current_date, now(), 1, 'routed')
"""
WRITE_PARCEL = """
    INSERT INTO packing.parcels (parcel_id, shipment_id, order_id, contents, weight_g, length_cm,
                                 width_cm, height_cm, goods_vnd, cod_vnd, packed_at)
    VALUES ($2, $1 || '/1', $1, '[{"line_no": 1, "quantity": 2}]', 1200, 30, 20, 15, 200000, $3,
            now())
"""
# The same order, for the Czech Republic.
SEND_ABROAD = (
    """
    UPDATE intake.orders SET country = 'CZ', province_code = NULL, ward_code = NULL
     WHERE order_id = $1
    """,
    """
    UPDATE intake.lines SET name_en = 'Lotus tea', hs_code = '090210', origin_country = 'VN'
     WHERE order_id = $1
    """,
    """
    UPDATE routing.shipments
       SET destination_country = 'CZ', destination_province = NULL, destination_ward = NULL
     WHERE order_id = $1
    """,
)
WRITE_BOOKED_ORDER = "INSERT INTO booking.orders (order_id) VALUES ($1) ON CONFLICT DO NOTHING"
WRITE_BOOKED_PARCEL = """
    INSERT INTO booking.parcels (parcel_id, order_id, shipment_id, channel, seller_id,
        packed_version, packed_at, pieces, weight_g, length_cm, width_cm, height_cm, goods_vnd,
        cod_vnd)
    VALUES ($2, $1, $1 || '/1', 'direct', $3, 1, now(), 2, 1200, 30, 20, 15, 200000, $4)
"""
WRITE_BOOKING = """
    INSERT INTO booking.bookings (reference, parcel_id, shipment_id, order_id, seller_id, channel,
        attempt, carrier, service, origin_id, promised_on, requested_at, state, tracking_no, label,
        told)
    VALUES ($3, $2, $1 || '/1', $1, $4, 'direct', 1, $5, 'CTN009', $6, current_date, now(), $7, $8,
            '{"sort_code": "HN-07"}', 'booked')
"""


async def an_order_with_parcels(
    pool: Pool,
    order_id: str,
    *,
    master_key: bytes,
    parcels: int = 1,
    state: str | None = "booked",
    carrier: str = "vnpost",
    seller_id: str = SELLER,
    origin_id: str = ORIGIN,
    cod_vnd: int = 366_000,
    abroad: bool = False,
) -> list[str]:
    """Write it; `state` of the bookings, None: not asked for yet. Returns the parcels' ids."""
    ids = [f"{order_id}/1/{number}" for number in range(1, parcels + 1)]
    said = {"name": NAME, "phone": PHONE, "phone_valid": True, "street": STREET, "note": ""}
    if abroad:
        said |= {"phone": "+420601123456", "city": "Praha 1", "postcode": "110 00"}
    contact = Contact.model_validate(said)
    async with pool.acquire() as db, db.transaction():
        await db.execute(WRITE_ORDER, order_id, seller_id)
        await db.execute(WRITE_LINE, order_id, origin_id)
        await db.execute(WRITE_SHIPMENT, order_id, seller_id, origin_id)
        for statement in SEND_ABROAD if abroad else ():
            await db.execute(statement, order_id)
        await write_contacts(db, Vault(master_key), {order_id: contact})
        for parcel in ids:
            await db.execute(WRITE_PARCEL, order_id, parcel, cod_vnd)
            if state is not None:
                await db.execute(WRITE_BOOKED_ORDER, order_id)
                await db.execute(WRITE_BOOKED_PARCEL, order_id, parcel, seller_id, cod_vnd)
                booking: list[Any] = [order_id, parcel, reference_of(parcel), seller_id]
                number = tracking_no_of(parcel)
                await db.execute(WRITE_BOOKING, *booking, carrier, origin_id, state, number)
    return ids


def reference_of(parcel: str) -> str:
    """A booking reference that shows its parcel."""
    return f"OC{parcel.rpartition(':')[2].replace('/', '')}-1"


def tracking_no_of(parcel: str) -> str:
    """The carrier's number for it."""
    return f"E{parcel.rpartition(':')[2].replace('/', '')}VN"
