"""Operators' corrections: events of the log with a name and a reason."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from schemas.mending import Request
from services.corrections import CorrectionInvalid, correction
from services.store.parcels import find_booking
from tests.tracking_facts import (
    JOURNEY,
    NOW,
    PARCEL,
    a_booking,
    a_correction,
    a_pipeline,
    a_request,
    a_scan,
    booked,
    counted,
    forget,
    last_states,
    told,
)

if TYPE_CHECKING:
    from services.store.pool import Pool

pytestmark = pytest.mark.postgres

LATER = datetime(2026, 10, 6, tzinfo=UTC)
SAID = {
    "correction_id": "c-1",
    "parcel_id": PARCEL,
    "reference": "OC-1",
    "state": "delivered",
    "occurred_at": "2026-10-06T08:00:00+07:00",
    "by": "ops:lan",
    "why": "the buyer confirmed it",
}


async def test_a_correction_ends_what_no_carrier_ends(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    await told(pipeline, booked(a_booking()), JOURNEY[0], a_correction("delivered", LATER))
    (state,) = last_states(pipeline).values()
    assert (state["status"], state["delivered_at"]) == ("delivered", LATER)
    row = await pool.fetchrow(
        "SELECT origin, status, by, why, evidence FROM tracking.journeys WHERE origin <> 'carrier'"
    )
    assert tuple(row or ()) == (
        "correction",
        "delivered",
        "ops:lan",
        "the buyer confirmed it",
        "call-4711",
    )


async def test_a_correction_counts_once_and_in_any_order(pool: Pool) -> None:
    facts = [booked(a_booking()), *JOURNEY[1:], a_correction("returned", LATER)]
    ends = []
    for order in permutations(facts):
        await forget(pool)
        pipeline = a_pipeline(pool)
        await told(pipeline, *order, facts[-1])
        ends.append(last_states(pipeline))
        assert counted(pipeline.settled)["duplicate"] == 1
        assert await pool.fetchval("SELECT count(*) FROM tracking.corrections") == 1
    assert all(end == ends[0] for end in ends)
    (state,) = ends[0].values()
    assert (state["status"], state["cod_state"]) == ("returned", "collected")


async def test_a_later_correction_overrules_an_earlier_one(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    await told(
        pipeline,
        booked(a_booking()),
        a_correction("written_off", LATER),
        a_correction("delivered", LATER, name="c-2"),
        a_correction("in_transit", LATER.replace(hour=1), name="c-3"),
        a_scan("501", "05/10/2026 08:00:00"),
    )
    (state,) = last_states(pipeline).values()
    assert state["status"] == "in_transit"


@pytest.mark.parametrize(
    ("state", "detail"), [("unmapped", None), ("info", None), ("delivered", "no_such_reason")]
)
async def test_a_correction_to_no_state_is_buried(
    pool: Pool, state: str, detail: str | None
) -> None:
    pipeline = a_pipeline(pool)
    await told(pipeline, booked(a_booking()), a_correction(state, LATER, detail=detail))
    assert [dead.code for dead in pipeline.dead] == ["correction_invalid"]


async def test_a_body_that_is_no_correction_is_buried_without_repeating_it(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    await told(pipeline, a_request(Request.CORRECTION, value=b'{"by": "0900000009"}'))
    (dead,) = pipeline.dead
    assert dead.code == "correction_invalid"
    assert "0900000009" not in dead.reason


async def test_a_parcels_booking_is_the_one_its_carrier_has(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    first, second = a_booking("VTP1"), a_booking("VTP2", attempt=2, day=3)
    await told(pipeline, booked(first), booked(second))
    async with pool.acquire() as db:
        assert (await find_booking(db, PARCEL) or second).reference == second.reference
        await told(pipeline, a_scan("200"))
        assert await find_booking(db, PARCEL) == (first.reference, "viettelpost:VTP1")
        assert await find_booking(db, PARCEL, second.reference) == (
            second.reference,
            "viettelpost:VTP2",
        )
        assert await find_booking(db, "direct:HTX-MAU-01:D-0000009/1/1") is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"state": "unmapped"}, "no state"),
        ({"state": "lost"}, "state"),
        ({"detail": "nothing_known"}, "no detail"),
        ({"occurred_at": "2027-01-01T00:00:00Z"}, "future"),
        ({"occurred_at": "2026-10-06T08:00:00"}, "timezone"),
        ({"why": " "}, "why"),
        ({"phone": "0900000009"}, "phone"),
    ],
)
def test_what_cannot_be_is_refused_at_the_door(change: dict[str, str], words: str) -> None:
    assert correction(SAID, NOW).state == "delivered"
    with pytest.raises(CorrectionInvalid, match=words):
        correction({**SAID, **change}, NOW)
