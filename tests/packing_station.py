"""A packing station that reports to the packing stage, on a pipeline with routing before it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from schemas.intake import Channel, Hold, HoldReason, OrderHeld, OrderReleased
from schemas.packing import PackedLine, PackingRefused, PackingReport, ParcelPacked, ReportedParcel
from services.reference.rule_book import sample_rule_book
from streams.packing import Packing
from streams.routing import Routing
from streams.runtime.memory import ManualClock, Pipeline
from tests.routing_facts import ORDER, SELLER, a_placed_order, at

if TYPE_CHECKING:
    from services.store.pool import Pool

SHIPMENT = f"{ORDER}/1"
REPORTED, PACKED, REFUSED = "packing.reported.v1", "parcel.packed.v1", "packing.refused.v1"
HELD, RELEASED, STARTED = "order.held.v1", "order.released.v1", "packing.started.v1"


def a_parcel(number: int = 1, *contents: tuple[int, int], **changes: Any) -> ReportedParcel:
    """Both units of the coffee order, in a box of 60 g; contents as (line, quantity)."""
    lines = tuple(PackedLine(line_no=line, quantity=units) for line, units in contents or ((1, 2),))
    grams = 500 * sum(line.quantity for line in lines) + 60
    sizes = {"weight_g": grams, "length_cm": 25, "width_cm": 20, "height_cm": 10}
    return ReportedParcel(**{"parcel_no": number, "contents": lines, **sizes, **changes})


class Station:
    """A station that reports; each report a minute after the last, under an id of its own."""

    def __init__(self, pipeline: Pipeline, shipment: str = SHIPMENT) -> None:
        self.pipeline = pipeline
        self.shipment = shipment
        self.moment = at(1, 14)
        self.sent = 0

    async def report(
        self, kind: str, parcel: ReportedParcel | None = None, **changes: Any
    ) -> PackingReport:
        self.sent += 1
        self.moment += timedelta(minutes=1)
        report = PackingReport(
            **{
                "report_id": f"R{self.sent}",
                "shipment_id": self.shipment,
                "station": "T1",
                "kind": kind,
                "reported_at": self.moment,
                "parcel": parcel,
                **changes,
            }
        )
        await self.send(report)
        return report

    async def send(self, report: PackingReport) -> None:
        headers = [("ocop_actor", f"seller:{SELLER}".encode())]
        body = report.model_dump_json().encode()
        await self.pipeline.send(REPORTED, report.order_id, body, headers)
        await self.pipeline.run_until_idle()

    async def pack(self, *parcels: ReportedParcel) -> None:
        await self.report("started")
        for parcel in parcels or (a_parcel(),):
            await self.report("parcel", parcel)
        await self.report("finished")

    def packed(self) -> list[ParcelPacked]:
        events = self.pipeline.events(PACKED)
        return [event for event in events if isinstance(event, ParcelPacked)]

    def refused(self) -> list[str]:
        events = self.pipeline.events(REFUSED)
        return [event.code for event in events if isinstance(event, PackingRefused)]

    def held(self) -> list[OrderHeld]:
        return [one for one in self.pipeline.events(HELD) if isinstance(one, OrderHeld)]

    def released(self) -> list[OrderReleased]:
        events = self.pipeline.events(RELEASED)
        return [one for one in events if isinstance(one, OrderReleased) and one.stage == "packing"]


def a_pipeline(pool: Pool, **more: Any) -> Pipeline:
    book = sample_rule_book()
    clock = ManualClock(datetime(2026, 11, 2, tzinfo=UTC))
    return Pipeline([Routing(book), Packing(book)], pool, clock, **more)


async def a_station(pool: Pool) -> Station:
    """A station before the shipment of a routed order; its seller is registered."""
    pipeline = a_pipeline(pool)
    await pipeline.send_event(a_placed_order())
    await pipeline.run_until_idle()
    return Station(pipeline)


async def tell(station: Station, *events: Any) -> None:
    for event in events:
        await station.pipeline.send_event(event)
        await station.pipeline.run_until_idle()


def a_hold(version: int = 2, stage: str = "intake") -> OrderHeld:
    hold = Hold(reason=HoldReason.OPS, detail="wait", by="ops:an", since=at(1))
    return OrderHeld(
        version=version,
        occurred_at=at(1),
        order_id=ORDER,
        channel=Channel.POSTMART,
        seller_id=SELLER,
        placed_at=at(1),
        stage=stage,  # type: ignore[arg-type] # one of StageName
        holds=(hold,),
    )
