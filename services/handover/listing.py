"""Which parcels may go on a manifest, and putting them there; inside one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.handover.manifest import AT_MOST, FULL, Opening, Refused
from services.labels.desk import PLATFORMS, Missing
from services.store.manifests import (
    FIND_REQUEST,
    OPEN,
    READ_MANIFEST,
    READ_NAMED,
    READ_PARCELS,
    READ_READY,
    STAND,
    list_parcels,
    note_facts,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    import asyncpg

    from services.store.pool import Connection


async def change(
    tx: Connection, manifest: Any, add: Sequence[str], remove: set[str], at: datetime
) -> Refused | None:
    """Change a locked manifest that is open; None: done."""
    manifest_no = manifest["manifest_no"]
    known = {one["parcel_id"]: one for one in await tx.fetch(READ_PARCELS, manifest_no)}
    listed = {name for name, one in known.items() if one["standing"] == "listed"}
    new = [name for name in add if name not in listed]
    rows = await _ready(tx, manifest["seller_id"], manifest["carrier"], manifest["origin_id"], new)
    if isinstance(rows, Refused):
        return rows
    gone = sorted(listed & remove)
    if len(listed) + len(rows) - len(gone) > AT_MOST:
        return FULL
    await tx.execute(STAND, manifest_no, gone, "removed")
    await list_parcels(tx, manifest_no, rows)
    orders = [row["order_id"] for row in rows] + [known[one]["order_id"] for one in gone]
    await note_facts(tx, manifest, orders, at)
    return None


async def open_new(tx: Connection, wanted: Opening, at: datetime) -> str | Refused:
    """The number of a new manifest, or of the one this request has opened before."""
    request = (wanted.seller_id, wanted.request_key)
    if (opened := await tx.fetchval(FIND_REQUEST, *request)) is not None:
        return str(opened)
    seller_id, carrier, origin_id = wanted.seller_id, wanted.carrier, wanted.origin_id
    if carrier in PLATFORMS:
        return Refused("platform_manifest", "platforms have manifests of their own")
    if wanted.parcels is None:
        rows = await tx.fetch(READ_READY, seller_id, carrier, origin_id, AT_MOST)
    else:
        found = await _ready(tx, seller_id, carrier, origin_id, wanted.parcels)
        if isinstance(found, Refused):
            return found
        rows = found
    if not rows:
        return Refused("nothing_ready", "no parcel waits for this carrier at this origin")
    number: str | None = await tx.fetchval(OPEN, seller_id, carrier, origin_id, at, request[1])
    if number is None:  # the same request a moment ago, in another gateway
        return str(await tx.fetchval(FIND_REQUEST, *request))
    await list_parcels(tx, number, rows)
    manifest = await tx.fetchrow(READ_MANIFEST, number, seller_id)
    await note_facts(tx, manifest, [row["order_id"] for row in rows], at)
    return number


async def _ready(
    tx: Connection, seller_id: str, carrier: str, origin_id: str, parcels: Iterable[str]
) -> list[asyncpg.Record] | Refused:
    """The bookings of these parcels, if all of them may go on the manifest."""
    wanted = list(dict.fromkeys(parcels))
    if len(wanted) > AT_MOST:
        return FULL
    rows: dict[str, asyncpg.Record] = {}
    for row in await tx.fetch(READ_NAMED, seller_id, wanted):
        if row["parcel_id"] not in rows or row["state"] == "booked":
            rows[row["parcel_id"]] = row
    missing = [
        Missing(name, *why)
        for name in wanted
        if (why := _not_ready(rows.get(name), carrier, origin_id))
    ]
    if missing:
        told = "; ".join(f"{one.what}: {one.reason}" for one in missing)
        return Refused("parcels_not_ready", told, tuple(missing))
    return [rows[name] for name in wanted]


def _not_ready(row: asyncpg.Record | None, carrier: str, origin_id: str) -> tuple[str, str] | None:
    """Why a parcel cannot go on this manifest: a code and a sentence; None: it can."""
    if row is None or row["state"] != "booked" or not row["tracking_no"]:
        return "not_booked", "no carrier has confirmed a booking of it"
    if row["carrier"] != carrier:
        return "other_carrier", f"it travels with {row['carrier']}"
    if row["origin_id"] != origin_id:
        return "other_origin", f"it leaves from {row['origin_id']}"
    if row["tracked"] == "custody":
        return "with_carrier", "its carrier has it already"
    if row["held"]:
        return "on_hold", "its order is held or is to be cancelled"
    if row["manifest_no"] is not None:
        return "on_manifest", f"it is on the manifest {row['manifest_no']}"
    return None


def recognised(listed: Sequence[Any], scanned: Iterable[str]) -> set[str] | Refused:
    """The listed parcels that were scanned: by our id, the carrier's number, or the QR of both."""
    names: dict[str, str] = {}
    for one in listed:
        parcel, number = one["parcel_id"], one["tracking_no"]
        names |= {parcel: parcel, number: parcel, f"{parcel}|{number}": parcel}
    strange = sorted({code for code in scanned if code not in names})
    if strange:
        missing = tuple(Missing(code, "not_on_manifest", "it is not on it") for code in strange)
        reason = f"not on the manifest: {', '.join(strange)}; put it on, or set it aside"
        return Refused("not_on_manifest", reason, missing)
    return {names[code] for code in scanned}
