"""The hand-over desk: manifests are opened, changed and closed; each change is a fact of its orders.

Changes are written first, with the facts that tell them, then the facts are appended to the log,
then the caller is answered. Doing any of it again changes nothing and tells what was not told yet.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import orjson

from schemas.catalogue import HANDOVER_REPORTED
from schemas.handover import HandoverReported
from services.handover.listing import change, open_new, recognised
from services.handover.manifest import CLOSED, RACED, UNKNOWN, Manifest, Refused, Signatures
from services.store.manifests import (
    CLOSE,
    LOCK_MANIFEST,
    READ_MANIFEST,
    READ_PARCELS,
    STAND,
    mark_told,
    note_facts,
    read_untold,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from services.gateway.ingest import Ingest
    from services.handover.manifest import Answer, Opening, Signing
    from services.store.manifests import Fact
    from services.store.pool import Pool
    from services.store.vault import Vault


class HandoverDesk:
    """Opens, changes and closes sellers' manifests. Raises Problem (503) where a fact stays untold."""

    def __init__(self, pool: Pool, vault: Vault, ingest: Ingest) -> None:
        self._pool = pool
        self._vault = vault
        self._ingest = ingest

    async def open(self, wanted: Opening, at: datetime) -> Answer:
        """A new manifest; the one there is, if the same request has opened it before."""
        try:
            async with self._pool.acquire() as tx, tx.transaction():
                opened = await open_new(tx, wanted, at)
        except asyncpg.UniqueViolationError:
            return RACED
        return opened if isinstance(opened, Refused) else await self._told(wanted.seller_id, opened)

    async def change(
        self,
        seller_id: str,
        manifest_no: str,
        add: Sequence[str],
        remove: Sequence[str],
        at: datetime,
    ) -> Answer:
        """Put parcels on an open manifest and take others off."""
        try:
            async with self._pool.acquire() as tx, tx.transaction():
                manifest = await tx.fetchrow(LOCK_MANIFEST, manifest_no, seller_id)
                if manifest is None:
                    return UNKNOWN
                if manifest["closed_at"] is not None:
                    return CLOSED
                refused = await change(tx, manifest, add, set(remove), at)
                if refused is not None:
                    return refused
        except asyncpg.UniqueViolationError:
            return RACED
        return await self._told(seller_id, manifest_no)

    async def close(self, seller_id: str, manifest_no: str, signing: Signing) -> Answer:
        """The courier signed for what was scanned; the rest stays behind."""
        async with self._pool.acquire() as tx, tx.transaction():
            manifest = await tx.fetchrow(LOCK_MANIFEST, manifest_no, seller_id)
            if manifest is None:
                return UNKNOWN
            if manifest["closed_at"] is None:
                parcels = await tx.fetch(READ_PARCELS, manifest_no)
                listed = [one for one in parcels if one["standing"] == "listed"]
                taken = recognised(listed, signing.scanned)
                if isinstance(taken, Refused):
                    return taken
                left = [one["parcel_id"] for one in listed if one["parcel_id"] not in taken]
                await tx.execute(STAND, manifest_no, sorted(taken), "handed_over")
                await tx.execute(STAND, manifest_no, left, "left_behind")
                await tx.execute(CLOSE, manifest_no, signing.at, self._sealed(signing.signed))
                orders = [one["order_id"] for one in listed]
                await note_facts(tx, manifest, orders, signing.at)
        return await self._told(seller_id, manifest_no)

    async def show(self, seller_id: str, manifest_no: str) -> Answer:
        """A seller's manifest."""
        async with self._pool.acquire() as connection:
            row = await connection.fetchrow(READ_MANIFEST, manifest_no, seller_id)
            if row is None:
                return UNKNOWN
            return Manifest(row, await connection.fetch(READ_PARCELS, manifest_no))

    def signatures(self, manifest: Manifest) -> Signatures | None:
        """Who signed it; None while nobody has."""
        sealed = manifest.row["signed"]
        return (
            None if sealed is None else Signatures(**orjson.loads(self._vault.open_secret(sealed)))
        )

    async def tell(self, manifest_no: str | None = None) -> int:
        """Append what was not told yet, of a manifest or of all; how many facts that were.

        Raises:
            Problem: 503, some are still untold.
        """
        async with self._pool.acquire() as connection:
            facts = await read_untold(connection, manifest_no)
        if facts:
            await asyncio.gather(*(self._append(fact) for fact in facts))
            async with self._pool.acquire() as connection:
                await mark_told(connection, facts)
        return len(facts)

    async def _append(self, fact: Fact) -> None:
        event = HandoverReported.model_validate_json(fact.body)
        ours = {"ocop_command_id": str(event.event_id), "ce_subject": event.entity}
        await self._ingest.append(HANDOVER_REPORTED, event.key, fact.body.encode(), ours, None)

    async def _told(self, seller_id: str, manifest_no: str) -> Answer:
        await self.tell(manifest_no)
        return await self.show(seller_id, manifest_no)

    def _sealed(self, signed: Signatures) -> bytes:
        names = {"seller": signed.seller, "courier": signed.courier}
        return self._vault.seal_secret(orjson.dumps(names))
