"""`ocop report` reads what the metrics stage published, as of any revision."""

from __future__ import annotations

import asyncio
import csv
import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson
import pytest
from typer.testing import CliRunner

from services.report.month import all_told, read_month
from streams.cli.report import app
from streams.metrics import Metrics
from streams.metrics_publisher import MonthlyPublisher
from streams.runtime.memory import ManualClock, Pipeline
from tests.order_facts import a_life

if TYPE_CHECKING:
    from services.store.pool import Pool

pytestmark = pytest.mark.postgres

ORDERS = [f"voso:HTX-MAU-01:V-{number}" for number in range(3)]


async def a_month_of_three_orders(pool: Pool) -> None:
    """One revision an order."""
    clock = ManualClock(datetime(2026, 11, 1, tzinfo=UTC))
    pipeline = Pipeline([Metrics()], pool, clock)
    for order in ORDERS:
        for event in a_life(order):
            await pipeline.send_event(event)
        await pipeline.run_until_idle()
        await MonthlyPublisher(pool, pipeline, clock).catch_up()


async def test_a_month_is_read_as_of_any_revision(pool: Pool) -> None:
    await a_month_of_three_orders(pool)
    delivered = []
    for revision in (1, 2, 3, None):
        async with pool.acquire() as connection:
            month = await read_month(connection, "2026-10", revision)
        delivered.append(sum(cell.get("parcels_delivered", 0) for cell in month.cells.values()))
    assert delivered == [1, 2, 3, 3]


async def test_changes_that_no_revision_tells_yet_are_announced(pool: Pool) -> None:
    pipeline = Pipeline([Metrics()], pool, ManualClock(datetime(2026, 11, 1, tzinfo=UTC)))
    for event in a_life():
        await pipeline.send_event(event)
    await pipeline.run_until_idle()
    async with pool.acquire() as connection:
        month = await read_month(connection, "2026-10")
        told_before = await all_told(connection)
    await MonthlyPublisher(
        pool, pipeline, ManualClock(datetime(2026, 11, 1, tzinfo=UTC))
    ).catch_up()
    assert (month.revision, month.cells) == (None, {})
    assert month.waiting > 0
    async with pool.acquire() as connection:
        assert (told_before, await all_told(connection)) == (False, True)


def ocop_report(*words: str) -> str:
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == 0, result.output
    return result.stdout


async def test_the_command_speaks_json_csv_and_table(
    pool: Pool, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await a_month_of_three_orders(pool)
    monkeypatch.setenv("DATABASE_URL", database)
    # The command has an event loop of its own.
    answers = [
        await asyncio.to_thread(ocop_report, "2026-10", *words)
        for words in (["--json"], ["--csv", "--by", "carrier"], ["--by", "group"])
    ]
    read, lines, table = (
        orjson.loads(answers[0]),
        csv.DictReader(io.StringIO(answers[1])),
        answers[2],
    )
    assert read["totals"]["parcels_delivered"] == 3
    assert sum(row["parcels_delivered"] for row in read["rows"]) == 3
    assert {line["carrier"] for line in lines} == {"", "viettelpost"}
    assert "beverage" in table
