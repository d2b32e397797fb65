"""The sample month through intake, routing and packing: who carries what, and nothing left over."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from schemas.ids import channel_key
from schemas.packing import PackedLine, PackingReport, ReportedParcel
from services.reference.places import Places
from services.reference.rule_book import sample_rule_book
from services.registry.load import load_registry
from services.sandbox.month.channels import MARKETPLACES
from services.sandbox.sample import FOLDER
from services.store.pack_list import shipments_to_pack
from services.store.vault import Vault
from streams.intake import Intake
from streams.packing import Packing
from streams.routing import Routing
from streams.rules.routing.decision import replay
from streams.rules.routing.record import Decision
from streams.runtime.memory import ManualClock, Pipeline
from tests.intake_examples import body

if TYPE_CHECKING:
    from services.store.pool import Pool
    from streams.runtime.stage import Stage

pytestmark = pytest.mark.postgres

BOOK = sample_rule_book()
BOX_G = 60

CARRIERS = """
    SELECT carrier, service, count(*) AS shipments FROM routing.shipments
    WHERE state = 'routed' GROUP BY 1, 2 ORDER BY 1, 2
"""
BROKEN_PROMISES = """
    SELECT count(*) FROM routing.shipments
    WHERE state = 'routed' AND promised_on < (handover_by AT TIME ZONE 'Asia/Ho_Chi_Minh')::date
"""
CAPACITY_MISCOUNTED = """
    SELECT count(*) FROM (
        SELECT day, province, carrier, sum(parcels) AS parcels
        FROM routing.capacity_used GROUP BY 1, 2, 3
    ) AS used
    FULL JOIN (
        SELECT (handover_by AT TIME ZONE 'Asia/Ho_Chi_Minh')::date AS day,
               origin_province AS province, carrier, sum(parcels) AS parcels
        FROM routing.shipments WHERE state = 'routed' GROUP BY 1, 2, 3
    ) AS routed USING (day, province, carrier)
    WHERE coalesce(used.parcels, 0) <> coalesce(routed.parcels, 0)
"""
MONEY_LOST = """
    SELECT count(*) FROM (
        SELECT order_id, sum(cod_vnd) AS cod FROM routing.shipments
        WHERE state = 'routed' GROUP BY order_id
    ) AS parts
    JOIN intake.orders AS whole USING (order_id) WHERE parts.cod <> whole.cod_vnd
"""
PARCELS_OFF = """
    SELECT count(*) FROM routing.shipments AS whole
    JOIN (SELECT shipment_id, sum(cod_vnd) AS cod, sum(goods_vnd) AS goods
          FROM packing.parcels GROUP BY shipment_id) AS parts USING (shipment_id)
    WHERE (whole.cod_vnd, whole.goods_vnd) <> (parts.cod, parts.goods)
"""


async def the_month_is_sent(pipeline: Pipeline) -> None:
    with (FOLDER / "orders.jsonl").open(encoding="utf-8") as lines:
        for line in map(json.loads, lines):
            if line["channel"] in MARKETPLACES:
                continue  # they are asked for their orders
            channel, number = line["channel"], line["body"]["channel_order_no"]
            ours = {
                "ocop_channel": channel,
                "ocop_kind": "order",
                "ocop_actor": f"channel:{channel}",
            }
            if channel == "direct":
                ours["ocop_seller"] = line["seller_id"]
            headers = [(name, value.encode()) for name, value in ours.items()]
            key = channel_key(channel, number)
            await pipeline.send("order.received.v1", key, body(line["body"]), headers)
    await pipeline.run_until_idle()


async def everything_is_packed(pool: Pool, pipeline: Pipeline) -> int:
    """Pack what the sellers' lists show; the number of shipments listed."""
    listed = 0
    async with pool.acquire() as connection:
        for row in await connection.fetch("SELECT seller_id FROM registry.sellers"):
            waiting = await shipments_to_pack(connection, row["seller_id"], 500)
            listed += len(waiting)
            for shipment in waiting:
                lines = shipment["lines"]
                parcel = ReportedParcel(
                    parcel_no=1,
                    contents=tuple(
                        PackedLine(line_no=line["line_no"], quantity=line["quantity"])
                        for line in lines
                    ),
                    weight_g=sum(line["weight_g"] * line["quantity"] for line in lines) + BOX_G,
                    length_cm=40,
                    width_cm=30,
                    height_cm=20,
                )
                at = shipment["handover_by"] - timedelta(hours=1)
                for kind in ("parcel", "finished"):
                    report = PackingReport(
                        report_id=kind,
                        shipment_id=shipment["shipment_id"],
                        station="T1",
                        kind=kind,
                        reported_at=at,
                        parcel=parcel if kind == "parcel" else None,
                    )
                    key, value = report.order_id, report.model_dump_json().encode()
                    await pipeline.send("packing.reported.v1", key, value)
    await pipeline.run_until_idle()
    return listed


async def test_the_sample_month_is_routed_and_packed(pool: Pool) -> None:
    async with pool.acquire() as connection:
        await load_registry(connection, FOLDER)
    clock = ManualClock(datetime(2026, 11, 1, tzinfo=UTC))
    stages: list[Stage] = [Intake(Places.load(), Vault(bytes(32))), Routing(BOOK), Packing(BOOK)]
    pipeline = Pipeline(stages, pool, clock)
    await the_month_is_sent(pipeline)
    won: Counter[str] = Counter()
    for row in await pool.fetch(CARRIERS):
        won[row["carrier"]] += row["shipments"]
    assert set(won) == set(BOOK.carriers)
    assert min(won.values()) >= 0.05 * won.total()
    for row in await pool.fetch("SELECT record::text FROM routing.decisions"):
        decision = Decision.model_validate_json(row["record"])
        assert replay(decision, BOOK).shipments == decision.shipments
    for broken in (BROKEN_PROMISES, CAPACITY_MISCOUNTED, MONEY_LOST):
        assert await pool.fetchval(broken) == 0
    held = await pool.fetchval("SELECT count(*) FROM routing.orders WHERE held AND NOT cancelled")
    assert held <= 0.03 * won.total()
    listed = await everything_is_packed(pool, pipeline)
    packed = await pool.fetchval("SELECT count(*) FROM packing.shipments WHERE state = 'packed'")
    assert await pool.fetchval(PARCELS_OFF) == 0
    assert packed >= 0.98 * listed
    assert pipeline.dead == []
