"""The tracking stage on real PostgreSQL: one parcel and what carriers say of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson
import pytest

from schemas.catalogue import SHIPMENT_STATUS_CHANGED, TRACKING_UNMAPPED
from schemas.ids import order_of
from tests.tracking_facts import (
    JOURNEY,
    MAP,
    NOW,
    PARCEL,
    a_booking,
    a_pipeline,
    a_record,
    a_scan,
    a_void,
    booked,
    counted,
    last_states,
    told,
)

if TYPE_CHECKING:
    from services.store.pool import Pool

pytestmark = pytest.mark.postgres


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
    await told(pipeline, booked(a_booking(version=2, cod_vnd=900)), booked(a_booking()))
    stored = await pool.fetchval("SELECT cod_vnd FROM tracking.bookings")
    assert stored == 900
    assert counted(pipeline.settled)["duplicate"] == 1


async def test_nothing_personal_is_stored(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    await told(pipeline, booked(a_booking()), *JOURNEY, a_scan("501", "never"))
    for table in ("events", "undated", "bookings", "waybills"):
        rows = await pool.fetch(f"SELECT t::text FROM tracking.{table} t")  # noqa: S608
        assert not any("0900000009" in row[0] or "Trần" in row[0] for row in rows)
