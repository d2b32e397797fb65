"""Statements and decisions, from files and commands to the books; what people read of them."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from services.errors import OperatorError
from services.settlement.columns import COLUMNS, NEUTRAL
from services.settlement.file import Import, Statement, read_statement
from services.store import cod as ledger
from streams.cod import Cod
from streams.runtime.memory import ManualClock, Pipeline
from streams.settling import Imported, Wish, decide, import_statement, pay_all
from tests.cod_facts import COLLECTED, NUMBER, PRICE, a_state_with_money
from tests.order_facts import PARCEL, a_booking, at

if TYPE_CHECKING:
    from services.store.pool import Pool

pytestmark = pytest.mark.postgres

PATIENCE = ledger.Patience(10, {"vnpost": 3})
HEADING = ",".join(COLUMNS)


def a_file(*rows: str) -> Statement:
    raw = "\n".join((HEADING, *rows)).encode()
    return read_statement(raw, Import("viettelpost", NEUTRAL, "ops:an"))


def a_row(line_no: int = 1, paid: int = PRICE, number: str = NUMBER) -> str:
    net = paid - 5_500
    return f"viettelpost,BK-1,{line_no},{number},,{PRICE},5500,cod,{net},2026-10-11"


class Desk:
    """The ledger and somebody at work on it."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.pipeline = Pipeline([Cod()], pool, ManualClock(datetime(2026, 11, 20, tzinfo=UTC)))

    async def delivers(self) -> None:
        for event in (a_booking(), a_state_with_money(1, COLLECTED)):
            await self.pipeline.send_event(event)
        await self.pipeline.run_until_idle()

    async def imports(self, *rows: str) -> Imported:
        imported = Imported()
        for wait_s in (0.0, 0.0):
            imported = await import_statement(
                self.pool, self.pipeline, "viettelpost", a_file(*rows), wait_s
            )
            await self.pipeline.run_until_idle()
        return imported

    async def decides(self, wish: Wish) -> None:
        async with self.pool.acquire() as db:
            await decide(db, self.pipeline, PARCEL, wish)
        await self.pipeline.run_until_idle()

    async def state(self) -> str:
        return str(await self.pool.fetchval("SELECT state FROM cod.accounts"))

    async def exceptions(self) -> list[str]:
        async with self.pool.acquire() as db:
            return [row["exception"] for row in await ledger.exceptions(db, None, PATIENCE)]


@pytest.fixture
def desk(pool: Pool) -> Desk:
    return Desk(pool)


async def test_a_file_imported_twice_has_no_effect(desk: Desk) -> None:
    await desk.delivers()
    again = await desk.imports(a_row(), a_row(2, number="NOBODYS"))
    assert (again.sent, again.known, again.pending, again.errors) == (0, 2, 0, [])
    assert again.outcomes == Counter(reconciled=1, unmatched=1)
    assert await desk.exceptions() == ["unmatched"]


async def test_a_line_that_says_otherwise_than_before_is_an_error(desk: Desk) -> None:
    await desk.imports(a_row())
    changed = await desk.imports(a_row(paid=1))
    assert "imported before with other content" in changed.errors[0]


async def test_a_shortfall_is_disputed_settled_and_paid_out(desk: Desk) -> None:
    await desk.delivers()
    await desk.imports(a_row(paid=300_000))
    assert (await desk.state(), await desk.exceptions()) == ("short", ["short"])
    await desk.decides(Wish("dispute", "ops:an", "30.000 missing"))
    assert await desk.state() == "disputed"
    await desk.decides(Wish("settle", "ops:an", "paid by hand", "full", 30_000))
    assert await desk.state() == "reconciled"
    async with desk.pool.acquire() as db:
        assert await pay_all(db, desk.pipeline, None, Wish("pay", "ops:an", "bank order 1")) == (
            1,
            PRICE - 5_500,
        )
    await desk.pipeline.run_until_idle()
    assert (await desk.state(), await desk.exceptions()) == ("paid_out", [])
    left = await desk.pool.fetch(
        "SELECT account, sum(vnd)::bigint AS vnd FROM cod.entries GROUP BY 1 HAVING sum(vnd) <> 0"
    )
    assert {row["account"]: row["vnd"] for row in left} == {
        "carrier_fee": 5_500,
        "seller_payable": -5_500,
    }


async def test_what_was_paid_twice_is_not_paid_on(desk: Desk) -> None:
    await desk.delivers()
    await desk.imports(a_row(), a_row(2))
    assert (await desk.state(), await desk.exceptions()) == ("reconciled", ["paid_twice"])
    async with desk.pool.acquire() as db:
        wish = Wish("pay", "ops:an", "bank order 1")
        assert await pay_all(db, desk.pipeline, None, wish) == (1, PRICE - 2 * 5_500)


async def test_a_decision_without_effect_is_refused_at_once(desk: Desk) -> None:
    await desk.delivers()
    with pytest.raises(OperatorError, match="needs reconciled"):
        await desk.decides(Wish("pay", "ops:an", "too early"))
    with pytest.raises(OperatorError, match="no parcel nobody/1/1"):
        async with desk.pool.acquire() as db:
            await decide(db, desk.pipeline, "nobody/1/1", Wish("pay", "ops:an", "why"))


async def test_cash_is_overdue_by_its_carriers_patience(desk: Desk) -> None:
    await desk.delivers()
    assert await desk.exceptions() == ["overdue"]
    days = (datetime.now(UTC) - at(4)) / timedelta(days=1)
    async with desk.pool.acquire() as db:
        for patience, found in ((ledger.Patience(int(days) + 9, {}), 0), (PATIENCE, 1)):
            counts = await ledger.exception_counts(db, patience)
            assert counts.get(("viettelpost", "overdue"), 0) == found


async def test_the_command_line_reads_the_ledger(desk: Desk, database: str) -> None:
    await desk.delivers()
    await desk.imports(a_row(paid=300_000))
    (sums,) = await ocop(database, "list")
    assert (sums["carrier"], sums["state"], sums["bookings"]) == ("viettelpost", "short", 1)
    shown = await ocop(database, "show", PARCEL)
    assert sum(entry["vnd"] for entry in shown["entries"]) == 0
    (found,) = await ocop(database, "exceptions", "--carrier", "viettelpost")
    assert (found["exception"], found["short_vnd"]) == ("short", 30_000)


async def ocop(database: str, *words: str) -> Any:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "streams.cli", "cod", *words, "--json"),
        env={"DATABASE_URL": database, "PATH": "/usr/bin:/bin"},
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 60)
    return orjson.loads(said)
