"""The certificates of goods that a station says are packed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.store.packing import READ_CERTIFICATES
from services.store.unnest import columns
from streams.rules.packing import BLOCKING, Certificate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streams.packing.table import Shipment
    from streams.runtime.stage import Transaction


async def read_certificates(
    tx: Transaction, shipments: Iterable[Shipment]
) -> Mapping[str, tuple[Certificate, ...]]:
    """By seller, every certificate that can block the packing of these shipments."""
    goods = {
        (shipment.routed.seller_id, line.sku) for shipment in shipments for line in shipment.lines
    }
    if not goods:
        return {}
    found: dict[str, tuple[Certificate, ...]] = {}
    rows = await tx.fetch(READ_CERTIFICATES, *columns(sorted(goods)), list(BLOCKING))
    for seller_id, *certificate in rows:
        found[seller_id] = (*found.get(seller_id, ()), Certificate(*certificate))
    return found
