"""Silence, lateness and oddities through the stage: flags beside the status, never in it."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import orjson
import pytest

from schemas.catalogue import SHIPMENT_STATUS_CHANGED, TRACKING_RECEIVED
from schemas.mending import Request
from schemas.tracking import ShipmentStatusChanged
from services.store.mappings import activate
from services.store.oddities import oddities
from streams.runtime.memory import Disorder, ManualClock, Pipeline
from streams.sweep import Sweep
from streams.tracking import Tracking
from tests.tracking_facts import (
    JOURNEY,
    MAP,
    NOW,
    a_booking,
    a_life,
    a_pipeline,
    a_record,
    a_request,
    a_scan,
    booked,
    forget,
    last_states,
    told,
)

if TYPE_CHECKING:
    from services.store.pool import Pool
    from tests.tracking_facts import Fact

pytestmark = pytest.mark.postgres

PICKED_UP = a_scan("200", "01/11/2026 06:00:00")
DELIVERED = a_scan("501", "03/11/2026 09:00:00")


class Watched:
    """A stage, its clock, and a sweep beside it."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.clock = ManualClock(NOW)
        self.pipeline = Pipeline([Tracking(MAP)], pool, self.clock)
        self.sweep = Sweep(pool, self.pipeline, self.clock)

    async def after(self, hours: float) -> tuple[str, ...]:
        """Time goes by and the sweep comes round; the newest flags."""
        self.clock.advance(timedelta(hours=hours))
        await self.sweep.once()
        await self.pipeline.run_until_idle()
        return self.flags()

    def flags(self) -> tuple[str, ...]:
        events = self.pipeline.events(SHIPMENT_STATUS_CHANGED.name)
        assert all(isinstance(event, ShipmentStatusChanged) for event in events)
        return getattr(events[-1], "flags", ()) if events else ()

    async def due(self) -> list[datetime]:
        return [row[0] for row in await self.pool.fetch("SELECT due_at FROM tracking.due")]


def a_recent_booking(promised_on: date = date(2026, 11, 9)) -> Fact:
    return booked(a_booking().model_copy(update={"occurred_at": NOW, "promised_on": promised_on}))


async def test_silence_is_flagged_and_news_end_it(pool: Pool) -> None:
    watched = Watched(pool)
    await told(watched.pipeline, a_recent_booking(), PICKED_UP)
    assert await watched.after(47) == ()
    assert await watched.after(3) == ("stale",)
    (state,) = last_states(watched.pipeline).values()
    assert state["status"] == "picked_up"
    await told(watched.pipeline, a_scan("300", "03/11/2026 08:00:00"))
    assert watched.flags() == ()
    assert await watched.after(60) == ("stale",)
    await told(watched.pipeline, DELIVERED)
    assert watched.flags() == ()
    assert await watched.due() == []


async def test_the_same_news_again_end_no_silence(pool: Pool) -> None:
    watched = Watched(pool)
    await told(watched.pipeline, a_recent_booking(), PICKED_UP)
    assert await watched.after(50) == ("stale",)
    await told(watched.pipeline, PICKED_UP)
    assert watched.flags() == ("stale",)


async def test_a_parcel_nobody_brings_is_late_when_its_day_is_over(pool: Pool) -> None:
    watched = Watched(pool)
    await told(watched.pipeline, a_recent_booking(date(2026, 11, 2)), PICKED_UP)
    assert await watched.after(30) == ()
    assert await watched.after(12) == ("late",)
    assert await watched.after(9) == ("late", "stale")
    await told(watched.pipeline, a_scan("506:36", "02/11/2026 20:00:00"))
    assert watched.flags() == ()


async def test_a_month_lived_through_in_a_minute_makes_nothing_stale_or_overdue(pool: Pool) -> None:
    """Booked and promised weeks ago by their own clocks: heard of a second ago by ours."""
    watched = Watched(pool)
    await told(watched.pipeline, booked(a_booking()), JOURNEY[0], a_request(Request.CHECK))
    assert watched.flags() == ()
    assert await watched.after(1) == ()


async def test_an_attempt_after_the_promise_is_late_at_once(pool: Pool) -> None:
    watched = Watched(pool)
    await told(watched.pipeline, booked(a_booking()), JOURNEY[0])
    await told(watched.pipeline, a_scan("501", "06/10/2026 00:00:01"))
    assert watched.flags() == ("late",)


async def test_the_carriers_own_later_date_is_delayed(pool: Pool) -> None:
    watched = Watched(pool)
    later = a_booking().model_copy(update={"expected_on": date(2026, 10, 6)})
    await told(watched.pipeline, booked(later))
    assert watched.flags() == ("delayed",)
    await told(watched.pipeline, *JOURNEY)
    assert watched.flags() == ()


async def test_a_sweep_asks_for_what_is_due_and_once(pool: Pool) -> None:
    watched = Watched(pool)
    await told(watched.pipeline, a_recent_booking())
    assert await watched.sweep.once() == 0
    watched.clock.advance(timedelta(hours=49))
    assert await watched.sweep.once() == 1
    assert await watched.sweep.once() == 0
    (check,) = watched.pipeline.records(TRACKING_RECEIVED.name)
    assert (check.key, check.header("ocop_kind")) == (b"viettelpost:VTP1", "check")
    await watched.pipeline.run_until_idle()
    (due_at,) = await watched.due() or [NOW]
    assert due_at > watched.clock()


async def test_a_parcel_that_comes_back_to_life_is_watched_again(pool: Pool) -> None:
    watched = Watched(pool)
    cancelled = a_scan("107", "01/11/2026 05:00:00")
    await told(watched.pipeline, a_recent_booking(), cancelled)
    assert await watched.due() == []
    await told(watched.pipeline, PICKED_UP)
    assert watched.flags() == ("moved_after_terminal",)
    assert len(await watched.due()) == 1


async def test_oddities_are_counted_by_carrier(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    body = {"data": [{"itemCode": "A1", "status": 12}]}
    twice = [
        a_record(
            "vnpost",
            "myvnpost",
            "A1",
            orjson.dumps({**body, "sendDate": f"2026-10-03 0{hour}:00:00"}),
        )
        for hour in (8, 9)
    ]
    await told(
        pipeline,
        booked(a_booking()),
        a_scan("777"),
        a_scan("501", "03/10/2026 08:00:00"),
        a_scan("500", "03/10/2026 08:00:00", "NOBODYS"),
        *twice,
    )
    async with pool.acquire() as db:
        rows = await oddities(db, None)
        assert [row for row in rows if row["carrier"] == "vnpost"] == await oddities(db, "vnpost")
    found = {(row["carrier"], row["kind"], row["what"]): row["count"] for row in rows}
    assert found == {
        ("viettelpost", "delivered_before_pickup", ""): 1,
        ("viettelpost", "unmapped", "partner_v2 777"): 1,
        ("viettelpost", "unknown_number", ""): 1,
        ("vnpost", "told_again", "myvnpost 12"): 1,
        ("vnpost", "unknown_number", ""): 1,
    }


def two_carriers(n: int) -> list[Fact]:
    """A parcel of Viettel Post that is lost, and one of Vietnam Post."""
    lost = a_scan("503", "09/10/2026 23:00:00", f"VTP{n:05}")
    facts = [*a_life(n)[:-1], lost] if n % 2 else list(a_life(n))
    parcel = f"direct:HTX-MAU-01:V-{n:07}/1/1"
    facts.append(booked(a_booking(f"VN{n}", parcel=parcel, carrier="vnpost")))
    for hour, status in enumerate((6, 10, 12, 15, 14)):
        body = {"data": [{"itemCode": f"VN{n}", "status": status}]}
        body["sendDate"] = f"2026-10-0{2 + n % 5} 0{hour}:00:00"  # type: ignore[assignment]
        facts.append(a_record("vnpost", "myvnpost", f"VN{n}", orjson.dumps(body)))
    return facts


@pytest.mark.parametrize("seed", range(3))
async def test_two_carriers_repeats_and_remaps_end_in_the_state_of_a_clean_pass(
    pool: Pool, seed: int
) -> None:
    facts = [fact for n in range(6) for fact in two_carriers(n)]
    async with pool.acquire() as db:
        await activate(db, "viettelpost", "v2", "ops:lan", "from the beginning")
    clean = a_pipeline(pool)
    await told(clean, *facts, one_by_one=False)
    expected = last_states(clean)
    await forget(pool)

    chance = random.Random(seed)
    chance.shuffle(facts)
    wild = a_pipeline(pool, Disorder(seed, duplicated=0.3, late=0.3, redelivered=0.2, cut=True))
    half = len(facts) // 2
    await told(wild, *facts[:half], one_by_one=False)
    async with pool.acquire() as db:
        await activate(db, "viettelpost", "v2", "ops:lan", "in the middle")
    again = [a_request(Request.REMAP, f"VTP{n:05}") for n in range(6)]
    await told(wild, *facts[half : half + 9], *again, *again[:3], one_by_one=False)
    await told(wild, *facts[half + 9 :], *facts[:20], one_by_one=False)
    got = last_states(wild)
    for states in (expected, got):
        for state in states.values():
            state.pop("remapped")
    assert got == expected
    lost = [state for state in got.values() if state["status"] == "cancelled"]
    assert len(lost) == 3
