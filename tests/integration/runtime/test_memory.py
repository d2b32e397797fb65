"""The in-memory driver: the whole flow without a broker."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from streams.runtime.memory import Disorder, ManualClock, Pipeline, StageBroke
from tests.runtime_toys import TABLES, Ledger, a_bank, an_entry, balances, books_balance

if TYPE_CHECKING:
    from services.store.pool import Pool

NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)


@pytest.fixture
async def bank_pool(pool: Pool) -> Pool:
    await pool.execute(TABLES)
    return pool


def a_pipeline(pool: Pool, ledger: Ledger, **options: object) -> Pipeline:
    clock = ManualClock(NOON)
    return Pipeline([ledger], pool, clock, catalogue=ledger.bank.catalogue, **options)  # type: ignore[arg-type]


async def test_an_event_goes_through_and_comes_out_under_its_key(bank_pool: Pool) -> None:
    bank = a_bank()
    pipeline = a_pipeline(bank_pool, Ledger(bank))
    await pipeline.send_event(an_entry(bank.paid, "a", amount=7))
    await pipeline.run_until_idle()
    assert [event.model_dump()["balance"] for event in pipeline.events(bank.changed.name)] == [7]
    (record,) = pipeline.records(bank.changed.name)
    assert record.key == b"an-1"
    assert record.header("ce_type") == bank.changed.name


async def test_two_topics_of_one_account_meet_in_one_batch(bank_pool: Pool) -> None:
    bank = a_bank()
    ledger = Ledger(bank)
    pipeline = a_pipeline(bank_pool, ledger)
    await pipeline.send_event(an_entry(bank.paid, "a", amount=7))
    await pipeline.send_event(an_entry(bank.drawn, "b", amount=2))
    await pipeline.run_until_idle()
    assert ledger.batches == [2]
    assert await balances(bank_pool) == {"an-1": (5, 2)}


@pytest.mark.parametrize("seed", range(5))
async def test_disorder_and_kills_change_nothing(bank_pool: Pool, seed: int) -> None:
    bank = a_bank()
    disorder = Disorder(seed, duplicated=0.2, late=0.2, redelivered=0.3, cut=True)
    pipeline = a_pipeline(bank_pool, Ledger(bank), disorder=disorder)
    for number in range(120):
        await pipeline.send_event(an_entry(bank.paid, f"e{number}", f"an-{number % 9}"))
        if number % 40 == 0:
            await pipeline.run_until_idle()
            pipeline.restart()
    await pipeline.run_until_idle()
    assert sum(balance for balance, _ in (await balances(bank_pool)).values()) == 120
    assert sum(settled.counts.duplicate for settled in pipeline.settled) > 0
    assert sum(settled.counts.redelivered for settled in pipeline.settled) > 0
    assert await books_balance(bank_pool)


async def test_a_stage_that_raises_fails_the_test_that_uses_it(bank_pool: Pool) -> None:
    bank = a_bank()
    pipeline = a_pipeline(bank_pool, Ledger(bank, poisonous={"bad"}))
    await pipeline.send_event(an_entry(bank.paid, "bad"))
    with pytest.raises(StageBroke, match="cannot stomach bad"):
        await pipeline.run_until_idle()


async def test_time_stands_still_until_it_is_moved(bank_pool: Pool) -> None:
    bank = a_bank()
    clock = ManualClock(NOON)
    pipeline = Pipeline([Ledger(bank)], bank_pool, clock, catalogue=bank.catalogue)
    await pipeline.send_event(an_entry(bank.paid, "a"))
    clock.advance(timedelta(minutes=5))
    await pipeline.run_until_idle()
    assert pipeline.settled[0].lag_s == 300
