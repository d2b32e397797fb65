"""How much of carriers' days each partition has given away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.store.unnest import columns

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from services.store.pool import Connection

    CapacityUse = dict[tuple[date, str, str], int]
    """Parcels by day of hand-over, origin province and carrier."""

# What this partition has given away, from a day on, in some provinces.
READ_CAPACITY_USED: Final = """
    SELECT day, province, carrier, parcels FROM routing.capacity_used
    WHERE partition = $1 AND day >= $2 AND province = ANY($3::text[])
"""

# Add to (or take from) what this partition has given away.
ADD_CAPACITY_USED: Final = """
    INSERT INTO routing.capacity_used AS stored (partition, day, province, carrier, parcels)
    SELECT $1, * FROM unnest($2::date[], $3::text[], $4::text[], $5::integer[])
    ON CONFLICT (partition, day, province, carrier) DO UPDATE
    SET parcels = stored.parcels + excluded.parcels
"""


async def read_capacity_used(
    tx: Connection, partition: int, since: date, provinces: Iterable[str]
) -> CapacityUse:
    """What this partition has given away from a day on; only this partition's batches write it."""
    rows = await tx.fetch(READ_CAPACITY_USED, partition, since, sorted(provinces))
    return {(row["day"], row["province"], row["carrier"]): row["parcels"] for row in rows}


async def add_capacity_used(tx: Connection, partition: int, changes: CapacityUse) -> None:
    """Add parcels to days; a negative number frees them."""
    rows = [(*key, parcels) for key, parcels in sorted(changes.items()) if parcels]
    if rows:
        await tx.execute(ADD_CAPACITY_USED, partition, *columns(rows))
