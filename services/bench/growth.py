"""What an event costs when little is stored, and when very much is.

The stage takes one parcel through the first days of its life; the others are copies of its rows.
Then the same kind of webhooks is taken twice: with ten thousand parcels stored, and with a
million, each time about parcels picked from all over the table.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from schemas.catalogue import SHIPMENT_BOOKED, TRACKING_RECEIVED
from schemas.ids import tracking_key
from services.bench.filling import event_record, fill, filling
from services.bench.parcels import AGO, CARRIER, BenchParcel, webhook_record
from services.bench.tracking import WORKER, watching
from services.sandbox.plans import Step

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aiokafka import AIOKafkaProducer

    from services.bench.filling import Made
    from services.bench.ground import Ground
    from services.bench.tracking import Taken, Watch
    from services.store.pool import Connection

STORED: Final = tuple(Step(2.0, code) for code in ("103", "104", "105", "200"))
TO_COME: Final = tuple(Step(6.0, code) for code in ("300", "400", "500", "506", "501"))
MOVING: Final = 10_000
"""Parcels the measured webhooks are about."""
AT_ONCE: Final = 20_000

MAKE_WANTED: Final = """
CREATE TEMPORARY TABLE wanted
    (number bigint, reference text, waybill text, order_id text, seller_id text, parcel_id text)
"""

# Numbers of parcels like the first one.
COPY_WAYBILLS: Final = """
INSERT INTO tracking.waybills (waybill) SELECT waybill FROM wanted ORDER BY number
"""

# Bookings in the first one's state.
COPY_BOOKINGS: Final = """
INSERT INTO tracking.bookings
       (reference, waybill, waybill_id, order_id, channel, seller_id, parcel_id, api, cod_vnd,
        booked_at, booked_version, version, state)
SELECT t.reference, t.waybill, w.waybill_id, t.order_id, b.channel, t.seller_id, t.parcel_id,
       b.api, b.cod_vnd, b.booked_at, b.booked_version, b.version, b.state
FROM wanted t JOIN tracking.waybills w USING (waybill), tracking.bookings b
WHERE b.reference = $1
ORDER BY t.number
"""

# Logs with the first one's events.
COPY_EVENTS: Final = """
INSERT INTO tracking.events
SELECT w.waybill_id, e.event_key, e.origin, t.reference, substr(t.waybill, 13), e.api, e.code,
       e.reason_code, e.return_leg, e.occurred_at, e.ordered_at, e.reported_at, e.ingested_at,
       e.raw_time, e.facility, e.cod_vnd, e.status, e.reason, e.attributed_to, e.finality, e.cod,
       e.mapping, e.payload_sha256
FROM wanted t JOIN tracking.waybills w USING (waybill), tracking.events e
WHERE e.waybill_id = (SELECT waybill_id FROM tracking.bookings WHERE reference = $1)
ORDER BY t.number
"""
SETTLE_DOWN: Final = (
    "VACUUM (ANALYZE) tracking.waybills, tracking.bookings, tracking.events",
    "CHECKPOINT",
)


@dataclass(frozen=True, slots=True)
class Growth:
    """The same work on a small and on a large store."""

    small: Taken
    large: Taken

    @property
    def ratio(self) -> float:
        """How much more an event costs: CPU of worker and database together."""
        return cost_us(self.large) / cost_us(self.small)


def cost_us(taken: Taken) -> float:
    """CPU of worker and database for an event."""
    return taken.worker_us + taken.database_us


async def measure_growth(ground: Ground, small: int, large: int) -> Growth:
    """Take webhooks with `small` and with `large` parcels stored."""
    start = datetime.now(UTC) - AGO
    async with watching(ground) as watch, filling(ground.kafka) as producer:
        await first_parcel(watch, producer, start)
        await copy_parcels(watch, range(1, small))
        less = await take_some(watch, producer, start, range(1, small))
        await copy_parcels(watch, range(small, large))
        # Those of the first round are delivered by now.
        more = await take_some(watch, producer, start, range(small, large))
    return Growth(less, more)


async def first_parcel(watch: Watch, producer: AIOKafkaProducer, start: datetime) -> None:
    """Take one parcel through its first days."""
    parcel = BenchParcel(0)
    await fill(producer, SHIPMENT_BOOKED, [event_record(parcel.booked(start))])
    watch.ground.start_worker(WORKER, "tracking")
    with watch.ground.bars.bar("first parcel", 1 + len(STORED)) as bar:
        await watch.until_read(SHIPMENT_BOOKED.name, 1, bar)
        await fill(producer, TRACKING_RECEIVED, lives([parcel], STORED, start))
        await watch.until_read(TRACKING_RECEIVED.name, len(STORED), bar)
    watch.ground.stop(WORKER)


async def copy_parcels(watch: Watch, numbers: range) -> None:
    """Store copies of the first parcel under other numbers."""
    first = BenchParcel(0).reference
    async with watch.pool.acquire() as connection:
        with watch.ground.bars.bar("parcels stored", len(numbers)) as bar:
            for begin in range(0, len(numbers), AT_ONCE):
                some = numbers[begin : begin + AT_ONCE]
                await copy_some(connection, some, first)
                bar.advance(len(some))
        for statement in SETTLE_DOWN:
            await connection.execute(statement)


async def copy_some(connection: Connection, numbers: Sequence[int], first: str) -> None:
    """Store some copies in a transaction."""
    async with connection.transaction():
        await connection.execute(MAKE_WANTED)
        await connection.copy_records_to_table(
            "wanted", records=[wanted(BenchParcel(number)) for number in numbers]
        )
        await connection.execute(COPY_WAYBILLS)
        await connection.execute(COPY_BOOKINGS, first)
        await connection.execute(COPY_EVENTS, first)
        await connection.execute("DROP TABLE wanted")


def wanted(parcel: BenchParcel) -> tuple[int, str, str, str, str, str]:
    """A row of the temporary table."""
    waybill = tracking_key(CARRIER, parcel.tracking_no)
    seller_id = parcel.order_id.split(":")[1]
    parcel_id = f"{parcel.order_id}/1/1"
    return parcel.number, parcel.reference, waybill, parcel.order_id, seller_id, parcel_id


async def take_some(
    watch: Watch, producer: AIOKafkaProducer, start: datetime, numbers: range
) -> Taken:
    """Let a fresh worker take the rest of the lives of some of these parcels."""
    chance = random.Random(len(numbers))  # noqa: S311 (repeatable chance, no secret)
    chosen = chance.sample(numbers, min(MOVING, len(numbers)))
    parcels = [BenchParcel(number) for number in chosen]
    begins = start + timedelta(days=2)
    return await watch.take(
        await fill(producer, TRACKING_RECEIVED, lives(parcels, TO_COME, begins))
    )


def lives(parcels: Sequence[BenchParcel], steps: Sequence[Step], start: datetime) -> Iterator[Made]:
    """The steps of all parcels, step by step."""
    at = start
    for step in steps:
        at += timedelta(hours=step.after_h)
        for parcel in parcels:
            yield webhook_record(parcel, step, at)
