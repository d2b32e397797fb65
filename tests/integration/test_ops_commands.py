"""The commands of operators, against a real broker and database."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from typer.testing import CliRunner

from schemas.catalogue import ORDER_RECEIVED, TOPICS, TRACKING_RECEIVED
from schemas.mending import Correction
from services.kafka.admin import ensure_topics
from services.kafka.durability import Durability
from services.verify.log import KafkaTopics
from streams.cli import correct, erase, hold, oddities, release, remap, tasks
from tests.whole_flow import BOOKED, WholeFlow

if TYPE_CHECKING:
    import typer

    from services.store.pool import Pool

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]


class Ops:
    """Runs commands as a person would, and reads what they left in a topic.

    The broker is shared: other tests' commands are about other orders and numbers.
    """

    def __init__(self, kafka: str) -> None:
        self.kafka = kafka

    async def says(self, app: typer.Typer, *words: str, given: str = "") -> str:
        result = await asyncio.to_thread(CliRunner().invoke, app, list(words), input=given)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.stdout

    async def tells(self, app: typer.Typer, *words: str, given: str = "") -> Any:
        return orjson.loads(await self.says(app, *words, "--json", given=given))

    async def records(self, topic: str, kind: str) -> list[Any]:
        async with KafkaTopics(self.kafka) as log:
            return [
                record
                async for records in log.read(await log.ends([topic]))
                for record in records
                if dict(record.headers).get("ocop_kind") == kind.encode()
            ]


@pytest.fixture
async def ops(kafka: str, pool: Pool, database: str, monkeypatch: pytest.MonkeyPatch) -> Ops:
    """A month with a lost parcel of Viettel Post, and the servers it is on."""
    await ensure_topics(kafka, TOPICS, Durability(1, 1, flush=False))
    monkeypatch.setenv("DATABASE_URL", database)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", kafka)
    monkeypatch.setenv("OCOP_MASTER_KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
    flow = WholeFlow(pool)
    await flow.registers()
    await flow.receives(12)
    await flow.packs()
    await flow.books()
    lost = next(row for row in await pool.fetch(BOOKED) if row["carrier"] == "viettelpost")
    for code, after_h in (("200", 8), ("503", 30)):
        await flow.scans(dict(lost), code, lost["booked_at"] + timedelta(hours=after_h))
    await flow.pipeline.run_until_idle()
    return Ops(kafka)


async def test_an_operator_mends_from_the_command_line(ops: Ops) -> None:
    wanted = ("--carrier", "viettelpost", "--to", "v2")
    before = await ops.tells(remap.app, *wanted, "--dry-run")
    assert (before["parcels"], before["asked"]) == (1, 0)
    assert before["states"] == [{"from": "written_off", "to": "cancelled", "parcels": 1}]
    after = await ops.tells(remap.app, *wanted, "--why", "confirmed", "--by", "lan")
    assert {**after, "asked": 0} == before
    (request,) = await ops.records(TRACKING_RECEIVED.name, "remap")
    parcel, order = before["changes"][0]["parcel_id"], before["changes"][0]["order_id"]
    assert request.key.startswith(b"viettelpost:")

    said = await ops.tells(
        correct.app, parcel, "--state", "delivered", "--at", "2026-10-20T15:00", "--why", "seen"
    )
    assert said["occurred_at"] == "2026-10-20T15:00:00+07:00"
    told = await ops.records(TRACKING_RECEIVED.name, "correction")
    (correction,) = [record for record in told if record.key == request.key]
    assert Correction.model_validate_json(correction.value).by.startswith("ops:")

    for app, kind in ((hold.app, "hold"), (release.app, "release")):
        await ops.says(app, order, "--why", "the buyer called", "--by", "lan")
        (command,) = [
            record
            for record in await ops.records(ORDER_RECEIVED.name, kind)
            if orjson.loads(record.value)["order_id"] == order
        ]
        assert dict(command.headers)["ocop_actor"] == b"ops:lan"

    assert await ops.tells(tasks.app, "list") == []
    assert "lost" not in {row["kind"] for row in await ops.tells(oddities.app)}


async def test_a_buyer_is_forgotten_by_order_or_by_phone(ops: Ops, pool: Pool) -> None:
    order = await pool.fetchval("SELECT min(order_id) FROM intake.buyers")
    known = await ops.tells(erase.app, "--order", order, "--why", "asked by letter")
    assert known["was_known"]
    assert known["orders"] >= 1
    again = await ops.tells(erase.app, "--order", order, "--why", "asked by letter")
    assert not again["was_known"]
    nobody = await ops.tells(erase.app, "--why", "asked by letter", given="0900 000 099\n")
    assert nobody == {"was_known": False, "orders": 0}
    audit = await pool.fetch("SELECT by, why, was_known FROM intake.erasures ORDER BY erased_at")
    assert [row["was_known"] for row in audit] == [True, False, False]
    assert all(row["by"].startswith("ops:") for row in audit)
