"""Where numbers and bookings meet: whatever comes first, the same state comes out."""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson
import pytest

from schemas.catalogue import SHIPMENT_STATUS_CHANGED, TRACKING_RECEIVED
from schemas.ids import booking_reference
from schemas.tracking import ShipmentStatusChanged
from streams.runtime.memory import Disorder
from streams.runtime.stage import Batch, Message
from streams.tracking import Tracking
from tests.tracking_facts import (
    JOURNEY,
    MAP,
    NOW,
    PARCEL,
    a_booking,
    a_life,
    a_pipeline,
    a_record,
    a_scan,
    a_void,
    booked,
    check_stored_states,
    counted,
    forget,
    last_states,
    told,
)

if TYPE_CHECKING:
    from services.store.pool import Pool

pytestmark = pytest.mark.postgres


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
    facts = [booked(a_booking()), booked(a_void()), JOURNEY[0], JOURNEY[2]]
    seen = []
    for order in itertools.permutations(facts):
        await forget(pool)
        pipeline = a_pipeline(pool)
        await told(pipeline, *order, one_by_one=one_by_one)
        seen.append(last_states(pipeline))
    assert all(states == seen[0] for states in seen)
    (state,) = seen[0].values()
    assert (state["status"], state["moved_after_terminal"]) == ("delivered", True)


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
        await forget(pool)
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
        await forget(pool)
        pipeline = a_pipeline(pool)
        await told(pipeline, *order)
        (state,) = last_states(pipeline).values()
        assert (state["status"], state["tracking_no"]) == ("delivered", "VTP1")
        assert state["handed_over_at"] == datetime(2026, 10, 2, 1, tzinfo=UTC)
        assert await pool.fetchval("SELECT count(*) FROM tracking.waiting") == 0


async def test_one_batch_with_an_event_of_the_number_and_one_that_names_the_reference(
    pool: Pool,
) -> None:
    """OTHER15 lies in the partition of VTP1: both events are one batch."""
    pipeline = a_pipeline(pool)
    await told(pipeline, booked(a_booking("VTP1")))
    await told(
        pipeline,
        a_scan("200", "02/10/2026 08:00:00"),
        a_scan("300", "02/10/2026 09:00:00", "OTHER15", booking_reference(PARCEL, 1)),
        one_by_one=False,
    )
    assert len({record.partition for record in pipeline.records(TRACKING_RECEIVED.name)}) == 1
    versions = [event.version for event in pipeline.events(SHIPMENT_STATUS_CHANGED.name)]
    assert len(versions) == len(set(versions))
    (state,) = last_states(pipeline).values()
    assert state["status"] == "in_transit"
    stored = await pool.fetchval("SELECT state ->> 'events' FROM tracking.bookings")
    assert stored == "2"


async def test_a_parcel_voided_before_it_was_ever_booked_is_nothing_to_track(pool: Pool) -> None:
    never = a_void().model_copy(update={"reference": None, "tracking_no": None})
    pipeline = a_pipeline(pool)
    await told(pipeline, booked(never))
    assert counted(pipeline.settled) == {"applied": 1, "duplicate": 0, "parked": 0, "dead": 0}


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
    await forget(pool)
    disorder = Disorder(seed, duplicated=0.3, late=0.4, redelivered=0.2, cut=True)
    wild = a_pipeline(pool, disorder)
    await told(wild, *facts, one_by_one=False)
    assert last_states(wild) == expected
    assert counted(wild.settled)["duplicate"] > 0
    await check_stored_states(pool)
