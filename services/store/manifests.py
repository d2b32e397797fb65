"""Manifests and what is to be told of them. The gateway alone writes these tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from schemas.event import next_version
from schemas.handover import HandoverReported, ManifestedParcel

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    import asyncpg

    from services.store.pool import Connection

# Live bookings of a seller's parcels, with everything that may keep them off a manifest.
# `manifest_no`: the one it is on; `held`: its order is held, cancelled or to be cancelled.
READ_BOOKED: Final = """
    SELECT b.parcel_id, b.order_id, b.reference, b.tracking_no, b.carrier, b.origin_id, b.state,
           b.tracked, p.weight_g, p.cod_vnd, m.manifest_no,
           coalesce(o.held OR o.cancelled OR o.void_version > 0, false) AS held
      FROM booking.bookings b
      JOIN booking.parcels p USING (parcel_id)
      LEFT JOIN booking.orders o ON o.order_id = b.order_id
      LEFT JOIN handover.parcels m
        ON m.reference = b.reference AND m.standing IN ('listed', 'handed_over')
"""
READ_NAMED: Final = f"""{READ_BOOKED}
     WHERE b.seller_id = $1 AND b.parcel_id = ANY ($2::text[])
     ORDER BY b.parcel_id, b.attempt
"""
READ_READY: Final = f"""{READ_BOOKED}
     WHERE b.seller_id = $1 AND b.carrier = $2 AND b.origin_id = $3
       AND b.state = 'booked' AND b.tracked IS NULL AND b.tracking_no IS NOT NULL
       AND m.manifest_no IS NULL
       AND NOT coalesce(o.held OR o.cancelled OR o.void_version > 0, false)
     ORDER BY b.parcel_id LIMIT $4
"""

OPEN: Final = """
    INSERT INTO handover.manifests (manifest_no, seller_id, carrier, origin_id, opened_at,
                                    request_key)
    VALUES ('MF' || lpad(nextval('handover.manifest_numbers')::text, 8, '0'), $1, $2, $3, $4, $5)
    ON CONFLICT (seller_id, request_key) DO NOTHING
    RETURNING manifest_no
"""
FIND_REQUEST: Final = """
    SELECT manifest_no FROM handover.manifests WHERE seller_id = $1 AND request_key = $2
"""

READ_MANIFEST: Final = """
    SELECT m.manifest_no, m.seller_id, m.carrier, m.origin_id, m.opened_at, m.closed_at, m.signed,
           s.name AS seller, o.street, o.ward_code, o.phone
      FROM handover.manifests m
      JOIN registry.sellers s USING (seller_id)
      JOIN registry.origins o ON o.origin_id = m.origin_id
     WHERE manifest_no = $1 AND m.seller_id = $2
"""
# Nobody else may change a manifest while it is being changed.
LOCK_MANIFEST: Final = f"{READ_MANIFEST} FOR UPDATE OF m"

READ_MANIFESTS: Final = """
    SELECT m.manifest_no, carrier, origin_id, opened_at, closed_at,
           count(p.parcel_id) FILTER (WHERE standing IN ('listed', 'handed_over')) AS parcels
      FROM handover.manifests m LEFT JOIN handover.parcels p USING (manifest_no)
     WHERE seller_id = $1 AND m.manifest_no > $2
     GROUP BY m.manifest_no ORDER BY m.manifest_no LIMIT $3
"""

READ_PARCELS: Final = """
    SELECT parcel_id, order_id, reference, tracking_no, weight_g, cod_vnd, standing
      FROM handover.parcels WHERE manifest_no = $1 ORDER BY parcel_id
"""

# Put parcels on a manifest; one that was taken off comes back as it is booked now.
LIST_PARCELS: Final = """
    INSERT INTO handover.parcels (manifest_no, parcel_id, order_id, reference, tracking_no,
                                  weight_g, cod_vnd, standing)
    SELECT $1, *, 'listed' FROM unnest($2::text[], $3::text[], $4::text[], $5::text[],
                                       $6::bigint[], $7::bigint[])
    ON CONFLICT (manifest_no, parcel_id) DO UPDATE
    SET reference = excluded.reference, tracking_no = excluded.tracking_no,
        weight_g = excluded.weight_g, cod_vnd = excluded.cod_vnd, standing = 'listed'
"""
STAND: Final = """
    UPDATE handover.parcels SET standing = $3
     WHERE manifest_no = $1 AND parcel_id = ANY ($2::text[]) AND standing = 'listed'
"""
CLOSE: Final = "UPDATE handover.manifests SET closed_at = $2, signed = $3 WHERE manifest_no = $1"

READ_VERSIONS: Final = """
    SELECT order_id, max(version) AS version FROM handover.facts
     WHERE manifest_no = $1 AND order_id = ANY ($2::text[]) GROUP BY order_id
"""
READ_ERA: Final = "SELECT era FROM runtime.era"
NOTE_FACTS: Final = """
    INSERT INTO handover.facts (manifest_no, order_id, version, made_at, body)
    SELECT $1, order_id, version, now(), body
      FROM unnest($2::text[], $3::bigint[], $4::text[]) AS new (order_id, version, body)
"""
READ_UNTOLD: Final = """
    SELECT manifest_no, order_id, version, body FROM handover.facts
     WHERE NOT told AND manifest_no = $1 ORDER BY order_id, version
"""
# Facts whose request died before they were told; the newest are left to those who made them.
READ_FORGOTTEN: Final = """
    SELECT manifest_no, order_id, version, body FROM handover.facts
     WHERE NOT told AND made_at < now() - interval '10 seconds' ORDER BY made_at LIMIT 500
"""
MARK_TOLD: Final = """
    UPDATE handover.facts SET told = true
      FROM unnest($1::text[], $2::text[], $3::bigint[]) AS done (manifest_no, order_id, version)
     WHERE (facts.manifest_no, facts.order_id, facts.version)
         = (done.manifest_no, done.order_id, done.version)
"""


class Fact(NamedTuple):
    """A HandoverReported as it was written."""

    manifest_no: str
    order_id: str
    version: int
    body: str


async def list_parcels(tx: Connection, manifest_no: str, rows: Sequence[asyncpg.Record]) -> None:
    """Put rows of READ_BOOKED on a manifest."""
    names = ("parcel_id", "order_id", "reference", "tracking_no", "weight_g", "cod_vnd")
    await tx.execute(LIST_PARCELS, manifest_no, *([row[name] for row in rows] for name in names))


async def note_facts(
    tx: Connection, manifest: Any, orders: Iterable[str], happened_at: datetime
) -> None:
    """Write down what the manifest says of these orders now. `manifest`: a row of READ_MANIFEST."""
    wanted = sorted(set(orders))
    if not wanted:
        return
    manifest_no = manifest["manifest_no"]
    era = await tx.fetchval(READ_ERA) or 0
    versions = dict(map(tuple, await tx.fetch(READ_VERSIONS, manifest_no, wanted)))
    parcels = await tx.fetch(READ_PARCELS, manifest_no)
    facts = [
        HandoverReported(
            version=next_version(versions.get(order_id, 0), era),
            occurred_at=happened_at,
            order_id=order_id,
            seller_id=manifest["seller_id"],
            manifest_no=manifest_no,
            carrier=manifest["carrier"],
            origin_id=manifest["origin_id"],
            parcels=tuple(
                ManifestedParcel(
                    parcel_id=one["parcel_id"],
                    reference=one["reference"],
                    handed_over_at=happened_at if one["standing"] == "handed_over" else None,
                )
                for one in parcels
                if one["order_id"] == order_id and one["standing"] in ("listed", "handed_over")
            ),
        )
        for order_id in wanted
    ]
    await tx.execute(
        NOTE_FACTS,
        manifest_no,
        [fact.order_id for fact in facts],
        [fact.version for fact in facts],
        [fact.model_dump_json() for fact in facts],
    )


async def read_untold(connection: Connection, manifest_no: str | None) -> list[Fact]:
    """Facts to tell: a manifest's, or (None) those that everybody has forgotten."""
    if manifest_no is None:
        rows = await connection.fetch(READ_FORGOTTEN)
    else:
        rows = await connection.fetch(READ_UNTOLD, manifest_no)
    return [Fact(*row) for row in rows]


async def mark_told(connection: Connection, facts: Sequence[Fact]) -> None:
    """They are in the topic."""
    await connection.execute(
        MARK_TOLD,
        [fact.manifest_no for fact in facts],
        [fact.order_id for fact in facts],
        [fact.version for fact in facts],
    )
