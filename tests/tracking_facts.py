"""Tracking facts for tests: bookings, voids, webhooks, and what readers make of the answers."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import orjson

from schemas.booking import BookingVoided, ShipmentBooked
from schemas.catalogue import SHIPMENT_STATUS_CHANGED, TRACKING_RECEIVED
from schemas.ids import booking_reference, order_of, shipment_of, tracking_key
from schemas.intake import Channel
from schemas.mending import KIND_HEADER, Correction, Request
from schemas.tracking import ShipmentStatusChanged, TrackingStatus
from services.reference.status_map import read_status_map
from streams.rules.tracking_fold import fold, restored
from streams.runtime.memory import ORDERLY, Disorder, ManualClock, Pipeline
from streams.tracking import Tracking
from streams.tracking_store import read_logs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from services.store.pool import Pool
    from streams.rules.tracking_bookings import Sighting
    from streams.runtime.ports import Settled

    Fact = Callable[[Pipeline], Awaitable[None]]

MAP = read_status_map()
NOW = datetime(2026, 11, 1, tzinfo=UTC)
PARCEL = "direct:HTX-MAU-01:D-0000001/1/1"


def a_pipeline(pool: Pool, disorder: Disorder = ORDERLY) -> Pipeline:
    return Pipeline([Tracking(MAP)], pool, ManualClock(NOW), disorder=disorder)


def a_booking(
    number: str = "VTP1",
    *,
    parcel: str = PARCEL,
    attempt: int = 1,
    version: int = 1,
    carrier: str = "viettelpost",
    day: int = 1,
    cod_vnd: int = 500,
) -> ShipmentBooked:
    return ShipmentBooked(
        version=version,
        occurred_at=datetime(2026, 10, day, tzinfo=UTC),
        order_id=order_of(parcel),
        channel=Channel.DIRECT,
        seller_id="HTX-MAU-01",
        shipment_id=shipment_of(parcel),
        parcel_id=parcel,
        reference=booking_reference(parcel, attempt),
        attempt=attempt,
        carrier=carrier,
        service="VCN",
        api="partner_v2" if carrier == "viettelpost" else "myvnpost",
        tracking_no=number,
        weight_g=500,
        freight_vnd=20_000,
        cod_vnd=cod_vnd,
        promised_on=date(2026, 10, 5),
    )


def a_void(number: str = "VTP1", *, moment: str = "02/10/2026 12:00:00") -> BookingVoided:
    at = datetime.strptime(moment, "%d/%m/%Y %H:%M:%S").replace(tzinfo=UTC) - timedelta(hours=7)
    return BookingVoided(
        version=1,
        occurred_at=at,
        order_id=order_of(PARCEL),
        seller_id="HTX-MAU-01",
        shipment_id=shipment_of(PARCEL),
        parcel_id=PARCEL,
        reference=booking_reference(PARCEL, 1),
        carrier="viettelpost",
        tracking_no=number,
        why="order cancelled",
    )


def booked(event: ShipmentBooked | BookingVoided) -> Fact:
    async def send(pipeline: Pipeline) -> None:
        await pipeline.send_event(event)

    return send


def a_scan(
    code: str,
    moment: str = "02/10/2026 08:00:00",
    number: str = "VTP1",
    reference: str | None = None,
) -> Fact:
    """A Viettel Post webhook; `code` may carry a reason: `506:36`."""
    status, _, reason = code.partition(":")
    data = {
        "ORDER_NUMBER": number,
        "ORDER_REFERENCE": reference,
        "ORDER_STATUS": int(status),
        "ORDER_STATUSDATE": moment,
        "REASON_CODE": reason or None,
        "MONEY_COLLECTION": 500,
        "RECEIVER_FULLNAME": "Trần Thị B",
        "EMPLOYEE_PHONE": "0900000009",
    }
    body = orjson.dumps({"DATA": data, "TOKEN": "sample"})
    return a_record("viettelpost", "partner_v2", number.removesuffix("1P1"), body)


def a_record(carrier: str, api: str, number: str, body: bytes, item: int = 0) -> Fact:
    headers = (
        ("ocop_carrier", carrier.encode()),
        ("ocop_api", api.encode()),
        ("ocop_partner", b"partner-1"),
        ("ocop_item", str(item).encode()),
    )

    async def send(pipeline: Pipeline) -> None:
        await pipeline.send(TRACKING_RECEIVED.name, tracking_key(carrier, number), body, headers)

    return send


def a_correction(
    state: str,
    at: datetime,
    number: str = "VTP1",
    *,
    parcel: str = PARCEL,
    name: str = "c-1",
    detail: str | None = None,
) -> Fact:
    said = Correction(
        correction_id=name,
        parcel_id=parcel,
        reference=booking_reference(parcel, 1),
        state=TrackingStatus(state),
        detail=detail,
        occurred_at=at,
        by="ops:lan",
        why="the buyer confirmed it",
        evidence="call-4711",
    )
    value = said.model_dump_json().encode()
    return a_request(Request.CORRECTION, number, value)


def a_request(kind: Request, number: str = "VTP1", value: bytes = b"{}") -> Fact:
    async def send(pipeline: Pipeline) -> None:
        key = tracking_key("viettelpost", number)
        headers = ((KIND_HEADER, kind.value.encode()),)
        await pipeline.send(TRACKING_RECEIVED.name, key, value, headers)

    return send


async def told(pipeline: Pipeline, *facts: Fact, one_by_one: bool = True) -> None:
    for fact in facts:
        await fact(pipeline)
        if one_by_one:
            await pipeline.run_until_idle()
    await pipeline.run_until_idle()


def last_states(pipeline: Pipeline) -> dict[str, dict[str, object]]:
    """The newest state of every reference, as a reader who keeps the highest version sees it."""
    newest: dict[str, ShipmentStatusChanged] = {}
    for event in pipeline.events(SHIPMENT_STATUS_CHANGED.name):
        assert isinstance(event, ShipmentStatusChanged)
        if event.reference not in newest or newest[event.reference].version < event.version:
            newest[event.reference] = event
    return {
        reference: event.model_dump(exclude={"version", "events"})
        for reference, event in newest.items()
    }


def counted(settled: Iterable[Settled]) -> dict[str, int]:
    totals = {"applied": 0, "duplicate": 0, "parked": 0, "dead": 0}
    for one in settled:
        for name in totals:
            totals[name] += getattr(one.counts, name)
    return totals


JOURNEY = (
    a_scan("200", "02/10/2026 08:00:00"),
    a_scan("506:36", "03/10/2026 08:00:00"),
    a_scan("501", "04/10/2026 08:00:00"),
)


def a_life(n: int) -> Sequence[Fact]:
    parcel, number = f"direct:HTX-MAU-01:D-{n:07}/1/1", f"VTP{n:05}"
    codes = ["100", "104", "200", "300", "400", "500", "506:36", "508", "501"]
    if n % 3 == 0:
        codes[-1:] = ["505:47", "515", "502", "504"]
    moments = [f"{2 + k // 4:02}/10/2026 {8 + 3 * (k % 4):02}:00:00" for k in range(len(codes))]
    scans = [a_scan(c, m, number) for c, m in zip(codes, moments, strict=True)]
    return [booked(a_booking(number, parcel=parcel)), *scans]


async def check_stored_states(pool: Pool) -> None:
    """Promise 5: folding a parcel's log again gives the stored state."""
    async with pool.acquire() as connection, connection.transaction():
        rows = await connection.fetch(
            "SELECT waybill_id, waybill, cod_vnd, state FROM tracking.bookings"
        )
        ids = {row["waybill_id"]: row["waybill"] for row in rows}
        logs: dict[str, list[Sighting]] = {}
        for sighting in await read_logs(connection, ids, MAP):
            logs.setdefault(sighting.waybill, []).append(sighting)
    assert rows
    for row in rows:
        scans = [sighting.scan for sighting in logs[row["waybill"]]]
        assert restored(orjson.loads(row["state"])) == fold(row["cod_vnd"], scans)


async def forget(pool: Pool) -> None:
    """Begin again with an empty stage."""
    await pool.execute(
        "TRUNCATE tracking.waybills, tracking.bookings, tracking.events, tracking.remapped"
    )
    await pool.execute("TRUNCATE tracking.corrections, registry.mappings")
    await pool.execute("TRUNCATE runtime.checkpoints CASCADE")
