"""What intake and the registry know of an order, for tests that start after them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.channels.contact import Contact
from services.store.consignees import write_contacts

if TYPE_CHECKING:
    from services.store.pool import Pool
    from services.store.vault import Vault

INSERT_SELLER: Final = """
INSERT INTO registry.sellers VALUES ('HTX-MAU-01', 'HTX Mẫu', 'cooperative') ON CONFLICT DO NOTHING
"""
INSERT_ORIGIN: Final = """
INSERT INTO registry.origins
       (origin_id, seller_id, contact_name, phone, street, ward_code, province_code)
VALUES ('O-1', 'HTX-MAU-01', 'HTX Mẫu', '+84900000001', 'Thôn 1', '24778', '68')
ON CONFLICT DO NOTHING
"""
INSERT_ORDER: Final = """
INSERT INTO intake.orders SELECT * FROM json_populate_record(NULL::intake.orders, $1)
"""
ORDER_ROW: Final = """{"order_id": "ORDER_ID", "channel": "postmart", "seller_id": "HTX-MAU-01",
"channel_order_no": "1", "version": 1, "placed_at": "2026-10-01T00:00:00Z",
"updated_at": "2026-10-01T00:00:00Z", "payload_version": 1, "seen": {}, "wanted": {},
"contact_problems": [], "placed": true, "untold": false, "cancel_requested": false, "holds": [],
"waived": [], "province_code": "01", "ward_code": "00166"}"""


async def place_order(pool: Pool, vault: Vault, order: str) -> None:
    """An order to a buyer in Hà Nội from a co-operative in Lâm Đồng."""
    await pool.execute(INSERT_SELLER)
    await pool.execute(INSERT_ORIGIN)
    await pool.execute(INSERT_ORDER, ORDER_ROW.replace("ORDER_ID", order))
    contact = Contact(name="Trần Thị B", phone="+84900000002", street="Số 1 Đường Mẫu")
    async with pool.acquire() as connection:
        await write_contacts(connection, vault, {order: contact})
