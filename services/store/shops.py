"""How channels name sellers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from services.store.pool import Connection

READ_NAMES: Final = """
-- Every name a channel ($1) may give a seller: its shops there, and sellers' own ids.
SELECT shop_ref AS name FROM registry.shops WHERE channel = $1
UNION SELECT seller_id FROM registry.sellers
"""


async def shop_names(connection: Connection, channel: str) -> frozenset[str]:
    """What a payload of this channel may write as `seller_ref`."""
    return frozenset(row["name"] for row in await connection.fetch(READ_NAMES, channel))
