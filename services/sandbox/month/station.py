"""The sellers' packing stations: fetch what to pack, weigh, measure, report; now and then wrongly."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from services.sandbox.month.couriers import Couriers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from services.sandbox.clock import Clock
    from services.sandbox.month.door import Door

    Json = dict[str, Any]

PAGE = 500
POLL_S = 2.0
BOX_G = 60
"""What an empty box and its filling weigh."""
BEST_BEFORE_DAYS = 90
SMALLEST_CM = 8
EARLY_H = (0.5, 6.0)
LATE_H = (-20.0, -2.0)
PACK_AGAIN_S = 20.0
"""A shipment that is still listed after this time, its reports refused, is packed again."""


@dataclass(frozen=True, slots=True)
class Shares:
    """How often a station does what it should not, or packs in two boxes."""

    short: float = 0.02
    heavy: float = 0.01
    two_parcels: float = 0.1
    late: float = 0.06


@dataclass(slots=True)
class Stations:
    """One packing station a seller. What a shipment gets is chance, but the same for a seed."""

    door: Door
    clock: Clock
    seed: int = 0
    shares: Shares = field(default_factory=Shares)
    packed: int = 0
    told: Callable[[], None] = field(default=lambda: None)
    couriers: Couriers = field(init=False)
    _taken: dict[str, float] = field(default_factory=dict)
    """When each shipment was last at the table."""

    def __post_init__(self) -> None:
        self.couriers = Couriers(self.door, self.clock, self.seed)

    async def work(self, sellers: Iterable[str], done: asyncio.Event) -> None:
        """Pack whatever appears on the sellers' lists until `done`."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.couriers.call(done))
            for seller_id in sellers:
                group.create_task(self._work_for(seller_id, done))

    async def _work_for(self, seller_id: str, done: asyncio.Event) -> None:
        """One seller's table: look at the list, pack what is new, look again."""
        await asyncio.sleep(random.Random(seller_id).uniform(0, POLL_S))
        while not done.is_set():
            for shipment in await self._new_shipments(seller_id):
                await self.pack(seller_id, shipment)
            await asyncio.sleep(POLL_S)

    async def _new_shipments(self, seller_id: str) -> list[Json]:
        listed = await self.door.get(seller_id, "/v1/packing/shipments", limit=PAGE)
        now = time.monotonic()
        new = [
            row
            for row in listed["shipments"]
            if now - self._taken.get(row["shipment_id"], -PACK_AGAIN_S) >= PACK_AGAIN_S
        ]
        self._taken.update((row["shipment_id"], now) for row in new)
        return new

    async def pack(self, seller_id: str, shipment: Json) -> None:
        """Start, report every parcel, finish; a wrong count is refused and then packed right."""
        rng = random.Random(f"{self.seed}:{shipment['shipment_id']}")
        shipment = shipment | {"at": self.moment(rng, shipment)}
        await self._report(seller_id, shipment, "started")
        if rng.random() < self.shares.short:
            for parcel in self.parcels(rng, shipment, missing=1):
                await self._report(seller_id, shipment, "parcel", parcel)
            await self._report(seller_id, shipment, "finished")
        heavy = rng.random() < self.shares.heavy
        for parcel in self.parcels(rng, shipment, heavy=heavy):
            await self._report(seller_id, shipment, "parcel", parcel)
        await self._report(seller_id, shipment, "finished")
        if heavy:
            await self._release(seller_id, shipment)
        self.packed += 1
        self.couriers.expect(seller_id, shipment)
        self.told()

    def moment(self, rng: random.Random, shipment: Json) -> str:
        """When it is packed: now, but in time for the courier, however slow this machine is.

        Now and then a seller is late by some hours.
        """
        early = rng.uniform(*(EARLY_H if rng.random() >= self.shares.late else LATE_H))
        planned = datetime.fromisoformat(shipment["handover_by"]) - timedelta(hours=early)
        return min(self.clock.now(), planned).isoformat()

    def parcels(
        self, rng: random.Random, shipment: Json, *, missing: int = 0, heavy: bool = False
    ) -> list[Json]:
        """The boxes the service needs, or one more; `missing` units are forgotten, a `heavy` box weighs a half more."""
        units = [line for line in shipment["lines"] for _ in range(line["quantity"])]
        kept = units[: len(units) - missing] or units[:1] * 2
        halves = [kept]
        if len(kept) > 1 and rng.random() < self.shares.two_parcels:
            middle = len(kept) // 2
            halves = [kept[:middle], kept[middle:]]
        return [self.parcel(number, box, heavy=heavy) for number, box in enumerate(halves, start=1)]

    def parcel(self, number: int, units: list[Json], *, heavy: bool = False) -> Json:
        """A closed box: units stacked, weighed with the box."""
        goods_g = sum(unit["weight_g"] or 0 for unit in units)
        counted: dict[int, int] = {}
        for unit in units:
            counted[unit["line_no"]] = counted.get(unit["line_no"], 0) + 1
        best_before = (self.clock.now() + timedelta(days=BEST_BEFORE_DAYS)).date().isoformat()
        return {
            "parcel_no": number,
            "contents": [
                {
                    "line_no": line_no,
                    "quantity": quantity,
                    "lot": f"L{self.clock.now():%y%m}",
                    "best_before": best_before,
                }
                for line_no, quantity in counted.items()
            ],
            "weight_g": round((goods_g + BOX_G) * (1.5 if heavy else 1)),
            "length_cm": max(SMALLEST_CM, *(unit["length_cm"] or 0 for unit in units)),
            "width_cm": max(SMALLEST_CM, *(unit["width_cm"] or 0 for unit in units)),
            "height_cm": max(SMALLEST_CM, sum(unit["height_cm"] or 0 for unit in units)),
        }

    async def _report(
        self, seller_id: str, shipment: Json, kind: str, parcel: Json | None = None
    ) -> None:
        report = {
            "report_id": str(uuid.uuid4()),
            "shipment_id": shipment["shipment_id"],
            "station": f"{seller_id}-T1",
            "kind": kind,
            "reported_at": shipment["at"],
            "parcel": parcel,
        }
        await self.door.post_as_seller(seller_id, "/v1/packing/reports", report)

    async def _release(self, seller_id: str, shipment: Json) -> None:
        order = shipment["shipment_id"].partition("/")[0]
        body = {"why": "weighed again: filling and ice", "at": shipment["at"]}
        await self.door.post_as_seller(seller_id, f"/v1/orders/{order}/release", body)
