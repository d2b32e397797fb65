"""Orders a marketplace ships itself: fixed by the channel, booked by its package, followed by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from schemas.booking import ShipmentBooked
from schemas.catalogue import (
    ORDER_HELD,
    ORDER_RECEIVED,
    ORDER_ROUTED,
    PACKING_REPORTED,
    SHIPMENT_BOOKED,
    SHIPMENT_STATUS_CHANGED,
    TRACKING_RECEIVED,
)
from schemas.ids import channel_key, tracking_key
from schemas.intake import OrderHeld
from schemas.routing import OrderRouted
from schemas.tracking import ShipmentStatusChanged, TrackingStatus
from services.carriers.platform import FORMAT
from services.reference.status_map import read_status_map
from services.verify.evidence import Evidence
from services.verify.promises import PROMISES, verify
from services.verify.survey import survey
from streams.rechecks import Rechecks
from streams.runtime.memory import Disorder
from streams.topology import STAGES
from tests.channel_examples import (
    LAZADA_NO,
    SHOPEE_NO,
    a_lazada_item,
    a_lazada_order,
    a_shopee_order,
    raw,
)
from tests.whole_flow import ROUTED, MemoryTopics, WholeFlow, reports

if TYPE_CHECKING:
    from services.store.pool import Pool

SELLER, SKU, SHOP = "S01-01", "S01-01-01", "100001"
ORDER = f"shopee:{SELLER}:{SHOPEE_NO}"
PACKAGE = "OFG000000000000001"
NEWER = 1782870000


class Flow(WholeFlow):
    """The whole flow with a Shopee and a Lazada shop of a sample seller."""

    async def opens(self) -> None:
        await self.registers()
        for channel in ("shopee", "lazada"):
            row = (channel, SHOP, SELLER)
            await self.pool.execute("INSERT INTO registry.shops VALUES ($1, $2, $3)", *row)

    async def fetched(self, order: dict[str, Any], channel: str = "shopee") -> None:
        """The runner has fetched an order."""
        number = SHOPEE_NO if channel == "shopee" else LAZADA_NO
        headers = {"ocop_channel": channel, "ocop_kind": "order", "ocop_shop": SHOP}
        encoded = [(name, value.encode()) for name, value in headers.items()]
        key = channel_key(channel, number)
        await self.pipeline.send(ORDER_RECEIVED.name, key, raw(order), encoded)
        await self.pipeline.run_until_idle()

    async def told(self, status: str, at: str, number: str = PACKAGE) -> None:
        """The runner has heard of a package."""
        body = {"format": FORMAT, "package_number": number, "status": status, "at": at}
        headers = {"ocop_carrier": "shopee", "ocop_api": "logistics", "ocop_item": "0"}
        encoded = [(name, value.encode()) for name, value in headers.items()]
        key = tracking_key("shopee", number)
        await self.pipeline.send(TRACKING_RECEIVED.name, key, orjson.dumps(body), encoded)
        await self.pipeline.run_until_idle()

    async def packs_in(self, parcels: int) -> None:
        """The two units go into one parcel, or into one each."""
        [row] = await self.pool.fetch(ROUTED)
        started, parcel, finished = reports(
            row["shipment_id"], orjson.loads(row["lines"]), row["handover_by"]
        )
        [content] = parcel["parcel"]["contents"]
        each = content | {"quantity": content["quantity"] // parcels}
        packed = [
            parcel
            | {
                "report_id": f"parcel-{number}",
                "parcel": parcel["parcel"]
                | {
                    "parcel_no": number,
                    "contents": [each],
                    "weight_g": parcel["parcel"]["weight_g"] // parcels,
                },
            }
            for number in range(1, parcels + 1)
        ]
        for report in (started, *packed, finished):
            body, actor = orjson.dumps(report), [("ocop_actor", b"station:1")]
            order = row["shipment_id"].partition("/")[0]
            await self.pipeline.send(PACKING_REPORTED.name, order, body, actor)
        await self.pipeline.run_until_idle()

    @property
    def booked(self) -> list[tuple[str, str, str]]:
        return [
            (event.carrier, event.api, event.tracking_no)
            for event in self.pipeline.events(SHIPMENT_BOOKED.name)
            if isinstance(event, ShipmentBooked)
        ]

    def holds(self, stage: str) -> list[str]:
        return [
            hold.detail
            for event in self.pipeline.events(ORDER_HELD.name)
            if isinstance(event, OrderHeld) and event.stage == stage
            for hold in event.holds
        ]

    async def status(self, order: str = ORDER) -> str:
        found: str = await self.pool.fetchval(
            "SELECT status FROM status.orders WHERE order_id = $1", order
        )
        return found


def an_order(**changes: Any) -> dict[str, Any]:
    """Two units, weighed by the registry."""
    [item] = a_shopee_order()["item_list"]
    return a_shopee_order(item_list=[item | {"model_sku": SKU}]) | changes


def a_package(number: str) -> dict[str, Any]:
    [package] = a_shopee_order()["package_list"]
    return {**package, "package_number": number}


@pytest.fixture
async def flow(pool: Pool) -> Flow:
    made = Flow(pool)
    await made.opens()
    return made


async def test_a_masked_order_is_booked_by_its_package_without_a_call(flow: Flow) -> None:
    await flow.fetched(an_order())
    await flow.packs_in(1)
    assert flow.booked == [("shopee", "logistics", PACKAGE)]
    assert await flow.pool.fetchval("SELECT count(*) FROM jobs.pgqueuer") == 0
    assert flow.holds("intake") == []


async def test_routing_says_that_the_channel_chose(flow: Flow) -> None:
    await flow.fetched(an_order())
    [routed] = flow.pipeline.events(ORDER_ROUTED.name)
    assert isinstance(routed, OrderRouted)
    [shipment] = routed.shipments
    assert (shipment.chosen.carrier, shipment.chosen.tariff) == ("shopee", "channel")
    assert (shipment.fallbacks, shipment.refused) == ((), ())
    assert shipment.handover_by.timestamp() == 1783036800
    record = await flow.pool.fetchval("SELECT record FROM routing.decisions")
    assert orjson.loads(record)["shipments"][0]["won_by"] == "fixed_by_channel"


async def test_the_platforms_status_is_the_parcels_tracking(flow: Flow) -> None:
    await flow.told("LOGISTICS_REQUEST_CREATED", "2026-07-01T01:00:00+00:00")
    await flow.fetched(an_order())
    await flow.packs_in(1)
    await flow.told("LOGISTICS_PICKUP_DONE", "2026-07-03T01:00:00+00:00")
    await flow.told("LOGISTICS_DELIVERY_DONE", "2026-07-05T01:00:00+00:00")
    states = [
        event.status
        for event in flow.pipeline.events(SHIPMENT_STATUS_CHANGED.name)
        if isinstance(event, ShipmentStatusChanged)
    ]
    assert states[-1] is TrackingStatus.DELIVERED
    assert await flow.status() == "delivered"


async def test_more_parcels_than_packages_wait_for_the_seller(flow: Flow) -> None:
    await flow.fetched(an_order())
    await flow.packs_in(2)
    assert len(flow.booked) == 1
    [detail] = flow.holds("booking")
    assert detail.startswith("2 parcels are packed and the platform has 1 package:")
    more = [a_package(PACKAGE), a_package("OFG000000000000002")]
    await flow.fetched(an_order(package_list=more, update_time=NEWER))
    assert sorted(number for *_, number in flow.booked) == [PACKAGE, "OFG000000000000002"]
    assert await flow.status() == "label_ready"


async def test_packages_that_come_after_packing_are_no_amendment(flow: Flow) -> None:
    await flow.fetched(an_order(package_list=[]))
    await flow.packs_in(1)
    assert flow.booked == []
    await flow.fetched(an_order(update_time=NEWER, order_status="PROCESSED"))
    assert flow.booked == [("shopee", "logistics", PACKAGE)]
    assert flow.pipeline.events("command.refused.v1") == []
    assert flow.pipeline.dead == []


async def test_a_platform_that_cancels_ends_the_booking(flow: Flow) -> None:
    await flow.fetched(an_order())
    await flow.packs_in(1)
    await flow.fetched(an_order(order_status="CANCELLED", update_time=NEWER))
    await flow.told("LOGISTICS_REQUEST_CANCELED", "2026-07-02T01:00:00+00:00")
    assert await flow.status() == "cancelled"
    state = await flow.pool.fetchval("SELECT state FROM booking.bookings")
    assert state in {"voided", "carrier_cancelled"}


async def test_a_masked_order_that_the_seller_ships_is_held(flow: Flow) -> None:
    await flow.fetched(an_order(package_list=[], shipping_carrier=""))
    details = " ".join(flow.holds("intake"))
    assert "phone is masked" in details
    assert "street is masked" in details


async def test_masked_text_never_replaces_open_text(flow: Flow) -> None:
    given = {"name": "Trần Thị B", "phone": "0912345678", "full_address": "Số 1 Đường Mẫu"}
    address = a_shopee_order()["recipient_address"]
    mine = {"package_list": [], "shipping_carrier": ""}
    await flow.fetched(an_order(recipient_address=address | given, **mine))
    before = await flow.pool.fetchval("SELECT sealed FROM intake.buyers")
    await flow.fetched(an_order(recipient_address=address, update_time=NEWER, **mine))
    assert await flow.pool.fetchval("SELECT sealed FROM intake.buyers") == before
    assert flow.holds("intake") == []


async def test_a_status_that_says_nothing_new_is_no_amendment(flow: Flow) -> None:
    await flow.fetched(an_order())
    for later, status in enumerate(("PROCESSED", "SHIPPED", "COMPLETED"), start=1):
        await flow.fetched(an_order(order_status=status, update_time=NEWER + later))
    assert flow.pipeline.events("order.amended.v1") == []
    assert len(flow.pipeline.events("order.placed.v1")) == 1


async def test_a_change_after_packing_is_refused_once_however_often_it_is_fetched(
    flow: Flow,
) -> None:
    await flow.fetched(an_order())
    await flow.packs_in(1)
    [item] = a_shopee_order()["item_list"]
    more = [item | {"model_quantity_purchased": 3}]
    for later in range(3):
        await flow.fetched(an_order(item_list=more, update_time=NEWER + later))
    [refused] = flow.pipeline.events("command.refused.v1")
    assert refused.model_dump()["code"] == "already_packed"


async def test_a_unit_cancelled_at_lazada_is_an_amendment(flow: Flow) -> None:
    items = [a_lazada_item(n, sku=SKU) for n in (1, 2)]
    await flow.fetched(a_lazada_order(*items), "lazada")
    rest = [items[0], items[1] | {"status": "canceled"}]
    newer = a_lazada_order(*rest, updated_at="2026-07-01T09:00:00+07:00")
    await flow.fetched(newer, "lazada")
    [amended] = flow.pipeline.events("order.amended.v1")
    assert amended.model_dump()["lines"][0]["quantity"] == 1
    assert amended.model_dump()["cod_vnd"] == 191_000


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_whatever_overtakes_whatever_the_parcel_is_delivered(pool: Pool, seed: int) -> None:
    flow = Flow(pool, Disorder(seed, duplicated=0.3, late=0.3, redelivered=0.3, cut=True))
    await flow.opens()
    await flow.told("LOGISTICS_DELIVERY_DONE", "2026-07-05T01:00:00+00:00")
    await flow.fetched(an_order(package_list=[]))
    await flow.packs_in(1)
    await flow.told("LOGISTICS_PICKUP_DONE", "2026-07-03T01:00:00+00:00")
    await flow.fetched(an_order(update_time=NEWER))
    assert await flow.status() == "delivered"


async def test_every_promise_holds_of_what_a_platform_ships(flow: Flow) -> None:
    await flow.fetched(an_order())
    await flow.packs_in(2)
    more = [a_package(PACKAGE), a_package("OFG000000000000002")]
    await flow.fetched(an_order(package_list=more, update_time=NEWER))
    for number in (PACKAGE, "OFG000000000000002"):
        await flow.told("LOGISTICS_PICKUP_DONE", "2026-07-03T01:00:00+00:00", number)
        await flow.told("LOGISTICS_DELIVERY_DONE", "2026-07-05T01:00:00+00:00", number)
    await flow.publishes()
    rules = Rechecks(read_status_map())
    seen = await survey(MemoryTopics(flow.pipeline), rules.hear)
    stages = {stage: [topic.name for topic in inputs] for stage, inputs in STAGES}
    async with flow.pool.acquire() as db:
        found = await verify(Evidence(db, seen, rules, stages), PROMISES)
    assert {one.name: one.examples for one in found if not one.holds} == {}
