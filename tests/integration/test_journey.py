"""One order through all stages that touch it, and what its journey then tells."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from schemas.booking import BookingOutcome, BookingResulted
from schemas.catalogue import ORDER_RECEIVED, PACKING_REPORTED, TRACKING_RECEIVED
from schemas.ids import booking_reference, channel_key, tracking_key
from services.reference.fulfilment import fulfilment_transitions
from services.reference.places import Places
from services.reference.rule_book import sample_rule_book
from services.reference.status_map import read_status_map
from services.store.journey import order_journey
from services.store.vault import Vault
from streams.booking import Booking
from streams.cli.trace import timeline
from streams.cod import Cod
from streams.feed import Feed
from streams.intake import Intake
from streams.packing import Packing
from streams.routing import Routing
from streams.runtime.memory import ManualClock, Pipeline
from streams.status import Status
from streams.tracking import Tracking
from tests.intake_examples import NUMBER, ORDER_ID, SELLER, a_command, an_order, body

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.store.pool import Pool
    from streams.runtime.stage import Stage

pytestmark = pytest.mark.postgres

SHIPMENT = f"{ORDER_ID}/1"
PARCEL = f"{SHIPMENT}/1"
SCANS = (
    *((200, "02/07/2026 08:00:00", ""), (300, "03/07/2026 08:00:00", "")),
    *((500, "04/07/2026 08:00:00", ""), (506, "04/07/2026 10:00:00", "36")),
    *((508, "05/07/2026 08:00:00", ""), (501, "05/07/2026 09:30:00", "")),
)
REGISTRY = """
    INSERT INTO registry.sellers VALUES ('HTX-MAU-01', 'HTX Mẫu', 'cooperative');
    INSERT INTO registry.origins (origin_id, seller_id, contact_name, phone, street, ward_code,
                                  province_code)
    VALUES ('K1', 'HTX-MAU-01', 'Phạm Văn C', '0900000009', 'Thôn 1', '24778', '68');
    INSERT INTO registry.products (seller_id, sku, origin_id, name, ocop_group, weight_g)
    VALUES ('HTX-MAU-01', 'OCOP-TS-01-600', 'K1', 'Trà sen', 'beverage', 600);
    INSERT INTO registry.certificates (certificate_no, seller_id, sku, kind, star, issued_on,
                                       expires_on)
    VALUES ('OCOP-MAU-0001', 'HTX-MAU-01', 'OCOP-TS-01-600', 'OCOP', 4, '2025-06-30', '2028-06-30');
"""


class Journey:
    """Everybody an order meets."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        stages: list[Stage] = [
            Intake(Places.load(), Vault(bytes(range(32)))),
            Routing(sample_rule_book()),
            Packing(sample_rule_book()),
            Booking(),
            Tracking(read_status_map()),
            Cod(),
            Status(fulfilment_transitions()),
            Feed(),
        ]
        self.pipeline = Pipeline(stages, pool, ManualClock(datetime(2026, 8, 1, tzinfo=UTC)))

    async def told(self) -> dict[str, Any]:
        async with self.pool.acquire() as connection:
            journey = await order_journey(connection, ORDER_ID)
        assert journey is not None
        assert orjson.loads(orjson.dumps(journey)) == journey
        return journey

    async def receive(self, kind: str, payload: Mapping[str, Any], actor: str) -> None:
        headers = {
            "ocop_channel": "postmart",
            "ocop_kind": kind,
            "ocop_actor": actor,
            "ocop_command_id": f"{kind}-1",
        }
        await self.send(ORDER_RECEIVED.name, channel_key("postmart", NUMBER), payload, headers)

    async def pack(self) -> None:
        for number, kind in enumerate(("started", "parcel", "finished")):
            report = {
                "report_id": f"R{number}",
                "shipment_id": SHIPMENT,
                "station": "T1",
                "kind": kind,
                "reported_at": f"2026-07-01T1{number}:00:00+07:00",
                "parcel": a_reported_parcel() if kind == "parcel" else None,
            }
            headers = {"ocop_actor": f"seller:{SELLER}", "ocop_command_id": f"R{number}"}
            await self.send(PACKING_REPORTED.name, ORDER_ID, report, headers)

    async def answer(self, kind: str, outcome: BookingOutcome) -> None:
        is_booked = outcome is BookingOutcome.BOOKED
        result = BookingResulted.model_validate(
            {
                "version": 1,
                "occurred_at": datetime(2026, 7, 1, 6, tzinfo=UTC),
                "order_id": ORDER_ID,
                "parcel_id": PARCEL,
                "reference": booking_reference(PARCEL, 1),
                "kind": kind,
                "outcome": outcome,
                "tracking_no": "VTP1" if is_booked else None,
                "freight_vnd": 25_500 if is_booked else None,
            }
        )
        await self.pipeline.send_event(result)
        await self.pipeline.run_until_idle()

    async def scan(self, code: int, moment: str, reason: str) -> None:
        data = {
            "ORDER_NUMBER": "VTP1",
            "ORDER_STATUS": code,
            "ORDER_STATUSDATE": moment,
            "REASON_CODE": reason or None,
            "MONEY_COLLECTION": 366_000,
            "RECEIVER_FULLNAME": "Trần Thị B",
        }
        headers = {"ocop_carrier": "viettelpost", "ocop_api": "partner_v2", "ocop_partner": "p"}
        await self.send(
            TRACKING_RECEIVED.name, tracking_key("viettelpost", "VTP1"), {"DATA": data}, headers
        )

    async def send(
        self, topic: str, key: str, payload: Mapping[str, Any], headers: Mapping[str, str]
    ) -> None:
        encoded = [(name, value.encode()) for name, value in headers.items()]
        await self.pipeline.send(topic, key, body(dict(payload)), encoded)
        await self.pipeline.run_until_idle()


@pytest.fixture
async def order(pool: Pool) -> Journey:
    """An order that was placed and routed to Viettel Post."""
    await pool.execute(REGISTRY)
    journey = Journey(pool)
    placed = an_order(fixed_carrier="viettelpost")
    await journey.receive("order", placed, "channel:postmart")
    return journey


def a_reported_parcel() -> dict[str, Any]:
    return {
        "parcel_no": 1,
        "contents": [{"line_no": 1, "quantity": 2, "lot": "L2606", "best_before": "2027-06-01"}],
        "weight_g": 1_300,
        "length_cm": 25,
        "width_cm": 20,
        "height_cm": 10,
    }


async def test_a_journey_tells_everything_from_the_channel_to_the_doorstep(order: Journey) -> None:
    await order.pack()
    await order.answer("book", BookingOutcome.BOOKED)
    for scan in SCANS:
        await order.scan(*scan)
    journey = await order.told()
    assert (journey["status"], journey["finished"]) == ("delivered", True)
    (shipment,) = journey["shipments"]
    assert [report["kind"] for report in shipment["reports"]] == ["started", "parcel", "finished"]
    (parcel,) = shipment["parcels"]
    (booking,) = parcel["bookings"]
    assert (booking["tracking_no"], booking["freight_vnd"]) == ("VTP1", 25_500)
    assert [event["status"] for event in booking["events"]][-4:] == [
        *("out_for_delivery", "delivery_failed", "out_for_delivery", "delivered"),
    ]
    assert booking["events"][-1]["occurred_at"] == "2026-07-05T09:30:00+07:00"
    words = [change["status"] for change in journey["history"]]
    assert words[-9:-6] == ["packing", "packed", "label_ready"]
    assert words[-1] == "delivered"
    assert [change["version"] for change in journey["history"]] == list(range(1, len(words) + 1))


async def test_a_routing_decision_is_told_with_every_refusal(order: Journey) -> None:
    (decision,) = (await order.told())["routing"]
    (shipment,) = decision["shipments"]
    assert shipment["chosen"]["carrier"] == "viettelpost"
    assert {refused["carrier"] for refused in shipment["refused"]} >= {"vnpost"}
    assert all(refused["reason"] for refused in shipment["refused"])


async def test_no_personal_data_is_in_a_journey(order: Journey) -> None:
    await order.pack()
    await order.answer("book", BookingOutcome.BOOKED)
    await order.scan(*SCANS[0])
    journey = orjson.dumps(await order.told()).decode()
    for secret in ("Trần", "900000002", "Đường Mẫu", "Phạm", "900000009"):
        assert secret not in journey


async def test_a_cancelled_order_is_voided_at_its_carrier(order: Journey) -> None:
    await order.pack()
    await order.answer("book", BookingOutcome.BOOKED)
    await order.receive("cancel", a_command(), f"seller:{SELLER}")
    assert (await order.told())["status"] == "cancel_requested"
    await order.answer("void", BookingOutcome.VOIDED)
    journey = await order.told()
    assert (journey["status"], journey["finished"]) == ("cancelled", True)
    assert journey["shipments"][0]["parcels"][0]["bookings"][0]["state"] == "voided"


async def test_a_held_order_is_told_with_its_reason(pool: Pool) -> None:
    await pool.execute(REGISTRY)
    held = Journey(pool)
    lost = an_order(ship_to={"ward_code": None, "ward_name": "Phường Không Có Thật"})
    await held.receive("order", lost, "channel:postmart")
    journey = await held.told()
    assert journey["status"] == "on_hold"
    assert [hold["reason"] for hold in journey["holds"]] == ["address_incorrect"]
    assert journey["shipments"] == []


async def test_nobody_has_heard_of_some_orders(pool: Pool) -> None:
    async with pool.acquire() as connection:
        assert await order_journey(connection, ORDER_ID) is None


async def test_a_timeline_is_in_the_order_things_happened(order: Journey) -> None:
    await order.pack()
    await order.answer("book", BookingOutcome.BOOKED)
    for scan in SCANS:
        await order.scan(*scan)
    moments = timeline(await order.told())
    assert [moment.at for moment in moments] == sorted(moment.at for moment in moments)
    said = [moment.what for moment in moments]
    assert said[0].startswith("placed on postmart")
    assert said[-1].startswith("delivered")


async def ocop_trace(database: str, *words: str) -> tuple[int, str, str]:
    surroundings = {"PATH": "/usr/bin:/bin", "COLUMNS": "200", "DATABASE_URL": database}
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "streams.cli", "trace", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=surroundings,
    )
    said, complained = await program.communicate()
    return program.returncode or 0, said.decode(), complained.decode()


async def test_the_command_draws_the_journey_or_hands_it_to_a_script(
    order: Journey, database: str
) -> None:
    await order.pack()
    code, said, _ = await ocop_trace(database, ORDER_ID)
    assert code == 0
    for words in ("packed", "shipment 1: finished at T1", "sample tariff", "01/07 12:00:00"):
        assert words in said
    code, said, _ = await ocop_trace(database, ORDER_ID, "--json")
    assert (code, orjson.loads(said)) == (0, await order.told())


async def test_the_command_says_so_when_nobody_has_heard_of_an_order(database: str) -> None:
    code, said, complained = await ocop_trace(database, "postmart:HTX-MAU-01:PM-9")
    assert (code, said) == (1, "")
    assert "Nobody has heard of the order postmart:HTX-MAU-01:PM-9." in complained
