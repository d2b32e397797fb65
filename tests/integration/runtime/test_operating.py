"""What an operator does about lag and dead letters, on a real broker."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from streams.runtime.kafka_log import KafkaLog
from streams.runtime.lag import read_lag
from streams.runtime.outgoing import Outgoing
from streams.runtime.replay import Wanted, find_letters, read_letters, replay
from tests.runtime_kafka import Harbour
from tests.runtime_toys import PARTITIONS, Ledger, a_bank, an_entry, balances
from tests.runtime_world import now

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.store.pool import Pool

pytestmark = [pytest.mark.postgres, pytest.mark.kafka, pytest.mark.timeout(120)]


@pytest.fixture
async def harbour(bank_pool: Pool, kafka: str, prefix: str) -> AsyncIterator[Harbour]:
    async with Harbour(a_bank(prefix), bank_pool, kafka, prefix).open() as opened:
        yield opened


async def test_lag_counts_what_waits_and_how_long(harbour: Harbour) -> None:
    stages = [("ledger", (harbour.bank.paid, harbour.bank.drawn))]
    log = KafkaLog(harbour.kafka, "test")
    await harbour.send(*(an_entry(harbour.bank.paid, f"e{n}") for n in range(5)))
    later = now() + timedelta(seconds=30)
    before = await read_lag(harbour.pool, log, stages, later)
    assert len(before) == 2 * PARTITIONS
    (behind,) = [row for row in before if row.records]
    assert (behind.stage, behind.topic, behind.records) == ("ledger", harbour.bank.paid.name, 5)
    assert 29 <= behind.seconds <= 31
    running = harbour.start(Ledger(harbour.bank))
    await harbour.until_counted(5)
    await running.stop()
    after = await read_lag(harbour.pool, log, stages, later)
    assert {(row.records, row.seconds) for row in after} == {(0, 0.0)}


async def test_a_mended_stage_takes_its_dead_letters_back(harbour: Harbour) -> None:
    paid = harbour.bank.paid.name
    await harbour.send(*(an_entry(harbour.bank.paid, f"e{n}", f"an-{n}") for n in range(6)))
    await harbour.send_raw(Outgoing(paid, b"an-9", b"rubbish", (("who", b"me"),)))
    running = harbour.start(Ledger(harbour.bank, poisonous={"e2", "e4"}))
    await harbour.until_counted(7)
    await running.stop()
    open_letters = await find_letters(harbour.pool, Wanted(topic=paid))
    assert sorted(row["code"] for row in open_letters) == ["undecodable", "unhandled", "unhandled"]
    (rubbish,) = await find_letters(harbour.pool, Wanted(code="undecodable"))
    (letter,) = [record async for record in read_letters(harbour.kafka, [rubbish])]
    assert (letter.value, letter.header("who")) == (b"rubbish", "me")
    mended = await find_letters(harbour.pool, Wanted(code="unhandled"))
    assert await replay(harbour.kafka, harbour.pool, harbour.publisher, mended, now()) == 2
    running = harbour.start(Ledger(harbour.bank))
    await harbour.until_counted(9)
    assert sum(balance for balance, _ in (await balances(harbour.pool)).values()) == 6
    assert [row["code"] for row in await find_letters(harbour.pool, Wanted())] == ["undecodable"]
    replays = [one for one in await harbour.records(paid) if one.header("ocop_replay") == "1"]
    assert len(replays) == 2


async def test_a_large_batch_rolls_over_and_keeps_its_order(harbour: Harbour) -> None:
    records = [
        Outgoing(harbour.bank.changed.name, b"an-1", bytes([n]) * 200_000) for n in range(20)
    ]
    await harbour.send_raw(*records)
    found = await harbour.records(harbour.bank.changed.name)
    assert [record.value for record in found] == [record.value for record in records]


async def test_a_dead_letter_may_be_larger_than_any_input(harbour: Harbour) -> None:
    letter = Outgoing(harbour.bank.paid.dead, b"an-1", b"x" * 1_500_000)
    await harbour.send_raw(letter)
    (found,) = await harbour.records(harbour.bank.paid.dead)
    assert found.value == letter.value
