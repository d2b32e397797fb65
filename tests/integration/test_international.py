"""Bắc Kạn's noodles on their way to the Czech Republic: every stage, the runner, EMS's double.

Stations and the postal operators abroad are played here; EMSEVT comes as a partner would send it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import pytest

from schemas.ids import channel_key
from schemas.place import Abroad
from schemas.s10 import read_s10
from schemas.tracking import TrackingStatus
from services.carriers.account import Account
from services.carriers.ems.proxy import Ems
from services.jobs.carrier_calls import Means
from services.jobs.runner import Limits, Runner
from services.labels.content import Label
from services.labels.desk import Desk, Names
from services.labels.pages import Paper
from services.reference.places import Places
from services.reference.rule_book import sample_rule_book
from services.reference.status_map import read_status_map
from services.sandbox.ems import EmsSandbox
from services.sandbox.options import CALM, EVEN, Options
from services.sandbox.serving import serving
from services.store.journey import order_journey
from services.store.s10_numbers import open_range
from services.store.vault import Vault
from services.verify.evidence import Evidence
from services.verify.promises import PROMISES, verify
from services.verify.survey import survey
from streams.cli.trace import order_moments
from streams.rechecks import Rechecks
from streams.runtime.memory import Disorder
from streams.topology import STAGES
from tests.appended import Appended
from tests.papers import scanned, text_of
from tests.whole_flow import MemoryTopics, WholeFlow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable

    from services.store.pool import Pool

pytestmark = pytest.mark.postgres

SELLER, SKU, NUMBER = "S19-01", "S19-01-01", "DO-CZ-1"
ORDER: Final = f"direct:{SELLER}:{NUMBER}"
PERSONAL: Final = (b"Nov\xc3\xa1k", b"Vodi\xc4\x8dkova", b"Praha", b"110 00", b"601123456")
RANGE: Final = (4_000_000, 4_000_001)
PLACES: Final = Places.load()
MEANINGS: Final = read_status_map()
FLOW: Final = {stage: [topic.name for topic in inputs] for stage, inputs in STAGES}
CODES: Final = ("EMA", "EMB", "EMC", "EMD", "EDB", "EME", "EDC", "EMF", "EMG", "EDG", "EMH", "EDG")


def an_order(**changes: Any) -> dict[str, Any]:
    """Four packets of noodles for Prague, paid for."""
    order = {
        "format": "ocop.order/1",
        "channel": "direct",
        "channel_order_no": NUMBER,
        "event": "placed",
        "version": 1,
        "placed_at": "2026-11-16T08:00:00+07:00",
        "seller_ref": SELLER,
        "buyer": {"name": "Jan Novák", "phone": "601 123 456"},
        "ship_to": {
            "country": "cz",
            "street": "Vodičkova 12",
            "city": "Praha 1",
            "postcode": "110 00",
        },
        "lines": [{"line_no": 1, "sku": SKU, "quantity": 4, "unit_price": 120_000}],
        "totals": {"goods": 480_000, "shipping": 0, "grand_total": 480_000},
        "payment": {"method": "card", "paid": True},
    }
    return order | changes


class Abroadness(WholeFlow):
    """The system with a seller who sends abroad."""

    async def begins(self) -> None:
        """The registry knows what customs ask for, and the operator has opened a range."""
        await self.registers()
        told = "UPDATE registry.products SET name_en = $2, hs_code = $3 WHERE sku = $1"
        await self.pool.execute(told, SKU, "Canna starch noodles", "190230")
        async with self.pool.acquire() as connection:
            await open_range(connection, "EA", *RANGE)

    async def places(self, *orders: dict[str, Any]) -> None:
        """The seller sends orders by the direct API."""
        headers = {"ocop_channel": "direct", "ocop_kind": "order", "ocop_seller": SELLER}
        for order in orders:
            key = channel_key("direct", order["channel_order_no"])
            raw = json.dumps(order, ensure_ascii=False).encode()
            encoded = [(name, value.encode()) for name, value in headers.items()]
            await self.pipeline.send("order.received.v1", key, raw, encoded)
        await self.pipeline.run_until_idle()

    async def tells(self, codes: Iterable[str], begins: datetime) -> None:
        """Postal operators scan the parcel, one code every four hours."""
        (booking,) = await self.pool.fetch("SELECT * FROM booking.bookings")
        for number, code in enumerate(codes):
            await self.scans(dict(booking), code, begins + timedelta(hours=4 * number))
            await self.pipeline.run_until_idle()

    async def commands(self, kind: str, why: str, **fields: Any) -> None:
        """Ops ask for something, three days on."""
        body = {"order_id": ORDER, "why": why, "at": "2026-11-19T08:00:00+07:00"} | fields
        headers = {
            "ocop_channel": "direct",
            "ocop_kind": kind,
            "ocop_actor": "ops:lan",
            "ocop_command_id": f"{kind}-1",
        }
        encoded = [(name, value.encode()) for name, value in headers.items()]
        key = channel_key("direct", NUMBER)
        await self.pipeline.send("order.received.v1", key, json.dumps(body).encode(), encoded)
        await self.pipeline.run_until_idle()

    def said(self, topic: str) -> list[Any]:
        """What a topic holds."""
        return self.pipeline.events(f"{topic}.v1")

    def states(self) -> list[TrackingStatus]:
        """The states of the parcel, one after another."""
        return [one.status for one in self.said("shipment.status_changed")]


@contextlib.asynccontextmanager
async def carried(flow: Abroadness, **more: Any) -> AsyncIterator[EmsSandbox]:
    """EMS's double and the job runner beside the flow."""
    options = Options(datetime(2026, 11, 17, tzinfo=UTC), mischief=CALM, lives=EVEN, speed=1.0)
    ems = EmsSandbox(options)
    async with serving(ems) as url:
        fields = {"country_field": "to_country", "number_field": "tracking_code"} | more
        account = Account(url, timeout_s=0.5, token="sandbox", may_repeat=False, **fields)
        means = Means(flow.pool, Appended(flow.pipeline), Vault(bytes(32)), PLACES, 0.2, era=0)
        runner = Runner([Ems(account)], means, Limits(16, 3, 0.3))
        running = asyncio.create_task(runner.run())
        yield ems
        runner.stop()
        await asyncio.wait_for(running, timeout=30)


async def until(flow: Abroadness, said: Callable[[], Any]) -> Any:
    async with asyncio.timeout(60):
        while not (found := said()):
            await asyncio.sleep(0.03)
            await flow.pipeline.run_until_idle()
    return found


@pytest.fixture
async def flow(pool: Pool) -> Abroadness:
    flow = Abroadness(pool)
    await flow.begins()
    return flow


async def test_noodles_reach_prague_through_two_offices_of_exchange_and_a_customs_hold(
    flow: Abroadness,
) -> None:
    await flow.places(an_order())
    (placed,) = flow.said("order.placed")
    assert placed.destination == Abroad(country="CZ")
    assert (placed.lines[0].hs_code, placed.lines[0].origin_country) == ("190230", "VN")
    (routed,) = flow.said("order.routed")
    (shipment,) = routed.shipments
    assert (shipment.chosen.carrier, shipment.chosen.service) == ("ems", "EMS-QT")
    others = {(one.carrier, one.service): one.reason for one in shipment.refused}
    assert len(others) == len(sample_rule_book().services) - 1
    assert set(others.values()) == {"it does not serve CZ"}
    await flow.packs()
    (number,) = await flow.pool.fetch("SELECT number, reference FROM numbers.s10_allocated")
    async with carried(flow) as ems:
        (booked,) = await until(flow, lambda: flow.said("shipment.booked"))
        assert (booked.tracking_no, booked.reference) == tuple(number)
        assert read_s10(booked.tracking_no).serial == RANGE[0]
        assert ems.yard.by_number[booked.tracking_no].recipient == "Jan Novák"
    await flow.tells(CODES, booked.occurred_at)
    assert flow.states()[-1] is TrackingStatus.OUT_FOR_DELIVERY
    assert TrackingStatus.EXCEPTION in flow.states()
    held = next(
        one
        for one in flow.said("shipment.status_changed")
        if one.status is TrackingStatus.EXCEPTION
    )
    assert (held.detail, held.attributed_to) == ("authority_import_hold", "authority")
    await flow.tells(["EMI"], booked.occurred_at + timedelta(days=3))
    assert flow.states()[-1] is TrackingStatus.DELIVERED
    (*_, newest) = flow.said("order.status_changed")
    assert (newest.status, newest.country) == ("delivered", "CZ")
    assert {one.change.country for one in flow.said("feed.appended")} <= {None, "CZ"}
    assert flow.pipeline.dead == []
    await keeps_its_promises(flow)


async def keeps_its_promises(flow: Abroadness) -> None:
    """Every promise is kept, a month's row by origin, a journey that names the country, no personal data."""
    await flow.publishes()
    async with flow.pool.acquire() as connection:
        rules = Rechecks(MEANINGS)
        seen = await survey(MemoryTopics(flow.pipeline), rules.hear)
        found = await verify(Evidence(connection, seen, rules, FLOW), PROMISES)
        journey = await order_journey(connection, ORDER)
    assert [finding.examples for finding in found if not finding.holds] == []
    assert journey is not None
    assert "to Czech Republic" in next(order_moments(journey)).what
    rows = [one for one in flow.said("metrics.monthly_throughput") if one.dimensions.carrier]
    assert {(one.dimensions.carrier, one.dimensions.origin_province) for one in rows} == {
        ("ems", "19")
    }
    assert rows[-1].figures["parcels_delivered"] == 1
    for topic in ("order.placed", "order.routed", "shipment.booked", "order.status_changed"):
        for record in flow.pipeline.log.records(f"{topic}.v1"):
            assert not [one for one in PERSONAL if one in (record.value or b"")]
    kept = await flow.pool.fetchval("SELECT wanted::text FROM intake.orders")
    assert not [one for one in PERSONAL if one in kept.encode()]


async def test_the_label_declares_what_is_inside_in_english(flow: Abroadness) -> None:
    await flow.places(an_order())
    await flow.packs()
    async with carried(flow):
        await until(flow, lambda: flow.said("shipment.booked"))
    desk = Desk(flow.pool, Vault(bytes(32)), PLACES, Names.of(sample_rule_book()), None)
    (label,) = await desk.of_order(ORDER)
    assert isinstance(label, Label)
    printed = await desk.print([label], Paper.A6)
    desk.close()
    front, customs = text_of(printed)
    assert "Vodičkova 12, 110 00 Praha 1, CZECH REPUBLIC" in front
    assert "+420601123456" in front
    for said in ("Canna starch noodles", "4 2080 g 480 000 VND 190230 VN", "commercial invoice"):
        assert said in customs
    assert ("Code 128", label.tracking_no) in scanned(printed, 1)


async def test_an_order_without_a_free_number_waits_until_a_range_is_opened(
    flow: Abroadness,
) -> None:
    await flow.pool.execute("DELETE FROM numbers.s10_ranges")
    await flow.places(an_order())
    await flow.packs()
    assert await flow.pool.fetchval("SELECT count(*) FROM jobs.pgqueuer") == 1
    assert await flow.pool.fetchval("SELECT count(*) FROM numbers.s10_allocated") == 0
    async with flow.pool.acquire() as connection:
        await open_range(connection, "EA", 7, 7)
    async with carried(flow):
        (booked,) = await until(flow, lambda: flow.said("shipment.booked"))
    assert read_s10(booked.tracking_no).serial == 7


async def test_a_number_that_ems_does_not_take_gives_way_to_its_own(flow: Abroadness) -> None:
    await flow.places(an_order())
    await flow.packs()
    async with carried(flow, number_field="") as ems:
        (booked,) = await until(flow, lambda: flow.said("shipment.booked"))
    assert list(ems.yard.by_number) == [booked.tracking_no]
    assert read_s10(booked.tracking_no).serial not in RANGE


async def test_two_orders_have_two_numbers(flow: Abroadness) -> None:
    await flow.places(an_order(), an_order(channel_order_no="DO-CZ-2"))
    await flow.packs()
    given = await flow.pool.fetch("SELECT serial FROM numbers.s10_allocated ORDER BY 1")
    assert tuple(row["serial"] for row in given) == RANGE


async def test_what_the_country_sends_back_is_back_once_ops_vouch_for_it(flow: Abroadness) -> None:
    await flow.places(an_order())
    await flow.packs()
    async with carried(flow):
        (booked,) = await until(flow, lambda: flow.said("shipment.booked"))
    await flow.tells(("EMA", "EMC", "EMD", "EME", "EDX"), booked.occurred_at)
    (*_, last) = flow.said("shipment.status_changed")
    assert (last.status, last.detail) == (TrackingStatus.EXCEPTION, "authority_import_terminated")
    parcels = [{"parcel_id": f"{ORDER}/1/1", "outcome": "restocked", "condition": "intact"}]
    await flow.commands("receive_back", "back from Praha", parcels=parcels)
    (*_, newest) = flow.said("order.status_changed")
    assert newest.fulfilment == "returned_to_stock"


async def test_an_order_that_moves_home_gets_a_commune_and_another_carrier(
    flow: Abroadness,
) -> None:
    home = {"street": "Số 1", "ward_code": "00166", "province_code": "01", "vintage": "2025-07"}
    amended = an_order(
        event="amended",
        version=2,
        ship_to=home,
        buyer={"name": "Trần Thị B", "phone": "0900000002"},
        updated_at="2026-11-16T09:00:00+07:00",
    )
    await flow.places(an_order(), amended)
    row = await flow.pool.fetchrow("SELECT * FROM routing.shipments")
    assert row is not None
    assert (row["destination_country"], row["destination_province"]) == ("VN", "01")
    assert row["service"] != "EMS-QT"
    order = await flow.pool.fetchrow("SELECT country, ward_code FROM intake.orders")
    assert order is not None
    assert tuple(order) == ("VN", "00166")
    assert flow.said("order.status_changed")[-1].country is None


async def test_what_customs_lacked_is_written_into_the_registry_and_the_order_goes(
    flow: Abroadness,
) -> None:
    await flow.pool.execute("UPDATE registry.products SET hs_code = NULL")
    await flow.places(an_order())
    (held,) = flow.said("order.held")
    assert "customs need its HS code" in held.holds[0].detail
    await flow.pool.execute("UPDATE registry.products SET hs_code = '190230'")
    await flow.commands("release", "the HS code is there")
    assert [one.destination.area for one in flow.said("order.placed")] == ["CZ"]


@pytest.mark.parametrize("seed", [1, 2])
async def test_repeats_and_late_records_change_nothing_of_a_parcel_abroad(
    pool: Pool, seed: int
) -> None:
    flow = Abroadness(pool, Disorder(seed, duplicated=0.3, late=0.3, redelivered=0.3, cut=True))
    await flow.begins()
    await flow.places(an_order())
    await flow.packs()
    async with carried(flow):
        (booked, *_) = await until(flow, lambda: flow.said("shipment.booked"))
    await flow.tells((*CODES, "EMI"), booked.occurred_at)
    given = await pool.fetch("SELECT number FROM numbers.s10_allocated")
    assert [row["number"] for row in given] == [booked.tracking_no]
    row = await pool.fetchrow("SELECT status, document ->> 'country' FROM status.orders")
    assert tuple(row or ()) == ("delivered", "CZ")


async def test_cash_unknown_countries_and_fresh_goods_are_held_with_what_to_do(
    flow: Abroadness,
) -> None:
    cash = {"method": "cod", "cod_amount": 480_000}
    nowhere = an_order()["ship_to"] | {"country": "AQ"}
    fresh = [an_order()["lines"][0] | {"handling": ["fresh"]}]
    await flow.places(
        an_order(payment=cash),
        an_order(channel_order_no="DO-2", ship_to=nowhere),
        an_order(channel_order_no="DO-3", lines=fresh),
    )
    holds = {one.order_id[-4:]: one.holds for one in flow.said("order.held")}
    assert [hold.detail for hold in holds["CZ-1"]] == [
        "Cash on delivery is not possible in CZ: amend the order once the buyer has paid."
    ]
    assert "No service carries to AQ" in holds["DO-2"][0].detail
    assert "may not leave the country (fresh)" in holds["DO-3"][0].detail
    assert flow.said("order.placed") == []
