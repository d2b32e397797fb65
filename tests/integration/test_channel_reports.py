"""A channel that has calls for it is told of every milestone of its orders, once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from schemas.intake import Channel
from schemas.status import Fulfilment, OrderStatusChanged, ParcelStatus, ShipmentStatus
from schemas.tracking import TrackingStatus
from services.channels.port import Milestone
from services.jobs.channel_queue import ReportJob, read_job
from services.reference.fulfilment import fulfilment_transitions
from streams.feed import Feed
from streams.rules.reports import reports_of
from streams.runtime.memory import Disorder, ManualClock, Pipeline
from streams.status import Status
from tests.order_facts import (
    NEXT_DAY,
    a_booking,
    a_delivery,
    a_parcel,
    a_placed_order,
    a_routing,
)
from tests.status_facts import a_packing_start

if TYPE_CHECKING:
    from schemas.event import Event
    from services.store.pool import Pool

TIKI = "tiki:HTX-MAU-01:100000001"
JOBS = "SELECT entrypoint, payload FROM jobs.pgqueuer ORDER BY id"
ALL = frozenset(Milestone)


def a_change(
    status: str, fulfilment: Fulfilment, carrier: str = "vnpost", number: str | None = "CA1VN"
) -> OrderStatusChanged:
    parcel = ParcelStatus(parcel_id=f"{TIKI}/1/1", carrier=carrier, tracking_no=number)
    shipment = ShipmentStatus(shipment_id=f"{TIKI}/1", fulfilment=fulfilment, parcels=(parcel,))
    return OrderStatusChanged(
        version=1,
        occurred_at=NEXT_DAY,
        order_id=TIKI,
        channel=Channel.TIKI,
        seller_id="HTX-MAU-01",
        status=status,
        fulfilment=fulfilment,
        as_of=NEXT_DAY,
        shipments=(shipment,),
    )


def milestones(change: OrderStatusChanged) -> list[Milestone]:
    return [report.milestone for report in reports_of(change, "T-1", ALL)]


def test_what_stands_is_told_whatever_was_told_before() -> None:
    assert milestones(a_change("validated", Fulfilment.VALIDATED, number=None)) == []
    assert milestones(a_change("allocated", Fulfilment.ALLOCATED, number=None)) == ["arranged"]
    delivered = a_change(TrackingStatus.DELIVERED, Fulfilment.CLOSED)
    assert milestones(delivered) == ["arranged", "tracking_number", "delivered"]
    assert milestones(a_change("cancelled", Fulfilment.CANCELLED, number=None)) == ["cancelled"]


def test_a_channel_hears_nothing_of_its_own_carrier() -> None:
    delivered = a_change(TrackingStatus.DELIVERED, Fulfilment.DELIVERED, carrier="tiki")
    assert milestones(delivered) == ["arranged"]


def events(order: str) -> tuple[Event, ...]:
    parcel = f"{order}/1/1"
    return (
        a_placed_order(order),
        a_routing(order=order),
        a_packing_start(f"{order}/1"),
        a_parcel(parcel),
        a_booking(parcel),
        *a_delivery(parcel),
    )


async def reported(pool: Pool) -> list[tuple[str, Milestone, str, str]]:
    found = []
    for row in await pool.fetch(JOBS):
        job = read_job(row["entrypoint"].partition(".")[2], row["payload"])
        assert isinstance(job, ReportJob)
        report = job.report
        found.append((job.channel, report.milestone, report.shop, report.number))
    return found


@pytest.mark.parametrize("disorder", [Disorder(seed=0), Disorder(seed=3, redelivered=0.5)])
async def test_each_milestone_is_one_job_for_the_orders_own_shop(
    pool: Pool, disorder: Disorder
) -> None:
    await pool.execute("INSERT INTO registry.sellers VALUES ('HTX-MAU-01', 'HTX', 'cooperative')")
    await pool.execute("INSERT INTO registry.shops VALUES ('tiki', 'T-1', 'HTX-MAU-01')")
    clock = ManualClock(datetime(2026, 11, 1, tzinfo=UTC))
    pipeline = Pipeline([Status(fulfilment_transitions()), Feed()], pool, clock, disorder=disorder)
    for event in (*events(TIKI), *events("postmart:HTX-MAU-01:PM-1")):
        await pipeline.send_event(event)
        await pipeline.run_until_idle()
    assert await reported(pool) == [
        ("tiki", Milestone.ARRANGED, "T-1", "100000001"),
        ("tiki", Milestone.DELIVERED, "T-1", "100000001"),
    ]


async def test_an_order_without_a_shop_is_told_to_nobody(pool: Pool) -> None:
    clock = ManualClock(datetime(2026, 11, 1, tzinfo=UTC))
    pipeline = Pipeline([Status(fulfilment_transitions()), Feed()], pool, clock)
    for event in events(TIKI):
        await pipeline.send_event(event)
    await pipeline.run_until_idle()
    assert await reported(pool) == []
