"""The sample month through intake, once as it was sent and once in every kind of disorder."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from schemas.ids import channel_key
from services.reference.places import Places
from services.registry.load import load_registry
from services.sandbox.month.channels import MARKETPLACES
from services.sandbox.sample import FOLDER
from services.store.vault import Vault
from streams.intake import Intake
from streams.runtime.memory import ORDERLY, Disorder, ManualClock, Pipeline
from tests.intake_examples import body

if TYPE_CHECKING:
    from services.store.pool import Pool

pytestmark = pytest.mark.postgres

VAULT = Vault(bytes(32))
PLACES = Places.load()

CONTENT = """
-- What must not depend on the order of arrival. Of a cancelled order the holds do not matter, of a
-- held one what was published before.
SELECT o.order_id, o.wanted, o.payload_version, o.seen, o.contact_problems, o.cancel_requested,
       CASE WHEN NOT o.cancel_requested THEN o.holds END AS holds,
       CASE WHEN NOT o.cancel_requested AND NOT o.untold THEN
           (o.ward_code, o.total_vnd, o.cod_vnd, o.fixed_carrier)::text END AS published,
       CASE WHEN NOT o.cancel_requested AND NOT o.untold THEN
           (SELECT array_agg(l::text ORDER BY l.line_no) FROM intake.lines l
            WHERE l.order_id = o.order_id) END AS lines
FROM intake.orders o ORDER BY o.order_id
"""
EMPTY = """
TRUNCATE intake.orders, intake.lines, intake.parked, intake.buyers, intake.buyer_keys,
         runtime.checkpoints
"""


async def take_in(pool: Pool, disorder: Disorder) -> tuple[list[dict[str, Any]], Pipeline]:
    """Send the whole month; the orders as they end up."""
    clock = ManualClock(datetime(2026, 11, 1, tzinfo=UTC))
    pipeline = Pipeline([Intake(PLACES, VAULT)], pool, clock, disorder=disorder)
    with (FOLDER / "orders.jsonl").open(encoding="utf-8") as lines:
        for line in map(json.loads, lines):
            if line["channel"] in MARKETPLACES:
                continue  # they are asked for their orders
            channel, number = line["channel"], line["body"]["channel_order_no"]
            headers = [
                ("ocop_channel", channel.encode()),
                ("ocop_kind", b"order"),
                ("ocop_actor", f"channel:{channel}".encode()),
            ]
            if channel == "direct":
                headers.append(("ocop_seller", line["seller_id"].encode()))
            raw = body(line["body"])
            await pipeline.send("order.received.v1", channel_key(channel, number), raw, headers)
    await pipeline.run_until_idle()
    rows = [dict(row) for row in await pool.fetch(CONTENT)]
    return rows, pipeline


async def test_the_sample_month_ends_the_same_in_disorder(pool: Pool) -> None:
    async with pool.acquire() as connection:
        await load_registry(connection, FOLDER)
    orderly, first = await take_in(pool, ORDERLY)
    assert first.dead == []
    assert len(orderly) >= 1_800
    await pool.execute(EMPTY)
    chaos = Disorder(seed=7, duplicated=0.2, late=0.2, redelivered=0.2, cut=True)
    disorderly, second = await take_in(pool, chaos)
    assert second.dead == []
    assert disorderly == orderly
    assert await pool.fetchval("SELECT count(*) FROM intake.parked") == 0
    placed = {event.event_id: event.key for event in second.events("order.placed.v1")}
    assert len(set(placed.values())) == len(placed) >= 0.8 * len(orderly)
