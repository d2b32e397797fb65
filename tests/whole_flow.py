"""All nine stages on the in-memory log: sample orders from the channel to the doorstep.

Carriers, stations and the job runner are played by this module: it answers bookings, packs and
scans. Everything else is the system's own.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import orjson

from schemas.booking import BookingOutcome, BookingResulted
from schemas.catalogue import ORDER_RECEIVED, PACKING_REPORTED, TRACKING_RECEIVED
from schemas.cod import SettlementReceived
from schemas.ids import channel_key, tracking_key
from schemas.partner import FORMAT
from services.carriers.directory import api_of, name_of
from services.gateway.ingest import Ingest
from services.handover.desk import HandoverDesk
from services.handover.manifest import Manifest, Opening, Signatures, Signing
from services.reference.fulfilment import fulfilment_transitions
from services.reference.places import Places
from services.reference.rule_book import sample_rule_book
from services.reference.status_map import read_status_map
from services.registry.load import load_registry
from services.sandbox.month.channels import MARKETPLACES
from services.sandbox.sample import FOLDER
from services.store.vault import Vault
from streams.booking import Booking
from streams.cod import Cod
from streams.feed import Feed
from streams.intake import Intake
from streams.metrics import Metrics
from streams.metrics_publisher import MonthlyPublisher
from streams.packing import Packing
from streams.routing import Routing
from streams.runtime.memory import ORDERLY, Disorder, ManualClock, Pipeline
from streams.status import Status
from streams.tracking import Tracking
from tests.appended import Appended
from tests.carrier_lives import BODIES, DELIVERED, EMSEVT, GIVEN_UP, RETURNED

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

    from services.store.pool import Pool
    from streams.runtime.stage import Record, Stage

NOW: Final = datetime(2026, 11, 20, tzinfo=UTC)

ROUTED: Final = """
    SELECT shipment_id, lines::text, handover_by FROM routing.shipments WHERE state = 'routed'
"""
ASKED: Final = """
    SELECT reference, parcel_id, order_id, carrier, requested_at FROM booking.bookings
     WHERE state = 'requested'
"""
BOOKED: Final = """
    SELECT reference, carrier, api, tracking_no, booked_at FROM booking.bookings WHERE state = 'booked'
     ORDER BY reference
"""
WAITING: Final = """
    SELECT seller_id, carrier, origin_id, max(booked_at) AS booked_at FROM booking.bookings
     WHERE state = 'booked' AND carrier NOT IN ('shopee', 'lazada', 'tiki')
     GROUP BY seller_id, carrier, origin_id ORDER BY seller_id, carrier, origin_id
"""
COLLECTED: Final = """
    SELECT carrier, booked ->> 'tracking_no' AS tracking_no, collected_vnd FROM cod.accounts
     WHERE state = 'collected' ORDER BY reference
"""


class WholeFlow:
    """The system, and words for what the world does to it."""

    def __init__(self, pool: Pool, disorder: Disorder = ORDERLY) -> None:
        self.pool = pool
        self.clock = ManualClock(NOW)
        stages: list[Stage] = [
            Intake(Places.load(), Vault(bytes(32))),
            Routing(sample_rule_book()),
            Packing(sample_rule_book()),
            Booking(),
            Tracking(read_status_map()),
            Cod(),
            Status(fulfilment_transitions()),
            Feed(),
            Metrics(),
        ]
        self.pipeline = Pipeline(stages, pool, self.clock, disorder=disorder)

    async def live(self, orders: int) -> None:
        """Orders come in, are packed, booked and carried; the month is published."""
        await self.registers()
        await self.receives(orders)
        await self.packs()
        await self.books()
        await self.hands_over()
        await self.carries()
        await self.settles()
        await self.publishes()

    async def registers(self) -> None:
        """Sellers, products, origins and certificates of the sample."""
        async with self.pool.acquire() as connection:
            await load_registry(connection, FOLDER)

    async def receives(self, orders: int) -> None:
        """The first lines of the sample month, as their channels sent them."""
        with (FOLDER / "orders.jsonl").open(encoding="utf-8") as lines:
            told = (line for line in map(json.loads, lines) if line["channel"] not in MARKETPLACES)
            for line in islice(told, orders):
                channel, body = line["channel"], line["body"]
                headers = {"ocop_channel": channel, "ocop_kind": "order"}
                if channel == "direct":
                    headers["ocop_seller"] = line["seller_id"]
                key = channel_key(channel, body["channel_order_no"])
                await self._send(ORDER_RECEIVED.name, key, body, headers)
        await self.pipeline.run_until_idle()

    async def packs(self) -> None:
        """Every routed shipment goes into one parcel, an hour before its hand-over is due."""
        for shipment_id, lines, handover_by in await self.pool.fetch(ROUTED):
            for report in reports(shipment_id, json.loads(lines), handover_by):
                order = shipment_id.partition("/")[0]
                await self._send(PACKING_REPORTED.name, order, report, {"ocop_actor": "station:1"})
        await self.pipeline.run_until_idle()

    async def books(self) -> None:
        """The job runner tells that carriers accepted every parcel."""
        for row in await self.pool.fetch(ASKED):
            number = row["reference"].replace("-", "")
            booked = BookingResulted(
                version=1,
                occurred_at=row["requested_at"] + timedelta(minutes=5),
                order_id=row["order_id"],
                parcel_id=row["parcel_id"],
                reference=row["reference"],
                kind="book",
                outcome=BookingOutcome.BOOKED,
                tracking_no=f"{row['carrier'][:3].upper()}{number}",
                carrier_ref=f"ref-{number}",
                freight_vnd=25_000,
            )
            await self.pipeline.send_event(booked)
        await self.pool.execute("DELETE FROM jobs.pgqueuer")
        await self.pipeline.run_until_idle()

    async def hands_over(self) -> None:
        """Couriers call at every other origin; of several parcels they do not find the last."""
        ingest = Ingest(Appended(self.pipeline))
        desk = HandoverDesk(self.pool, Vault(bytes(32)), ingest)
        for number, row in enumerate(await self.pool.fetch(WAITING)):
            if number % 2:
                continue
            seller_id, signed_at = row["seller_id"], row["booked_at"] + timedelta(hours=1)
            wanted = Opening(seller_id, row["carrier"], row["origin_id"], None, f"call {number}")
            manifest = await desk.open(wanted, row["booked_at"])
            assert isinstance(manifest, Manifest)
            parcels = [one["parcel_id"] for one in manifest.parcels]
            found = parcels[:-1] or parcels
            signing = Signing(found, Signatures("Phạm Văn C", "Lê Văn D"), signed_at)
            await desk.close(seller_id, manifest.row["manifest_no"], signing)
        await self.pipeline.run_until_idle()

    async def carries(self) -> None:
        """Parcels are collected and delivered; every seventh goes back to its seller."""
        for number, row in enumerate(await self.pool.fetch(BOOKED)):
            end = RETURNED if number % 7 == 0 else DELIVERED
            for code, after_h in end[name_of(row["carrier"], row["api"])]:
                await self.scans(dict(row), code, row["booked_at"] + timedelta(hours=after_h))
        await self.pipeline.run_until_idle()

    async def settles(self) -> None:
        """The carriers' statements of what was delivered; every fifth line is short."""
        for number, row in enumerate(await self.pool.fetch(COLLECTED), 1):
            paid = row["collected_vnd"] - (10_000 if number % 5 == 0 else 0)
            line = SettlementReceived(
                version=1,
                occurred_at=NOW,
                carrier=row["carrier"],
                statement_no="S1",
                line_no=number,
                tracking_no=row["tracking_no"],
                cod_vnd=row["collected_vnd"],
                fee_vnd=5_500,
                fee_kind="cod",
                net_vnd=paid - 5_500,
                transferred_on=NOW.date(),
                imported_by="ops:an",
            )
            await self.pipeline.send_event(line)
        await self.pipeline.run_until_idle()

    async def publishes(self) -> None:
        """The month's figures as they are now."""
        await MonthlyPublisher(self.pool, self.pipeline, self.clock).catch_up()
        await self.pipeline.run_until_idle()

    async def loses_interest(self) -> str:
        """A carrier gives up a parcel it has not collected; returns our reference of it."""
        rows = await self.pool.fetch(BOOKED)
        booking = next(dict(row) for row in rows if name_of(row["carrier"], row["api"]) in GIVEN_UP)
        code = GIVEN_UP[name_of(booking["carrier"], booking["api"])]
        await self.scans(booking, code, booking["booked_at"] + timedelta(hours=3))
        await self.pipeline.run_until_idle()
        return str(booking["reference"])

    async def scans(self, booking: Mapping[str, Any], code: str, at: datetime) -> None:
        """A carrier's webhook about one parcel."""
        carrier, number = booking["carrier"], booking["tracking_no"]
        body = BODIES[name_of(carrier, booking["api"])](number, code, at)
        api = booking["api"] or api_of(carrier)
        headers = {"ocop_carrier": carrier, "ocop_api": api, "ocop_partner": "p", "ocop_item": "0"}
        if code in EMSEVT:
            headers |= {"ocop_api": "emsevt_v3", "ocop_format": FORMAT}
        await self._send(TRACKING_RECEIVED.name, tracking_key(carrier, number), body, headers)

    async def _send(self, topic: str, key: str, body: object, headers: Mapping[str, str]) -> None:
        encoded = [(name, value.encode()) for name, value in headers.items()]
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        await self.pipeline.send(topic, key, raw, encoded)


def reports(
    shipment_id: str, lines: Sequence[Mapping[str, Any]], handover_by: datetime
) -> Iterable[dict[str, Any]]:
    """A station starts, closes one parcel with everything in it, and finishes."""
    weight_g = sum(line["weight_g"] * line["quantity"] for line in lines)
    parcel = {
        "parcel_no": 1,
        "contents": [
            {
                "line_no": line["line_no"],
                "quantity": line["quantity"],
                "lot": line.get("lot"),
                "best_before": line.get("best_before"),
            }
            for line in lines
        ],
        "weight_g": weight_g + 100,
        "length_cm": 30,
        "width_cm": 20,
        "height_cm": 15,
    }
    for kind in ("started", "parcel", "finished"):
        yield {
            "report_id": f"{shipment_id}-{kind}",
            "shipment_id": shipment_id,
            "station": "station-1",
            "kind": kind,
            "reported_at": (handover_by - timedelta(hours=1)).isoformat(),
            "parcel": parcel if kind == "parcel" else None,
        }


class MemoryTopics:
    """The in-memory log as `ocop verify` reads topics, and ways to damage what it reads."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._log = pipeline.log
        self._lost: set[tuple[str, int, int]] = set()
        self._added: list[Record] = []
        self._forgotten: set[str] = set()

    def lose_last(self, topic: str) -> None:
        """The newest record of a topic is gone, its offset is a hole."""
        last = self._log.records(topic)[-1]
        self._lost.add((topic, last.partition, last.offset))

    def forget_first(self, topic: str) -> None:
        """Retention took the oldest record of each partition."""
        self._forgotten.add(topic)

    def lose_all(self, topic: str) -> None:
        """Nothing is in the topic any more."""
        self._lost |= {(topic, one.partition, one.offset) for one in self._log.records(topic)}

    def repeat_last(self, topic: str, value: bytes | None = None) -> None:
        """The newest record of a topic comes again, or another one under its id."""
        last = self._log.records(topic)[-1]
        offset = self._log.length(topic, last.partition)
        self._added.append(replace(last, offset=offset, value=value or last.value))

    async def ends(self, topics: Iterable[str]) -> dict[tuple[str, int], tuple[int, int]]:
        """First and next offsets."""
        more = Counter((record.topic, record.partition) for record in self._added)
        return {
            (topic, partition): (min(length, topic in self._forgotten), length)
            for topic in topics
            for partition in range(self._log.partitions(topic))
            for length in [self._log.length(topic, partition) + more[topic, partition]]
        }

    async def read(
        self, ends: Mapping[tuple[str, int], tuple[int, int]]
    ) -> AsyncIterator[list[Record]]:
        """Every record that was not lost."""
        for (topic, partition), (start, end) in ends.items():
            there = self._log.read(topic, partition, start, end - start)
            yield [one for one in there if (topic, partition, one.offset) not in self._lost]
        yield self._added
