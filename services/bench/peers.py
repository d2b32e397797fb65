"""Everybody around the system at once: channels, packing stations, carriers' webhooks.

A process of its own that feeds the topics and follows them:

    BENCH_ORDERS=12000 BENCH_AT_ONCE=2000 BENCH_WEBHOOKS=yes python -m services.bench.peers

At most `BENCH_AT_ONCE` orders are under way: so many are sent as have come to an end. Prints a
line of JSON a second: `{"at", "sent", "packed", "booked", "webhooks", "finished", "held"}`.
Without webhooks, orders wait at their label.
"""

from __future__ import annotations

import asyncio
import os
import sys
import uuid
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import asyncpg
import orjson
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from schemas.catalogue import (
    ORDER_RECEIVED,
    ORDER_ROUTED,
    PACKING_REPORTED,
    SHIPMENT_BOOKED,
    TRACKING_RECEIVED,
)
from schemas.ids import channel_key
from services.bench.filling import Made
from services.bench.orders import order_lines
from services.bench.scans import LIVES, scan_record
from services.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from schemas.topics import Topic
    from services.bench.orders import Line

LINGER_MS: Final = 10
TICK_S: Final = 0.1
STEP_TICKS: Final = 10
"""Ticks between two webhooks about a parcel."""
TELL_S: Final = 1.0
BOX_G: Final = 60

# Orders that have come to their end, and orders that wait for a person.
COUNT_ENDED: Final = """
SELECT count(*) FILTER (WHERE finished) AS finished,
       count(*) FILTER (WHERE NOT finished AND fulfilment = 'on_hold') AS held
FROM status.orders
"""


@dataclass(slots=True)
class Told:
    """How far everybody is."""

    at: float = 0.0
    sent: int = 0
    packed: int = 0
    booked: int = 0
    webhooks: int = 0
    finished: int = 0
    held: int = 0

    @property
    def under_way(self) -> int:
        """Orders that have not come to an end."""
        return self.sent - self.finished - self.held


@dataclass(slots=True)
class Peers:
    """All of them; they share a producer and the clock's ticks."""

    producer: AIOKafkaProducer
    with_webhooks: bool
    told: Told = field(default_factory=Told)
    seen: set[str] = field(default_factory=set)
    tick: int = 0
    coming: dict[int, list[tuple[dict[str, Any], int]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    """By tick: bookings and which of their webhooks is due."""

    async def send(self, topic: Topic, records: Iterable[Made]) -> None:
        """Append in the background; the producer's memory is the limit."""
        for key, value, headers in records:
            await self.producer.send(topic.name, value, key=key, headers=list(headers))

    async def channels(self, lines: Sequence[Line], at_once: int) -> None:
        """Send orders, so many that `at_once` are under way."""
        for line in lines:
            while self.told.under_way >= at_once:  # noqa: ASYNC110 (told by a query)
                await asyncio.sleep(TICK_S)
            await self.send(ORDER_RECEIVED, [order_record(line)])
            self.told.sent += 1
            if self.told.sent % 20 == 0:
                await asyncio.sleep(0)

    async def follow(self, consumer: AIOKafkaConsumer) -> None:
        """Pack what was routed, carry what was booked."""
        while True:
            for tp, records in (await consumer.getmany(timeout_ms=200)).items():
                for record in records:
                    event = orjson.loads(record.value)
                    if tp.topic == ORDER_ROUTED.name:
                        await self.pack(event)
                    else:
                        self.carry(event)

    async def pack(self, routed: dict[str, Any]) -> None:
        """Report every shipment once, as started, parcel and finished."""
        for shipment in routed["shipments"]:
            if shipment["shipment_id"] not in self.seen:
                self.seen.add(shipment["shipment_id"])
                await self.send(PACKING_REPORTED, packing_records(routed["order_id"], shipment))
                self.told.packed += 1

    def carry(self, booked: dict[str, Any]) -> None:
        """Begin a parcel's life; a record that comes again is the same parcel."""
        if booked["reference"] not in self.seen:
            self.seen.add(booked["reference"])
            self.told.booked += 1
            if self.with_webhooks:
                self.coming[self.tick + STEP_TICKS].append((booked, 0))

    async def carriers(self) -> None:
        """Send the webhooks that are due, tick by tick."""
        while True:
            await asyncio.sleep(TICK_S)
            self.tick += 1
            for booked, step in self.coming.pop(self.tick, []):
                at = datetime.fromisoformat(booked["occurred_at"])
                await self.send(TRACKING_RECEIVED, [scan_record(booked, step, at)])
                self.told.webhooks += 1
                if step + 1 < len(LIVES[booked["carrier"]]):
                    self.coming[self.tick + STEP_TICKS].append((booked, step + 1))

    async def count(self, database: str) -> None:
        """Look how many orders have ended, and say how far everybody is."""
        connection = await asyncpg.connect(database)
        while True:
            ((finished, held),) = await connection.fetch(COUNT_ENDED)
            self.told.finished, self.told.held = finished, held
            self.told.at = monotonic()
            sys.stdout.write(orjson.dumps(asdict(self.told)).decode() + "\n")
            sys.stdout.flush()
            await asyncio.sleep(TELL_S)


def order_record(line: Line) -> Made:
    """An order as the gateway appends it."""
    body, channel = line["body"], line["channel"]
    ours = {"ocop_channel": channel, "ocop_kind": "order", "ocop_actor": f"channel:{channel}"}
    if channel == "direct":
        ours |= {"ocop_seller": line["seller_id"], "ocop_actor": f"seller:{line['seller_id']}"}
    key = channel_key(channel, body["channel_order_no"])
    return gateway_record(ORDER_RECEIVED, key, orjson.dumps(body), ours)


def packing_records(order_id: str, shipment: dict[str, Any]) -> list[Made]:
    """A station's three reports: everything in one box, an hour before the hand-over is due."""
    at = datetime.fromisoformat(shipment["handover_by"]) - timedelta(hours=1)
    parcel = {
        "parcel_no": 1,
        "contents": [{**line, "lot": "L2610"} for line in shipment["lines"]],
        "weight_g": shipment["weight_g"] + BOX_G,
        "length_cm": 30,
        "width_cm": 20,
        "height_cm": 15,
    }
    made = []
    for kind in ("started", "parcel", "finished"):
        report = {
            "report_id": str(uuid.uuid4()),
            "shipment_id": shipment["shipment_id"],
            "station": "T1",
            "kind": kind,
            "reported_at": at.isoformat(),
            "parcel": parcel if kind == "parcel" else None,
        }
        ours = {"ocop_actor": f"seller:{order_id.split(':')[1]}"}
        made.append(gateway_record(PACKING_REPORTED, order_id, orjson.dumps(report), ours))
    return made


def gateway_record(topic: Topic, key: str, value: bytes, ours: dict[str, str]) -> Made:
    """A record with the headers that the gateway gives it."""
    identity = uuid.uuid4()
    headers = {
        "ce_specversion": "1.0",
        "ce_id": str(identity),
        "ce_type": topic.name,
        "ce_source": "/ocop/gateway",
        "ce_time": datetime.now(UTC).isoformat(),
        "content-type": "application/json",
        "traceparent": f"00-{identity.hex}-{identity.hex[:16]}-01",
        "ocop_command_id": str(identity),
        **ours,
    }
    return Made(key.encode(), value, [(name, text.encode()) for name, text in headers.items()])


async def run(orders: int, at_once: int, *, with_webhooks: bool) -> None:
    """Everybody at work until SIGTERM."""
    settings = read_settings()
    lines = order_lines(orders)
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka, enable_auto_commit=False)
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.kafka, acks="all", enable_idempotence=True, linger_ms=LINGER_MS
    )
    await producer.start()
    await consumer.start()
    topics = (ORDER_ROUTED, SHIPMENT_BOOKED)
    partitions = [TopicPartition(t.name, n) for t in topics for n in range(t.partitions)]
    consumer.assign(partitions)
    await consumer.seek_to_beginning(*partitions)
    peers = Peers(producer, with_webhooks)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(peers.count(settings.database))
            group.create_task(peers.follow(consumer))
            group.create_task(peers.carriers())
            group.create_task(peers.channels(lines, at_once))
    finally:
        await consumer.stop()
        await producer.stop()


def main() -> None:
    """Read what to do from the environment, and do it."""
    told = os.environ
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(
            run(
                int(told["BENCH_ORDERS"]),
                int(told["BENCH_AT_ONCE"]),
                with_webhooks=told["BENCH_WEBHOOKS"] == "yes",
            )
        )


if __name__ == "__main__":
    main()
