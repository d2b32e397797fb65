"""The tracking stage on real PostgreSQL: whatever comes first, the same state comes out."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import orjson
import pytest

from schemas.booking import BookingVoided, ShipmentBooked
from schemas.catalogue import SHIPMENT_STATUS_CHANGED, TRACKING_RECEIVED, TRACKING_UNMAPPED
from schemas.ids import booking_reference, order_of, shipment_of, tracking_key
from schemas.intake import Channel
from schemas.tracking import ShipmentStatusChanged
from services.reference.status_map import read_status_map
from streams.rules.tracking_fold import fold, restored
from streams.runtime.memory import Disorder, ManualClock, Pipeline
from streams.runtime.stage import Batch, Message
from streams.tracking import Tracking
from streams.tracking_store import read_logs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from services.store.pool import Pool
    from streams.rules.tracking_bookings import Sighting
    from streams.runtime.ports import Settled

    Fact = Callable[[Pipeline], Awaitable[None]]

pytestmark = pytest.mark.postgres

MAP = read_status_map()
NOW = datetime(2026, 11, 1, tzinfo=UTC)
PARCEL = "direct:HTX-MAU-01:D-0000001/1/1"


def a_pipeline(pool: Pool, disorder: Disorder | None = None) -> Pipeline:
    clock = ManualClock(NOW)
    if disorder is None:
        return Pipeline([Tracking(MAP)], pool, clock)
    return Pipeline([Tracking(MAP)], pool, clock, disorder=disorder)


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


async def test_a_parcel_is_followed_to_the_door(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    await told(pipeline, booked(a_booking()), *JOURNEY)
    (state,) = last_states(pipeline).values()
    assert (state["status"], state["attempt_no"], state["cod_state"]) == (
        "delivered",
        2,
        "collected",
    )
    assert state["handed_over_at"] == datetime(2026, 10, 2, 1, tzinfo=UTC)
    assert state["occurred_at"] == state["delivered_at"] == datetime(2026, 10, 4, 1, tzinfo=UTC)
    versions = [event.version for event in pipeline.events(SHIPMENT_STATUS_CHANGED.name)]
    assert versions == [1, 2, 3]
    assert pipeline.events(SHIPMENT_STATUS_CHANGED.name)[0].key == order_of(PARCEL)


async def test_a_booking_alone_is_nothing_new_to_tell(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    await told(pipeline, booked(a_booking()), a_scan("100"))
    (state,) = last_states(pipeline).values()
    assert (state["status"], state["detail"]) == ("created", "accepted_by_carrier")


async def test_events_of_an_unknown_number_wait_for_their_booking(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    await told(pipeline, *JOURNEY)
    assert last_states(pipeline) == {}
    assert await pool.fetchval("SELECT events FROM tracking.waiting") == len(JOURNEY)
    assert counted(pipeline.settled)["parked"] == len(JOURNEY)
    await told(pipeline, booked(a_booking()))
    (state,) = last_states(pipeline).values()
    assert (state["status"], state["attempt_no"]) == ("delivered", 2)
    assert await pool.fetchval("SELECT count(*) FROM tracking.waiting") == 0


@pytest.mark.parametrize("one_by_one", [True, False])
async def test_every_interleaving_tells_the_same(pool: Pool, one_by_one: bool) -> None:
    facts = [booked(a_booking()), booked(a_void()), *JOURNEY]
    seen = []
    for order in itertools.permutations(facts):
        await pool.execute("TRUNCATE tracking.waybills, tracking.bookings, tracking.events")
        await pool.execute("TRUNCATE runtime.checkpoints CASCADE")
        pipeline = a_pipeline(pool)
        await told(pipeline, *order, one_by_one=one_by_one)
        seen.append(last_states(pipeline))
    assert all(states == seen[0] for states in seen)
    (state,) = seen[0].values()
    assert (state["status"], state["moved_after_terminal"]) == ("delivered", True)


async def test_a_voided_booking_that_nobody_moves_is_cancelled(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    await told(pipeline, booked(a_booking()), booked(a_void()))
    (state,) = last_states(pipeline).values()
    assert (state["status"], state["cod_state"]) == ("cancelled", "void")
    assert state["moved_after_terminal"] is False


async def test_the_same_event_again_has_no_effect(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    again = [booked(a_booking()), *JOURNEY, *JOURNEY, booked(a_booking()), JOURNEY[2], JOURNEY[0]]
    await told(pipeline, *again)
    assert counted(pipeline.settled) == {"applied": 4, "duplicate": 6, "parked": 0, "dead": 0}
    assert await pool.fetchval("SELECT count(*) FROM tracking.events") == len(JOURNEY)
    assert len(pipeline.events(SHIPMENT_STATUS_CHANGED.name)) == len(JOURNEY)


async def test_one_batch_with_everything_twice_counts_everything_once(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    await told(pipeline, booked(a_booking()), *JOURNEY, *reversed(JOURNEY), one_by_one=False)
    counts = counted(pipeline.settled)
    assert counts["applied"] + counts["parked"] == 1 + len(JOURNEY)
    assert counts["duplicate"] == len(JOURNEY)


async def test_an_event_without_movement_is_kept_and_not_told(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    await told(pipeline, booked(a_booking()), JOURNEY[0], a_scan("202", "02/10/2026 09:00:00"))
    assert len(pipeline.events(SHIPMENT_STATUS_CHANGED.name)) == 1
    assert await pool.fetchval("SELECT count(*) FROM tracking.events") == 2


async def test_a_late_event_is_folded_where_it_belongs(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    first, failed, delivered = JOURNEY
    await told(pipeline, booked(a_booking()), delivered, failed, first)
    states = list(pipeline.events(SHIPMENT_STATUS_CHANGED.name))
    assert [getattr(state, "attempt_no", None) for state in states] == [1, 2, 2]
    (state,) = last_states(pipeline).values()
    assert state["handed_over_at"] == datetime(2026, 10, 2, 1, tzinfo=UTC)


async def test_one_number_of_two_carriers_is_two_parcels(pool: Pool) -> None:
    other = "direct:HTX-MAU-01:D-0000002/1/1"
    body = orjson.dumps(
        {"data": [{"itemCode": "X1", "status": "14"}], "sendDate": "2026-10-03 08:00:00"}
    )
    pipeline = a_pipeline(pool)
    await told(
        pipeline,
        booked(a_booking("X1")),
        booked(a_booking("X1", parcel=other, carrier="vnpost")),
        a_scan("200", number="X1"),
        a_record("vnpost", "myvnpost", "X1", body),
    )
    states = last_states(pipeline)
    assert states[booking_reference(PARCEL, 1)]["status"] == "picked_up"
    assert states[booking_reference(other, 1)]["status"] == "delivered"


async def test_every_item_of_a_webhook_is_its_own_parcel(pool: Pool) -> None:
    other = "direct:HTX-MAU-01:D-0000002/1/1"
    items = [{"itemCode": "A1", "status": 6}, {"itemCode": "A2", "status": 14}]
    body = orjson.dumps({"data": items, "sendDate": "2026-10-03 08:00:00"})
    pipeline = a_pipeline(pool)
    await told(
        pipeline,
        booked(a_booking("A1", carrier="vnpost")),
        booked(a_booking("A2", parcel=other, carrier="vnpost")),
        a_record("vnpost", "myvnpost", "A1", body, item=0),
        a_record("vnpost", "myvnpost", "A2", body, item=1),
    )
    assert sorted(str(s["status"]) for s in last_states(pipeline).values()) == [
        "delivered",
        "picked_up",
    ]


async def test_an_unknown_code_is_shown_and_guessed_at_by_nobody(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    await told(pipeline, booked(a_booking()), JOURNEY[0], a_scan("777", "02/10/2026 10:00:00"))
    (unmapped,) = pipeline.events(TRACKING_UNMAPPED.name)
    assert unmapped.model_dump(include={"code", "tracking_no", "mapping_version"}) == {
        "code": "777",
        "tracking_no": "VTP1",
        "mapping_version": MAP.version,
    }
    (state,) = last_states(pipeline).values()
    assert state["status"] == "picked_up"


async def test_a_body_that_is_no_webhook_is_buried_with_its_reason(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    await told(
        pipeline,
        a_record("viettelpost", "partner_v2", "V", b"\xff"),
        a_record("viettelpost", "partner_v2", "V", b'{"DATA": 1}'),
        a_record("nobody", "v0", "V", b"{}"),
    )
    assert [dead.code for dead in pipeline.dead] == ["not_json", "no_data", "unknown_format"]


async def test_an_event_without_a_readable_time_waits_and_is_not_dated_by_us(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    undated = a_scan("501", "yesterday")
    await told(pipeline, booked(a_booking()), undated, undated)
    assert last_states(pipeline) == {}
    assert counted(pipeline.settled) == {"applied": 1, "duplicate": 1, "parked": 1, "dead": 0}
    row = await pool.fetchrow("SELECT why, events FROM tracking.waiting")
    assert tuple(row or ()) == ("no_readable_time", 1)
    assert await pool.fetchval("SELECT raw_time FROM tracking.undated") == "yesterday"


async def test_a_recycled_number_parts_its_events_by_booking(pool: Pool) -> None:
    other = "direct:HTX-MAU-01:D-0000002/1/1"
    old = a_booking("VTP1", day=1).model_copy(
        update={"occurred_at": datetime(2025, 6, 1, tzinfo=UTC)}
    )
    new = a_booking("VTP1", parcel=other)
    facts = [
        booked(old),
        booked(new),
        a_scan("501", "05/06/2025 08:00:00"),
        a_scan("500", "02/10/2026 08:00:00"),
    ]
    for order in itertools.permutations(facts):
        await pool.execute("TRUNCATE tracking.waybills, tracking.bookings, tracking.events")
        await pool.execute("TRUNCATE runtime.checkpoints CASCADE")
        pipeline = a_pipeline(pool)
        await told(pipeline, *order)
        states = last_states(pipeline)
        assert states[old.reference]["status"] == "delivered"
        assert states[new.reference]["status"] == "out_for_delivery"


async def test_two_live_bookings_of_one_number_are_refused_and_shown(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    again = a_booking("VTP1", parcel="direct:HTX-MAU-01:D-0000002/1/1", day=2)
    named = a_scan("200", "03/10/2026 08:00:00", reference=again.reference)
    await told(pipeline, booked(a_booking()), booked(again), JOURNEY[2], named)
    assert await pool.fetchval("SELECT why FROM tracking.waiting") == "ambiguous_number"
    assert last_states(pipeline).keys() == {again.reference}


async def test_a_number_nobody_told_us_is_learned_from_our_reference(pool: Pool) -> None:
    reference = booking_reference(PARCEL, 1)
    facts = [
        booked(a_booking("VTP1")),
        a_scan("200", "02/10/2026 08:00:00", "OTHER9", reference),
        a_scan("501", "04/10/2026 08:00:00", "OTHER9"),
        a_scan("500", "03/10/2026 08:00:00", "VTP1"),
    ]
    for order in itertools.permutations(facts):
        await pool.execute("TRUNCATE tracking.waybills, tracking.bookings, tracking.events")
        await pool.execute("TRUNCATE runtime.checkpoints CASCADE")
        pipeline = a_pipeline(pool)
        await told(pipeline, *order)
        (state,) = last_states(pipeline).values()
        assert (state["status"], state["tracking_no"]) == ("delivered", "VTP1")
        assert state["handed_over_at"] == datetime(2026, 10, 2, 1, tzinfo=UTC)
        assert await pool.fetchval("SELECT count(*) FROM tracking.waiting") == 0


async def test_the_return_leg_runs_under_the_same_booking(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    await told(
        pipeline,
        booked(a_booking()),
        a_scan("502", "03/10/2026 08:00:00"),
        a_scan("500", "04/10/2026 08:00:00", "VTP11P1"),
        a_scan("501", "05/10/2026 08:00:00", "VTP11P1"),
    )
    (state,) = last_states(pipeline).values()
    assert (state["status"], state["detail"]) == ("returning", "return_out_to_seller")
    assert len(pipeline.events(TRACKING_UNMAPPED.name)) == 1


async def test_a_claim_from_the_future_is_kept_once_and_ordered_by_our_clock(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    future = a_scan("501", "02/11/2027 08:00:00")
    await told(pipeline, booked(a_booking()), future, future, JOURNEY[0], future)
    assert counted(pipeline.settled)["duplicate"] == 2
    (state,) = last_states(pipeline).values()
    assert (state["status"], state["delivered_at"]) == ("delivered", NOW)
    ahead = "SELECT count(*) FROM tracking.events WHERE ordered_at <> occurred_at"
    assert await pool.fetchval(ahead) == 1


async def test_a_corrected_booking_replaces_the_older_one(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    await told(pipeline, booked(a_booking(version=2, cod_vnd=900)), booked(a_booking()), JOURNEY[0])
    (state,) = last_states(pipeline).values()
    assert state["cod_vnd"] == 900
    assert counted(pipeline.settled)["duplicate"] == 1


async def test_a_parcel_voided_before_it_was_ever_booked_is_nothing_to_track(pool: Pool) -> None:
    never = a_void().model_copy(update={"reference": None, "tracking_no": None})
    pipeline = a_pipeline(pool)
    await told(pipeline, booked(never))
    assert counted(pipeline.settled) == {"applied": 1, "duplicate": 0, "parked": 0, "dead": 0}


async def test_nothing_personal_is_stored(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    await told(pipeline, booked(a_booking()), *JOURNEY, a_scan("501", "never"))
    for table in ("events", "undated", "bookings", "waybills"):
        rows = await pool.fetch(f"SELECT t::text FROM tracking.{table} t")  # noqa: S608
        assert not any("0900000009" in row[0] or "Trần" in row[0] for row in rows)


@pytest.mark.parametrize("booking_first", [True, False])
async def test_a_booking_and_an_event_in_two_transactions_cannot_miss_each_other(
    pool: Pool, *, booking_first: bool
) -> None:
    log = a_pipeline(pool)
    await JOURNEY[0](log)
    event = Message(log.records(TRACKING_RECEIVED.name)[0], None)
    booking = Message(event.record, a_booking())
    first, second = (booking, event) if booking_first else (event, booking)
    stage = Tracking(MAP)
    async with pool.acquire() as one, pool.acquire() as two:
        earlier = one.transaction()
        await earlier.start()
        await stage.handle(Batch(0, [first], NOW), one)
        async with two.transaction():
            later = asyncio.create_task(stage.handle(Batch(1, [second], NOW), two))
            await asyncio.sleep(0.1)
            assert not later.done()
            await earlier.commit()
            (output,) = (await later).outputs
    assert isinstance(output.event, ShipmentStatusChanged)
    assert output.event.status == "picked_up"


@pytest.mark.parametrize("seed", range(4))
async def test_disorder_ends_in_the_state_of_a_clean_pass(pool: Pool, seed: int) -> None:
    facts = [fact for n in range(12) for fact in a_life(n)]
    clean = a_pipeline(pool)
    await told(clean, *facts, one_by_one=False)
    expected = last_states(clean)
    await check_stored_states(pool)
    await pool.execute("TRUNCATE tracking.waybills, tracking.bookings, tracking.events")
    await pool.execute("TRUNCATE runtime.checkpoints CASCADE")
    disorder = Disorder(seed, duplicated=0.3, late=0.4, redelivered=0.2, cut=True)
    wild = a_pipeline(pool, disorder)
    await told(wild, *facts, one_by_one=False)
    assert last_states(wild) == expected
    assert counted(wild.settled)["duplicate"] > 0
    await check_stored_states(pool)


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
