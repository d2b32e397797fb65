"""A failing parcel and its seller: the deadline, the decision, the carrier's answer, all stages."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from schemas.catalogue import ORDER_RECEIVED, PACKING_REPORTED, TRACKING_RECEIVED
from schemas.ids import channel_key, tracking_key
from services.carriers.account import Account
from services.carriers.viettelpost.proxy import ViettelPost
from services.carriers.vnpost.proxy import VietnamPost
from services.jobs.carrier_calls import Means
from services.jobs.runner import Limits, Runner
from services.reference.fulfilment import fulfilment_transitions
from services.reference.places import Places
from services.reference.rule_book import sample_rule_book
from services.reference.status_map import read_status_map
from services.sandbox.options import CALM, EVEN, Options
from services.sandbox.serving import serving
from services.sandbox.viettelpost import ViettelPostSandbox
from services.sandbox.vnpost import VietnamPostSandbox
from services.store.vault import Vault
from streams.booking import Booking
from streams.feed import Feed
from streams.intake import Intake
from streams.packing import Packing
from streams.routing import Routing
from streams.runtime.memory import ManualClock, Pipeline
from streams.status import Status
from streams.tracking import Tracking
from tests.intake_examples import NUMBER, ORDER_ID, SELLER, a_command, an_order, body
from tests.integration.test_journey import REGISTRY, a_reported_parcel

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from schemas.status import OrderStatusChanged, ParcelStatus
    from schemas.topics import Topic
    from services.sandbox.yard import Parcel
    from services.store.pool import Pool
    from streams.runtime.stage import Stage

pytestmark = pytest.mark.postgres

STILL = Options(mischief=CALM, lives=EVEN, speed=1.0)
PARCEL = f"{ORDER_ID}/1/1"


class World:
    """Every stage, the runner, and both carriers over HTTP."""

    def __init__(self, pool: Pool, vtp: ViettelPostSandbox, vnp: VietnamPostSandbox) -> None:
        self.pool, self.vtp, self.vnp = pool, vtp, vnp
        self.vault = Vault(bytes(range(32)))
        stages: list[Stage] = [
            Intake(Places.load(), self.vault),
            Routing(sample_rule_book()),
            Packing(sample_rule_book()),
            Booking(),
            Tracking(read_status_map()),
            Status(fulfilment_transitions(), {"viettelpost": 36}),
            Feed(),
        ]
        self.pipeline = Pipeline(stages, pool, ManualClock(datetime(2026, 8, 1, tzinfo=UTC)))

    async def append(
        self, topic: Topic, key: str, value: bytes, headers: Mapping[str, str]
    ) -> None:
        encoded = [(name, text.encode()) for name, text in headers.items()]
        await self.pipeline.send(topic.name, key, value, encoded)

    async def send(self, topic: Topic, key: str, payload: Any, **headers: str) -> None:
        encoded = [(f"ocop_{name}", value.encode()) for name, value in headers.items()]
        await self.pipeline.send(topic.name, key, body(payload), encoded)
        await self.pipeline.run_until_idle()

    async def command(self, kind: str, command_id: str, **more: Any) -> None:
        asked = a_command(why="khách hẹn lại", at="2026-07-04T12:00:00+07:00", **more)
        headers = {"channel": "postmart", "kind": kind, "actor": f"seller:{SELLER}"}
        key = channel_key("postmart", NUMBER)
        await self.send(ORDER_RECEIVED, key, asked, command_id=command_id, **headers)

    async def ship(self, carrier: str = "viettelpost") -> Parcel:
        """Placed, packed and booked; the parcel as its carrier keeps it."""
        order = an_order(fixed_carrier=carrier)
        headers = {"channel": "postmart", "kind": "order", "actor": "channel:postmart"}
        await self.send(ORDER_RECEIVED, channel_key("postmart", NUMBER), order, **headers)
        for number, kind in enumerate(("started", "parcel", "finished")):
            report = {
                "report_id": f"R{number}",
                "shipment_id": f"{ORDER_ID}/1",
                "station": "T1",
                "kind": kind,
                "reported_at": f"2026-07-01T1{number}:00:00+07:00",
                "parcel": a_reported_parcel() if kind == "parcel" else None,
            }
            await self.send(PACKING_REPORTED, ORDER_ID, report, actor=f"seller:{SELLER}")
        await self.until(lambda: self.pipeline.events("shipment.booked.v1"))
        yard = self.vtp.yard if carrier == "viettelpost" else self.vnp.yard
        (parcel,) = yard.by_number.values()
        return parcel

    async def scan(self, parcel: Parcel, code: int, moment: str) -> None:
        parcel.code = str(code)
        data = {
            "ORDER_NUMBER": parcel.number,
            "ORDER_STATUS": code,
            "ORDER_STATUSDATE": moment,
            "MONEY_COLLECTION": parcel.cod_vnd,
        }
        key = tracking_key("viettelpost", parcel.number)
        told = {"carrier": "viettelpost", "api": "partner_v2", "partner": "p"}
        await self.send(TRACKING_RECEIVED, key, {"DATA": data}, **told)

    async def until(self, said: Callable[[], Any]) -> Any:
        async with asyncio.timeout(30):
            while not (found := said()):
                await asyncio.sleep(0.03)
                await self.pipeline.run_until_idle()
        return found

    def changes(self) -> list[OrderStatusChanged]:
        return self.pipeline.events("order.status_changed.v1")  # type: ignore[return-value]

    def shown(self) -> ParcelStatus:
        return self.changes()[-1].shipments[0].parcels[0]

    def refused(self) -> list[tuple[str, str, str]]:
        told = [change.refused for change in self.changes()]
        return [(one.command_id, one.command, one.code) for one in told if one]


@pytest.fixture
async def world(pool: Pool) -> AsyncIterator[World]:
    vtp, vnp = ViettelPostSandbox(STILL), VietnamPostSandbox(STILL)
    await pool.execute(REGISTRY)
    async with serving(vtp) as vtp_url, serving(vnp) as vnp_url:
        made = World(pool, vtp, vnp)
        means = Means(pool, made, made.vault, Places.load(), 0.2, era=0)
        first, second = (
            Account(url, "sandbox", "sandbox", 5.0, customer_code="T000000001")
            for url in (vtp_url, vnp_url)
        )
        runner = Runner((ViettelPost(first), VietnamPost(second)), means, Limits(concurrency=4))
        task = asyncio.create_task(runner.run())
        yield made
        runner.stop()
        await asyncio.wait_for(task, timeout=30)


@pytest.fixture
async def failing(world: World) -> Parcel:
    """Viettel Post awaits the seller's word since 11:00 on the 4th."""
    parcel = await world.ship()
    await world.scan(parcel, 200, "02/07/2026 08:00:00")
    await world.scan(parcel, 505, "04/07/2026 11:00:00")
    return parcel


async def test_the_seller_sees_until_when_to_decide(world: World, failing: Parcel) -> None:
    assert world.changes()[-1].status == "return_pending"
    assert world.shown().decide_by == datetime(2026, 7, 5, 16, tzinfo=UTC)
    await world.scan(failing, 508, "04/07/2026 18:00:00")
    assert world.shown().decide_by is None


async def test_news_that_changes_nothing_does_not_put_the_deadline_off(
    world: World, failing: Parcel
) -> None:
    await world.scan(failing, 202, "04/07/2026 15:00:00")
    await world.scan(failing, 505, "05/07/2026 09:00:00")
    assert world.shown().decide_by == datetime(2026, 7, 5, 16, tzinfo=UTC)


async def test_a_redelivery_is_ordered_at_the_carrier_and_the_seller_told(
    world: World, failing: Parcel
) -> None:
    await world.command("redeliver", "c-1")
    await world.until(lambda: world.shown().decided)
    assert (world.shown().decided, world.shown().decide_by) == ("redeliver", None)
    assert [step.code for step in failing.plan] == ["508", "501"]
    assert world.refused() == []


async def test_a_return_is_approved_at_the_carrier(world: World, failing: Parcel) -> None:
    await world.command("return", "c-1", parcel_id=PARCEL)
    await world.until(lambda: world.shown().decided)
    assert world.shown().decided == "return"
    assert failing.plan[0].code == "515"


async def test_a_parcel_that_fails_again_awaits_another_decision(
    world: World, failing: Parcel
) -> None:
    await world.command("redeliver", "c-1")
    await world.until(lambda: world.shown().decided)
    await world.scan(failing, 508, "06/08/2026 08:00:00")
    await world.scan(failing, 505, "06/08/2026 18:00:00")
    assert world.shown().decide_by is not None
    await world.command("return", "c-2")
    await world.until(lambda: world.shown().decided == "return")


async def test_a_carriers_no_reaches_the_feed_and_the_deadline_stands(
    world: World, failing: Parcel
) -> None:
    failing.code = "506"
    await world.command("redeliver", "c-1")
    assert await world.until(world.refused) == [("c-1", "redeliver", "carrier_refused")]
    assert world.shown().decide_by is not None


async def test_a_carrier_without_such_a_call_says_so(world: World) -> None:
    await world.ship("vnpost")
    await world.command("redeliver", "c-1", parcel_id=PARCEL)
    assert await world.until(world.refused) == [("c-1", "redeliver", "carrier_refused")]
    (told,) = [one.refused for one in world.changes() if one.refused]
    assert told.reason == "the carrier has no call for it"


async def test_nothing_is_asked_of_the_carrier_where_nothing_awaits(world: World) -> None:
    parcel = await world.ship()
    await world.command("redeliver", "c-1")
    await world.command("return", "c-2", parcel_id=f"{ORDER_ID}/1/7")
    await world.command("return", "c-3", parcel_id="postmart:OTHER:1/1/1")
    assert await world.until(lambda: len(world.refused()) == 3 and world.refused()) == [
        ("c-1", "redeliver", "nothing_awaits"),
        ("c-2", "return", "unknown_parcel"),
        ("c-3", "return", "other_parcel"),
    ]
    assert len(parcel.plan) > 2


@pytest.mark.usefixtures("failing")
async def test_a_command_that_comes_twice_is_one_call(world: World) -> None:
    await world.command("redeliver", "c-1")
    await world.until(lambda: world.shown().decided)
    await world.command("redeliver", "c-1")
    assert world.refused() == []
    kinds = await world.pool.fetch("SELECT kind FROM jobs.calls WHERE kind <> 'book'")
    assert [row["kind"] for row in kinds] == ["redeliver"]
