"""One batch, one transaction: a test for each rule of DESIGN.md, on a real PostgreSQL.

Each of them was seen to fail with its rule taken out.
"""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from services.store.pool import WORKER_SESSION, open_pool
from streams.runtime.dead_share import DeadShare
from streams.runtime.failures import (
    CheckpointLost,
    LogReplaced,
    Miscounted,
    PublishFailed,
    TooManyDead,
)
from streams.runtime.memory_log import MemoryLog
from streams.runtime.opening import open_unit
from streams.runtime.persevere import settle_all
from streams.runtime.stage import Batch, Handled
from tests.runtime_toys import Ledger, an_entry, balances, books_balance
from tests.runtime_world import CruelNetwork, Town, now, once

if TYPE_CHECKING:
    from streams.runtime.ports import Settled
    from streams.runtime.settle import Settler
    from streams.runtime.stage import Transaction

pytestmark = pytest.mark.postgres


async def opened(settler: Settler, town: Town) -> Settler:
    await open_unit(settler, town.log)
    return settler


async def settled(settler: Settler, town: Town, start: int = 0, end: int = 10_000) -> list[Settled]:
    done: list[Settled] = []
    await settle_all(settler, town.runs(start, end), done.append)
    return done


async def test_a_commit_that_fails_publishes_nothing_of_its_batch(town: Town) -> None:
    await town.pool.execute(
        "CREATE TABLE toy.strict (id int CONSTRAINT once UNIQUE DEFERRABLE INITIALLY DEFERRED)"
    )

    async def break_at_commit(tx: Transaction, entries: int) -> None:
        if entries > 1:
            await tx.execute("INSERT INTO toy.strict VALUES (1), (1)")

    town.append(an_entry(town.bank.paid, "a"), an_entry(town.bank.paid, "b"))
    settler = await opened(town.settler(Ledger(town.bank, pause=break_at_commit)), town)
    done = await settled(settler, town)
    assert [one.batch_no for one in done] == [1, 2]  # halved
    assert town.published() == [("an-1", 1), ("an-1", 2)]


async def test_outputs_are_delivered_before_the_batch_counts_as_settled(town: Town) -> None:
    town.append(an_entry(town.bank.paid, "a"))
    settler = await opened(town.settler(Ledger(town.bank)), town)
    (done,) = await settled(settler, town)
    assert town.published() == [("an-1", 1)]
    assert (done.counts.applied, done.outputs, done.batch_no) == (1, 1, 1)


async def test_a_lost_commit_answer_loses_no_output_and_does_nothing_twice(
    town: Town, database: str
) -> None:
    town.append(an_entry(town.bank.paid, "a"), an_entry(town.bank.paid, "b"))
    with tempfile.TemporaryDirectory() as folder:
        drops = once()
        network = CruelNetwork(database, Path(folder), lambda: armed and drops())
        armed = False
        async with network.between() as url:
            pool = await open_pool(url, application_name="cruel")
            settler = await opened(town.settler(Ledger(town.bank), pool=pool), town)
            armed = True
            done = await settled(settler, town)
            pool.terminate()
    assert network.dropped == 1
    assert [one.taken_over for one in done] == [True]
    assert done[0].counts.redelivered == 2
    assert town.published() == [("an-1", 1), ("an-1", 2)]
    assert await balances(town.pool) == {"an-1": (2, 2)}


async def test_a_zombie_that_wakes_publishes_what_its_successor_could_not(town: Town) -> None:
    town.append(*(an_entry(town.bank.paid, name) for name in "abcd"))
    zombie = await opened(town.settler(Ledger(town.bank)), town)
    await settled(zombie, town, 0, 2)
    successor = await opened(town.settler(Ledger(town.bank)), town)
    town.press.fails_before = once()
    with pytest.raises(PublishFailed):
        await successor.settle(town.runs(2, 4))  # committed, then killed before it published
    assert [version for _, version in town.published()] == [1, 2, 1, 2]
    (done,) = await settled(zombie, town, 2, 4)
    assert done.counts.redelivered == 2
    assert {version for _, version in town.published()} == {1, 2, 3, 4}


async def test_a_zombie_adds_nothing_to_what_its_successor_settled(town: Town) -> None:
    town.append(*(an_entry(town.bank.paid, name) for name in "abcd"))
    zombie = await opened(town.settler(Ledger(town.bank)), town)
    successor = await opened(town.settler(Ledger(town.bank)), town)
    await settled(successor, town)
    await settled(zombie, town)
    assert await balances(town.pool) == {"an-1": (4, 4)}
    assert await books_balance(town.pool)


async def test_the_takeover_of_an_idle_partition_publishes_stored_outputs(town: Town) -> None:
    town.append(an_entry(town.bank.paid, "a"))
    killed = await opened(town.settler(Ledger(town.bank)), town)
    town.press.fails_before = once()
    with pytest.raises(PublishFailed):
        await killed.settle(town.runs())
    assert town.published() == []
    await opened(town.settler(Ledger(town.bank)), town)  # no record follows
    assert town.published() == [("an-1", 1)]


async def test_a_frozen_lock_holder_is_thrown_out(town: Town, database: str) -> None:
    impatient = {**WORKER_SESSION, "idle_in_transaction_session_timeout": "400ms"}
    pool = await open_pool(database, application_name="frozen", session=impatient)
    town.append(an_entry(town.bank.paid, "a"))
    frozen = asyncio.Event()

    async def freeze(tx: Transaction, entries: int) -> None:
        del tx, entries
        frozen.set()
        await asyncio.sleep(3600)

    holder = await opened(town.settler(Ledger(town.bank, pause=freeze), pool=pool), town)
    holding = asyncio.create_task(holder.settle(town.runs()))
    await frozen.wait()
    settler = town.settler(Ledger(town.bank))
    async with asyncio.timeout(15):
        await opened(settler, town)
        await settled(settler, town)
    holding.cancel()
    pool.terminate()
    assert await balances(town.pool) == {"an-1": (1, 1)}


async def test_worker_sessions_are_ended_by_the_server_when_they_freeze(town: Town) -> None:
    shown = {
        name: await town.pool.fetchval(f"SHOW {name}")
        for name in ("idle_in_transaction_session_timeout", "transaction_timeout")
    }
    assert shown == {"idle_in_transaction_session_timeout": "5s", "transaction_timeout": "30s"}


async def test_a_batch_that_takes_too_long_is_halved(town: Town, database: str) -> None:
    hasty = {**WORKER_SESSION, "transaction_timeout": "500ms"}
    pool = await open_pool(database, application_name="hasty", session=hasty)

    async def slowly(tx: Transaction, entries: int) -> None:
        await tx.execute("SELECT pg_sleep($1)", entries * 0.1)

    town.append(*(an_entry(town.bank.paid, f"e{n}") for n in range(8)))
    ledger = Ledger(town.bank, pause=slowly)
    settler = await opened(town.settler(ledger, pool=pool), town)
    done: list[Settled] = []
    await settle_all(settler, town.runs(), done.append, overdue_s=0.4)
    pool.terminate()
    assert sum(one.counts.applied for one in done) == 8
    assert ledger.batches[0] == 8
    assert max(one.counts.applied for one in done) < 8


async def test_a_world_that_is_away_is_waited_for(town: Town) -> None:
    failing = iter(["40P01", "40001", "57P01"])  # deadlock, serialization, shutdown

    async def fail(tx: Transaction, entries: int) -> None:
        del entries
        if state := next(failing, None):
            await tx.execute(f"DO $$BEGIN RAISE EXCEPTION USING ERRCODE = '{state}'; END$$")

    town.append(an_entry(town.bank.paid, "a"), an_entry(town.bank.paid, "b"))
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    settler = await opened(town.settler(Ledger(town.bank, pause=fail)), town)
    done: list[Settled] = []
    await settle_all(settler, town.runs(), done.append, sleep)
    assert len(waited) == 3
    assert [one.counts.applied for one in done] == [2]
    assert town.log.records(town.bank.paid.dead) == []


async def test_a_bad_record_is_found_by_halving_and_buried_alone(town: Town) -> None:
    town.append(*(an_entry(town.bank.paid, f"e{n}") for n in range(30)))
    settler = await opened(town.settler(Ledger(town.bank, poisonous={"e17"})), town)
    done = await settled(settler, town)
    assert sum(one.counts.applied for one in done) == 29
    (letter,) = town.log.records(town.bank.paid.dead)
    original = town.log.read(town.bank.paid.name, 0, 17, 1)[0]
    assert (letter.key, letter.value) == (original.key, original.value)
    assert letter.header("__streams.errors.exception") == "ValueError"
    assert letter.header("__streams.errors.offset") == "17"
    assert "stomach" in (letter.header("__streams.errors.stacktrace") or "")
    assert letter.header("ocop_code") == "unhandled"
    assert await books_balance(town.pool)


async def test_the_index_of_dead_letters_holds_nothing_of_the_record(town: Town) -> None:
    town.append(an_entry(town.bank.paid, "bad"))
    town.append_raw(town.bank.paid.name, b'{"version": "somebody@example.com", "id": 0}')
    settler = await opened(town.settler(Ledger(town.bank, poisonous={"bad"})), town)
    await settled(settler, town)
    rows = await town.pool.fetch("SELECT * FROM runtime.dead_letters ORDER BY 4")
    assert [row["code"] for row in rows] == ["unhandled", "undecodable"]
    assert not any("somebody" in str(row) for row in rows)


async def test_an_oversized_output_buries_its_cause_and_nothing_else(town: Town) -> None:
    town.append(*(an_entry(town.bank.paid, f"e{n}", f"an-{n}") for n in range(6)))
    settler = await opened(town.settler(Ledger(town.bank, swollen={"e2"})), town)
    await settled(settler, town)
    assert sorted(await balances(town.pool)) == ["an-0", "an-1", "an-3", "an-4", "an-5"]
    (letter,) = town.log.records(town.bank.paid.dead)
    assert letter.header("__streams.errors.exception") == "OutputTooLarge"


async def test_too_large_a_share_of_dead_records_stops_the_stage(town: Town) -> None:
    town.append(*(an_entry(town.bank.paid, f"e{n}") for n in range(300)))
    ledger = Ledger(town.bank, poisonous={f"e{n}" for n in range(0, 300, 2)})
    share = DeadShare(limit=0.25, at_least=50)
    settler = await opened(town.settler(ledger, dead_share=share), town)
    with pytest.raises(TooManyDead):
        await settled(settler, town)
    assert len(town.log.records(town.bank.paid.dead)) < 50
    other = await opened(town.settler(Ledger(town.bank), 1, dead_share=share), town)
    town.append(an_entry(town.bank.paid, "fine"), partition=1)
    with pytest.raises(TooManyDead):
        await settle_all(other, town.runs(partition=1), lambda _settled: None)


async def test_a_skipped_range_is_refused_once_and_then_counted_as_a_hole(town: Town) -> None:
    town.append(*(an_entry(town.bank.paid, f"e{n}") for n in range(10)))
    settler = await opened(town.settler(Ledger(town.bank)), town)
    await settled(settler, town, 0, 3)
    seek_back = await settle_all(settler, town.runs(6), lambda _settled: None)
    assert seek_back == {town.bank.paid.name: 3}
    assert (await balances(town.pool))["an-1"] == (3, 3)
    settler.sought_back(town.bank.paid.name, 3)
    (done,) = await settled(settler, town, 6)
    assert (done.counts.applied, done.counts.holes) == (4, 3)
    assert await books_balance(town.pool)


async def test_a_gap_in_one_topic_does_not_stop_the_other(town: Town) -> None:
    town.append(*(an_entry(town.bank.paid, f"p{n}") for n in range(4)))
    town.append(*(an_entry(town.bank.drawn, f"d{n}") for n in range(4)))
    settler = await opened(town.settler(Ledger(town.bank)), town)
    runs = town.runs(2, topics=[town.bank.paid.name]) + town.runs(topics=[town.bank.drawn.name])
    seek_back = await settle_all(settler, runs, lambda _settled: None)
    assert seek_back == {town.bank.paid.name: 0}
    assert (await balances(town.pool))["an-1"] == (-4, 4)


@pytest.mark.parametrize("kept", [2, 4, 9])
async def test_a_replaced_log_is_noticed(town: Town, kept: int) -> None:
    town.append(*(an_entry(town.bank.paid, f"e{n}") for n in range(4)))
    await settled(await opened(town.settler(Ledger(town.bank)), town), town)
    town.log = MemoryLog(town.bank.catalogue, now)
    town.append(*(an_entry(town.bank.paid, f"new{n}") for n in range(kept)))
    with pytest.raises(LogReplaced):
        await opened(town.settler(Ledger(town.bank)), town)


async def test_the_same_log_is_recognised(town: Town) -> None:
    town.append(*(an_entry(town.bank.paid, f"e{n}") for n in range(4)))
    await settled(await opened(town.settler(Ledger(town.bank)), town), town)
    town.append(an_entry(town.bank.paid, "later"))
    positions = await open_unit(town.settler(Ledger(town.bank)), town.log)
    assert positions == {town.bank.paid.name: 4, town.bank.drawn.name: 0}


async def test_what_retention_took_unread_is_a_hole(town: Town) -> None:
    town.append(*(an_entry(town.bank.paid, f"e{n}") for n in range(9)))
    await settled(await opened(town.settler(Ledger(town.bank)), town), town, 0, 2)

    class Expired(MemoryLog):
        async def ends(self, partition, topics):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
            found = await town.log.ends(partition, topics)
            paid = town.bank.paid.name
            return found | {paid: replace(found[paid], start=5, last_read=None)}

    settler = town.settler(Ledger(town.bank))
    positions = await open_unit(settler, Expired(town.bank.catalogue, now))
    assert positions[town.bank.paid.name] == 5
    await settled(settler, town, 5)
    row = await town.pool.fetchrow("SELECT holes, applied FROM runtime.checkpoints")
    assert row is not None
    assert tuple(row) == (3, 6)
    assert await books_balance(town.pool)


async def test_two_partitions_that_meet_on_one_entity_lose_no_update(town: Town) -> None:
    met = asyncio.Barrier(2)

    async def meet(tx: Transaction, entries: int) -> None:
        del tx, entries
        await asyncio.wait_for(met.wait(), 30)  # both are about to read the same, absent row

    for partition in (0, 1):
        town.append(an_entry(town.bank.paid, f"e{partition}"), partition=partition)
    ledger = Ledger(town.bank, pause=meet)
    settlers = [await opened(town.settler(ledger, partition), town) for partition in (0, 1)]
    await asyncio.gather(
        *(settler.settle(town.runs(partition=p)) for p, settler in enumerate(settlers))
    )
    assert await balances(town.pool) == {"an-1": (2, 2)}
    assert sorted(town.published()) == [("an-1", 1), ("an-1", 2)]


async def test_a_new_era_leads_every_version(town: Town) -> None:
    town.append(an_entry(town.bank.paid, "a"), an_entry(town.bank.paid, "b"))
    settler = await opened(town.settler(Ledger(town.bank)), town)
    await settled(settler, town, 0, 1)
    await town.pool.execute("UPDATE runtime.era SET era = 1")
    await settled(settler, town, 1)
    assert town.published() == [("an-1", 1), ("an-1", 1 << 40)]


async def test_a_stage_that_miscounts_stops(town: Town) -> None:
    class Boastful(Ledger):
        async def handle(self, batch: Batch, tx: Transaction) -> Handled:
            handled = await super().handle(batch, tx)
            return Handled(handled.outputs, duplicate=len(batch.messages) + 1)

    town.append(an_entry(town.bank.paid, "a"))
    settler = await opened(town.settler(Boastful(town.bank)), town)
    with pytest.raises(Miscounted):
        await settled(settler, town)
    assert await balances(town.pool) == {}


async def test_a_checkpoint_that_vanishes_stops_the_unit(town: Town) -> None:
    town.append(an_entry(town.bank.paid, "a"))
    settler = await opened(town.settler(Ledger(town.bank)), town)
    await town.pool.execute("DELETE FROM runtime.checkpoints")
    with pytest.raises(CheckpointLost):
        await settled(settler, town)


async def test_fields_of_tomorrow_are_ignored(town: Town) -> None:
    entry = an_entry(town.bank.paid, "a").model_dump_json()
    town.append_raw(town.bank.paid.name, entry[:-1].encode() + b', "colour": "red"}')
    settler = await opened(town.settler(Ledger(town.bank)), town)
    (done,) = await settled(settler, town)
    assert done.counts.applied == 1
