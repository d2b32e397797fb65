"""A finished small month is read again with another version of a carrier's map."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from schemas.catalogue import ORDER_STATUS_CHANGED, SHIPMENT_STATUS_CHANGED, TRACKING_RECEIVED
from schemas.tracking import ShipmentStatusChanged
from services.errors import OperatorError
from services.reference.status_map import read_status_map
from services.store.mappings import activate
from services.verify.evidence import Evidence
from services.verify.promises import verify
from services.verify.survey import survey
from streams.rechecks import Rechecks
from streams.remap import Remap
from streams.runtime.failures import PublishFailed
from streams.topology import STAGES
from streams.tracking import MapUnknown
from tests.carrier_lives import DELIVERED
from tests.whole_flow import BOOKED, MemoryTopics, WholeFlow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from services.store.pool import Pool
    from streams.runtime.outgoing import Outgoing

pytestmark = pytest.mark.postgres

MAP = read_status_map()
ORDERS = 30
WHY = {"by": "ops:lan", "why": "the carrier confirmed it"}


async def a_finished_month(pool: Pool) -> tuple[WholeFlow, set[str]]:
    """Every third parcel of Viettel Post is lost (503); returns their references too."""
    flow = WholeFlow(pool)
    await flow.registers()
    await flow.receives(ORDERS)
    await flow.packs()
    await flow.books()
    booked = await pool.fetch(BOOKED)
    of_viettel_post = [row["reference"] for row in booked if row["carrier"] == "viettelpost"]
    lost = set(of_viettel_post[::3])
    for row in booked:
        codes: Sequence[tuple[str, int]] = DELIVERED[row["carrier"]]
        if row["reference"] in lost:
            codes = (("200", 8), ("300", 20), ("503", 60))
        for code, after_h in codes:
            await flow.scans(dict(row), code, row["booked_at"] + timedelta(hours=after_h))
    await flow.pipeline.run_until_idle()
    await flow.publishes()
    assert lost
    return flow, lost


def told(flow: WholeFlow, since: int) -> list[ShipmentStatusChanged]:
    events = flow.pipeline.events(SHIPMENT_STATUS_CHANGED.name)[since:]
    return [event for event in events if isinstance(event, ShipmentStatusChanged)]


def lengths(flow: WholeFlow) -> dict[str, int]:
    topics = (SHIPMENT_STATUS_CHANGED.name, ORDER_STATUS_CHANGED.name, TRACKING_RECEIVED.name)
    return {topic: len(flow.pipeline.records(topic)) for topic in topics}


async def revisions(pool: Pool) -> dict[str, int]:
    rows = await pool.fetch("SELECT month, max(revision) AS n FROM metrics.months GROUP BY month")
    return {row["month"]: row["n"] for row in rows}


async def broken(pool: Pool, flow: WholeFlow) -> dict[str, list[str]]:
    rules = Rechecks(MAP)
    async with pool.acquire() as db:
        seen = await survey(MemoryTopics(flow.pipeline), rules.hear)
        topics = {stage: [topic.name for topic in inputs] for stage, inputs in STAGES}
        found = await verify(Evidence(db, seen, rules, topics))
    return {finding.name: finding.examples for finding in found if not finding.holds}


async def test_the_dry_run_is_the_real_run_and_nothing_else_moves(pool: Pool) -> None:
    flow, lost = await a_finished_month(pool)
    before, figures = lengths(flow), await revisions(pool)
    expected = await Remap(pool, MAP, "viettelpost", "v2").look()
    assert lengths(flow) == before
    assert expected.states == {("written_off", "cancelled"): len(lost)}
    assert expected.references == lost

    effect = await Remap(pool, MAP, "viettelpost", "v2").run(flow.pipeline, **WHY)
    await flow.pipeline.run_until_idle()
    await flow.publishes()

    same = ("events", "numbers", "orders", "references", "months", "states", "parcels")
    assert all(getattr(effect, name) == getattr(expected, name) for name in same)
    assert effect.asked == len(lost)
    changed = told(flow, before[SHIPMENT_STATUS_CHANGED.name])
    assert {event.reference for event in changed} == lost
    assert {str(event.status) for event in changed} == {"cancelled"}
    assert {event.order_id for event in changed} == expected.orders
    now = MAP.at({"viettelpost": "v2"}).mark("viettelpost")
    assert all(event.remapped and event.remapped.was == MAP.version for event in changed)
    assert all(event.remapped and event.remapped.now == now for event in changed)
    newer = flow.pipeline.events(ORDER_STATUS_CHANGED.name)[before[ORDER_STATUS_CHANGED.name] :]
    assert {getattr(event, "order_id", None) for event in newer} == expected.orders
    moved = await revisions(pool)
    assert {month for month, number in moved.items() if number > figures[month]} == expected.months
    assert await broken(pool, flow) == {}


async def test_the_log_keeps_what_was_read_first(pool: Pool) -> None:
    flow, lost = await a_finished_month(pool)
    await Remap(pool, MAP, "viettelpost", "v2").run(flow.pipeline, **WHY)
    await flow.pipeline.run_until_idle()
    query = "SELECT status, mapping FROM tracking.{} WHERE code = '503'"
    first = await pool.fetch(query.format("events"))
    again = await pool.fetch(query.format("readings"))
    assert {tuple(row) for row in first} == {("written_off", MAP.version)}
    assert [row["status"] for row in again] == ["cancelled"] * len(lost)
    was = await pool.fetchval("SELECT was FROM tracking.journeys WHERE code = '503' LIMIT 1")
    assert was == "written_off"


async def test_a_remap_that_was_done_changes_nothing_and_one_back_restores_it(pool: Pool) -> None:
    flow, lost = await a_finished_month(pool)
    states = "SELECT reference, state::text FROM tracking.bookings ORDER BY reference"
    before = [tuple(row) for row in await pool.fetch(states)]
    for version, asked in (("v2", len(lost)), ("v2", 0), ("v1", len(lost))):
        effect = await Remap(pool, MAP, "viettelpost", version).run(flow.pipeline, **WHY)
        await flow.pipeline.run_until_idle()
        assert effect.asked == asked
    assert [tuple(row) for row in await pool.fetch(states)] == before
    await flow.publishes()
    assert await broken(pool, flow) == {}


class DyingPublisher:
    """Takes one batch, then the broker is gone."""

    def __init__(self, flow: WholeFlow, takes: int) -> None:
        self.flow, self.takes = flow, takes

    async def publish(self, records: Sequence[Outgoing]) -> None:
        if not self.takes:
            raise PublishFailed("the broker is gone")
        self.takes -= 1
        await self.flow.pipeline.publish(records)


async def test_a_remap_that_died_half_way_goes_on(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow, lost = await a_finished_month(pool)
    monkeypatch.setattr("streams.remap.AT_ONCE", 1)
    with pytest.raises(PublishFailed):
        await Remap(pool, MAP, "viettelpost", "v2").run(DyingPublisher(flow, 1), **WHY)
    await flow.pipeline.run_until_idle()
    effect = await Remap(pool, MAP, "viettelpost", "v2").run(flow.pipeline, **WHY)
    assert effect.resumed
    assert effect.asked == len(lost)
    await flow.pipeline.run_until_idle()
    await flow.publishes()
    assert await broken(pool, flow) == {}
    open_runs = await pool.fetchval(
        "SELECT count(*) FROM registry.remaps WHERE finished_at IS NULL"
    )
    assert open_runs == 0


async def test_new_events_are_read_with_the_version_in_use(pool: Pool) -> None:
    flow, _ = await a_finished_month(pool)
    await Remap(pool, MAP, "viettelpost", "v2").run(flow.pipeline, **WHY)
    booking = next(row for row in await pool.fetch(BOOKED) if row["carrier"] == "viettelpost")
    await flow.scans(dict(booking), "503", booking["booked_at"] + timedelta(hours=1))
    await flow.pipeline.run_until_idle()
    query = "SELECT status, mapping FROM tracking.events WHERE code = '503' ORDER BY ingested_at"
    marks = {tuple(row) for row in await pool.fetch(query)}
    assert ("cancelled", MAP.at({"viettelpost": "v2"}).mark("viettelpost")) in marks


async def test_a_version_this_release_does_not_have_stops_the_stage(pool: Pool) -> None:
    flow, _ = await a_finished_month(pool)
    async with pool.acquire() as db:
        await activate(db, "viettelpost", "v9", "ops:lan", "a newer release has it")
    booking: Any = (await pool.fetch(BOOKED))[0]
    await flow.scans(dict(booking), "300", booking["booked_at"])
    with pytest.raises(MapUnknown, match="no version v9"):
        await flow.pipeline.run_until_idle()


def test_a_version_nobody_wrote_cannot_be_asked_for() -> None:
    pool: Any = None
    with pytest.raises(OperatorError, match="no version v7"):
        Remap(pool, MAP, "viettelpost", "v7")
