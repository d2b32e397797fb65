"""Couriers at the sellers' doors: a manifest, its paper, and a signature for what was scanned.

Some sellers only: the others drop their parcels off, and the carrier's first scan hands them over.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from services.sandbox.clock import Clock
    from services.sandbox.month.door import Door

    Json = dict[str, Any]

WITH_MANIFESTS = 0.4
"""The share of sellers a courier comes to."""
CALL_S = 8.0
"""Real seconds between a courier's calls: about two a day of the sample month's usual pace."""
FORGOTTEN = 0.1
"""How often a parcel of a manifest is not found when it is scanned."""
PRINTED = 0.1
"""How often labels and paper are printed; every time would only tell how fast a printer is."""
ON_A_SHEET = 4
CALLS = 4
"""Calls for what was packed before nobody comes for it any more: it may travel with another."""


@dataclass(slots=True)
class Couriers:
    """Who comes for what. Chance is the same for a seed."""

    door: Door
    clock: Clock
    seed: int = 0
    manifests: int = 0
    printed: int = 0
    _waiting: dict[tuple[str, str, str], int] = field(default_factory=dict)
    """(seller, carrier, origin) → calls left."""

    def expect(self, seller_id: str, shipment: Json) -> None:
        """A shipment was packed: its carrier's courier will call, if one comes to this seller."""
        if random.Random(f"{self.seed}:courier:{seller_id}").random() < WITH_MANIFESTS:
            self._waiting[seller_id, shipment["carrier"], shipment["origin_id"]] = CALLS

    async def call(self, done: asyncio.Event) -> None:
        """Call on everybody who expects a courier, again and again until `done`."""
        while not done.is_set():
            await asyncio.sleep(CALL_S)
            for seller_id, carrier, origin_id in list(self._waiting):
                await self.take(seller_id, carrier, origin_id)

    async def take(self, seller_id: str, carrier: str, origin_id: str) -> None:
        """One call: everything that is ready goes along, but for what is not found."""
        key = (seller_id, carrier, origin_id)
        self._waiting[key] = left = self._waiting.get(key, 1) - 1
        if not left:
            del self._waiting[key]
        wanted = {"carrier": carrier, "origin_id": origin_id, "at": self._now()}
        status, manifest = await self.door.ask_as_seller(seller_id, "/v1/manifests", wanted)
        if status != HTTPStatus.CREATED:
            return
        number = manifest["manifest_no"]
        chance = random.Random(f"{self.seed}:{number}")
        parcels = [parcel["parcel_id"] for parcel in manifest["parcels"]]
        if chance.random() < PRINTED:
            await self._print(seller_id, number, parcels[:ON_A_SHEET])
        if len(parcels) > 1 and chance.random() < FORGOTTEN:
            parcels.pop()
        signed = {
            "scanned": parcels,
            "signed_by": {"seller": "Phạm Văn C", "courier": "Lê Văn D"},
            "at": self._now(),
        }
        path = f"/v1/manifests/{number}/close"
        status, _ = await self.door.ask_as_seller(seller_id, path, signed)
        self.manifests += status == HTTPStatus.OK

    def _now(self) -> str:
        """The sample month's time, unless that is still to come."""
        return min(self.clock.now(), datetime.now(UTC)).isoformat()

    async def _print(self, seller_id: str, number: str, parcels: list[str]) -> None:
        for path, query in (
            ("/v1/labels", {"parcels": ",".join(parcels), "format": "a4"}),
            (f"/v1/manifests/{number}.pdf", {}),
        ):
            status, _ = await self.door.fetch(seller_id, path, **query)
            self.printed += status == HTTPStatus.OK
