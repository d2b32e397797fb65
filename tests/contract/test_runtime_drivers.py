"""One exam for every driver: the in-memory log, and Faust on Kafka."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

import pytest

from streams.runtime.memory import ManualClock, Pipeline
from streams.runtime.outgoing import Outgoing
from tests.runtime_kafka import Harbour
from tests.runtime_toys import TABLES, Ledger, a_bank, an_entry, balances, books_balance

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from schemas.event import Event
    from services.store.pool import Pool
    from streams.runtime.stage import Record
    from tests.runtime_kafka import Running
    from tests.runtime_toys import Bank


class Driver(Protocol):
    """What the exam asks of a driver."""

    bank: Bank
    pool: Pool

    async def send(self, *events: Event) -> None: ...

    async def send_raw(self, *records: Outgoing) -> None: ...

    async def work(self, ledger: Ledger, records: int) -> None:
        """Run the stage until so many records were settled in all; then end like a kill."""

    async def records(self, topic: str) -> list[Record]: ...


class InMemory:
    def __init__(self, bank: Bank, pool: Pool) -> None:
        self.bank = bank
        self.pool = pool
        clock = ManualClock(datetime(2026, 10, 1, tzinfo=UTC))
        self.pipeline = Pipeline([], pool, clock, catalogue=bank.catalogue)

    async def send(self, *events: Event) -> None:
        for event in events:
            await self.pipeline.send_event(event)

    async def send_raw(self, *records: Outgoing) -> None:
        await self.pipeline.publish(records)

    async def work(self, ledger: Ledger, records: int) -> None:
        del records
        clock = ManualClock(datetime(2026, 10, 1, tzinfo=UTC))
        worker = Pipeline(
            [ledger], self.pool, clock, catalogue=self.bank.catalogue, strict=False, dead_limit=1.0
        )
        worker.log = self.pipeline.log
        await worker.run_until_idle()

    async def records(self, topic: str) -> list[Record]:
        return self.pipeline.records(topic)


class OnKafka:
    def __init__(self, harbour: Harbour) -> None:
        self.bank = harbour.bank
        self.pool = harbour.pool
        self.harbour = harbour

    async def send(self, *events: Event) -> None:
        await self.harbour.send(*events)

    async def send_raw(self, *records: Outgoing) -> None:
        await self.harbour.send_raw(*records)

    async def work(self, ledger: Ledger, records: int) -> None:
        running: Running = self.harbour.start(ledger)
        await self.harbour.until_counted(records)
        await running.stop()

    async def records(self, topic: str) -> list[Record]:
        return await self.harbour.records(topic)


@pytest.fixture(
    params=["memory", pytest.param("kafka", marks=[pytest.mark.kafka, pytest.mark.timeout(90)])]
)
async def driver(request: pytest.FixtureRequest, pool: Pool, prefix: str) -> AsyncIterator[Driver]:
    await pool.execute(TABLES)
    bank = a_bank(prefix)
    if request.param == "memory":
        yield InMemory(bank, pool)
        return
    kafka = request.getfixturevalue("kafka")
    async with Harbour(bank, pool, kafka, prefix).open() as harbour:
        yield OnKafka(harbour)


async def test_every_event_is_applied_and_answered_in_the_order_of_its_key(driver: Driver) -> None:
    entries = [an_entry(driver.bank.paid, f"e{n}", f"an-{n % 7}") for n in range(70)]
    await driver.send(*entries)
    await driver.work(Ledger(driver.bank), 70)
    assert await balances(driver.pool) == {f"an-{n}": (10, 10) for n in range(7)}
    model = driver.bank.changed.event
    assert model is not None
    seen: dict[str, list[int]] = {}
    for record in await driver.records(driver.bank.changed.name):
        event = model.model_validate_json(record.value or b"")
        seen.setdefault(event.entity, []).append(event.version)
    assert seen == {f"an-{n}": list(range(1, 11)) for n in range(7)}
    assert await books_balance(driver.pool)


async def test_topics_with_one_key_are_one_unit(driver: Driver) -> None:
    for n in range(8):
        await driver.send(
            an_entry(driver.bank.paid, f"p{n}", f"an-{n}", 5),
            an_entry(driver.bank.drawn, f"d{n}", f"an-{n}", 2),
        )
    await driver.work(Ledger(driver.bank), 16)
    assert await balances(driver.pool) == {f"an-{n}": (3, 2) for n in range(8)}
    units = await driver.pool.fetch("SELECT partition FROM runtime.checkpoints")
    assert len({unit["partition"] for unit in units}) == len(units)


async def test_repeats_have_one_effect_and_are_counted(driver: Driver) -> None:
    entry = an_entry(driver.bank.paid, "again")
    await driver.send(entry, entry, entry)
    await driver.work(Ledger(driver.bank), 3)
    assert await balances(driver.pool) == {"an-1": (1, 1)}
    row = await driver.pool.fetchrow(
        "SELECT sum(applied)::int, sum(duplicate)::int FROM runtime.checkpoints"
    )
    assert row is not None
    assert tuple(row) == (1, 2)


async def test_what_cannot_be_read_is_kept_as_it_came(driver: Driver) -> None:
    headers = (("ocop_channel", b"voso"), ("traceparent", b"00-1-2-01"))
    rubbish = Outgoing(driver.bank.paid.name, b"an-1", b"\xff{", headers)
    await driver.send_raw(rubbish)
    await driver.send(an_entry(driver.bank.paid, "fine"))
    await driver.work(Ledger(driver.bank), 2)
    (letter,) = await driver.records(driver.bank.paid.dead)
    assert (letter.key, letter.value) == (rubbish.key, rubbish.value)
    assert letter.headers[:2] == headers
    assert letter.header("ocop_code") == "undecodable"
    assert letter.header("ocop_attempt") == "1"
    assert await balances(driver.pool) == {"an-1": (1, 1)}


async def test_a_record_no_stage_survives_is_buried_and_the_rest_goes_on(driver: Driver) -> None:
    await driver.send(*(an_entry(driver.bank.paid, f"e{n}") for n in range(9)))
    await driver.work(Ledger(driver.bank, poisonous={"e4"}), 9)
    assert await balances(driver.pool) == {"an-1": (8, 8)}
    (letter,) = await driver.records(driver.bank.paid.dead)
    assert letter.header("__streams.errors.exception") == "ValueError"


async def test_the_next_worker_goes_on_where_the_last_one_stopped(driver: Driver) -> None:
    await driver.send(an_entry(driver.bank.paid, "one"))
    await driver.work(Ledger(driver.bank), 1)
    await driver.send(an_entry(driver.bank.paid, "two"))
    second = Ledger(driver.bank)
    await driver.work(second, 2)
    assert second.seen == {"two": 1}
    assert await balances(driver.pool) == {"an-1": (2, 2)}


async def test_a_trace_is_carried_on(driver: Driver) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    entry = an_entry(driver.bank.paid, "traced")
    headers = (("traceparent", f"00-{trace}-b7ad6b7169203331-01".encode()),)
    await driver.send_raw(
        Outgoing(entry.topic_name, entry.key.encode(), entry.model_dump_json().encode(), headers)
    )
    await driver.work(Ledger(driver.bank), 1)
    (record,) = await driver.records(driver.bank.changed.name)
    carried = (record.header("traceparent") or "").split("-")
    assert carried[1] == trace
    assert carried[2] != "b7ad6b7169203331"
    assert record.header("ce_source") == "/ocop/ledger"
    assert record.header("content-type") == "application/json"
