"""Faust on a real broker: assignments, revocations, holes and logs that are not what they were."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete

from services.kafka.admin import ensure_topics
from streams.runtime.outgoing import Outgoing
from streams.runtime.stage import Batch, Handled
from streams.runtime.unit import Limits
from tests.runtime_kafka import Harbour, until
from tests.runtime_toys import PARTITIONS, Ledger, a_bank, an_entry, balances, books_balance

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.store.pool import Pool
    from streams.runtime.stage import Transaction
    from tests.runtime_kafka import Running

pytestmark = [pytest.mark.postgres, pytest.mark.kafka, pytest.mark.timeout(120)]

EVERY = set(range(PARTITIONS))


@pytest.fixture
async def harbour(bank_pool: Pool, kafka: str, prefix: str) -> AsyncIterator[Harbour]:
    async with Harbour(a_bank(prefix), bank_pool, kafka, prefix).open() as opened:
        yield opened


async def send_each(harbour: Harbour, name: str, partitions: set[int] = EVERY) -> None:
    """One entry to each of the partitions, on an account of its own."""
    entries = [(p, an_entry(harbour.bank.paid, f"{name}-{p}", f"an-{p}")) for p in partitions]
    await harbour.send_raw(
        *(
            Outgoing(e.topic_name, e.key.encode(), e.model_dump_json().encode(), (), p)
            for p, e in entries
        )
    )


class Stubborn(Ledger):
    """Parks partition 0: it claims more duplicates there than it was given."""

    async def handle(self, batch: Batch, tx: Transaction) -> Handled:
        handled = await super().handle(batch, tx)
        if batch.partition == 0:
            return Handled(duplicate=len(batch.messages) + 1)
        return handled


async def test_workers_share_whole_units(harbour: Harbour) -> None:
    workers = [harbour.start(Ledger(harbour.bank)) for _ in range(3)]

    def shared() -> bool:
        numbers = [worker.numbers for worker in workers]
        return all(numbers) and sum(map(len, numbers)) == PARTITIONS == len(set().union(*numbers))

    await until(shared)
    await send_each(harbour, "a")
    await harbour.until_counted(PARTITIONS)
    assert await books_balance(harbour.pool)


async def test_a_parked_partition_does_not_stop_a_second_worker_from_joining(
    harbour: Harbour,
) -> None:
    first = harbour.start(Stubborn(harbour.bank))
    await send_each(harbour, "a")
    await until(lambda: first.parked == {0})
    second = harbour.start(Stubborn(harbour.bank))
    await until(lambda: bool(second.numbers) and first.numbers | second.numbers == EVERY)
    await send_each(harbour, "b", EVERY - {0})
    sums = await harbour.until_counted(2 * (PARTITIONS - 1))
    assert sums["applied"] == 2 * (PARTITIONS - 1)
    assert 0 in first.parked | second.parked


async def test_a_batch_that_hangs_is_cancelled_and_goes_to_the_next_owner(
    harbour: Harbour,
) -> None:
    hanging, released = asyncio.Event(), asyncio.Event()

    async def hang(tx: Transaction, entries: int) -> None:
        del tx, entries
        hanging.set()
        await released.wait()

    first = harbour.start(Ledger(harbour.bank, pause=hang))
    await send_each(harbour, "a")
    await hanging.wait()
    second = harbour.start(Ledger(harbour.bank))
    await until(lambda: bool(second.numbers) and first.numbers | second.numbers == EVERY)
    theirs = second.numbers
    await send_each(harbour, "b", theirs)
    await harbour.until_counted(2 * len(theirs))
    released.set()
    await harbour.until_counted(PARTITIONS + len(theirs))


async def test_committed_offsets_are_only_for_show(harbour: Harbour) -> None:
    await _run_until(harbour, 4, "a")
    await send_each(harbour, "b")
    await _commit_everything(harbour)
    await _run_until(harbour, 12, "c")
    assert (await harbour.counted())["applied"] == 12
    assert {version for _, version in await harbour.published()} == {1, 2, 3}


async def test_offsets_are_shown_to_the_group(harbour: Harbour) -> None:
    running = await _run_until(harbour, 4, "a")
    consumer = AIOKafkaConsumer(
        bootstrap_servers=harbour.kafka, group_id=f"{harbour.group}ledger", enable_auto_commit=False
    )
    await consumer.start()
    tps = [TopicPartition(harbour.bank.paid.name, p) for p in EVERY]
    shown = [await consumer.committed(tp) for tp in tps]
    await consumer.stop()
    assert running.task.done()
    assert shown == [1, 1, 1, 1]


async def test_a_log_that_was_made_anew_parks_its_units(harbour: Harbour) -> None:
    await _run_until(harbour, 4, "a")
    admin = AIOKafkaAdminClient(bootstrap_servers=harbour.kafka)
    await admin.start()
    await admin.delete_topics([harbour.bank.paid.name])
    await admin.close()
    await asyncio.sleep(1)
    await ensure_topics(harbour.kafka, [harbour.bank.paid])
    await send_each(harbour, "new")
    await send_each(harbour, "newer")
    running = harbour.start(Ledger(harbour.bank))
    await until(lambda: running.parked == EVERY)
    assert (await harbour.counted())["applied"] == 4


async def test_aborted_transactions_are_not_read_and_their_offsets_are_holes(
    harbour: Harbour,
) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=harbour.kafka, transactional_id=f"{harbour.group}partner"
    )
    await producer.start()
    for number in range(6):
        await producer.begin_transaction()
        entry = an_entry(harbour.bank.paid, f"e{number}")
        value = entry.model_dump_json().encode()
        await producer.send_and_wait(entry.topic_name, value, key=b"an-1", partition=1)
        if number % 2:
            await producer.abort_transaction()
        else:
            await producer.commit_transaction()
    await producer.stop()
    running = harbour.start(Ledger(harbour.bank))
    sums = await harbour.until_counted(3)
    assert await balances(harbour.pool) == {"an-1": (3, 3)}
    assert sums["holes"] > 0
    assert await books_balance(harbour.pool)
    await running.stop()


async def test_what_retention_took_is_passed_over_and_counted(harbour: Harbour) -> None:
    await _run_until(harbour, 4, "a")
    for name in "bcd":
        await send_each(harbour, name)
    admin = AIOKafkaAdminClient(bootstrap_servers=harbour.kafka)
    await admin.start()
    tps = [TopicPartition(harbour.bank.paid.name, p) for p in EVERY]
    await admin.delete_records({tp: RecordsToDelete(before_offset=3) for tp in tps})
    await admin.close()
    await _run_until(harbour, 12, "e")
    sums = await harbour.counted()
    assert (sums["applied"], sums["holes"]) == (12, 8)
    assert await books_balance(harbour.pool)


async def test_full_queues_pause_the_fetcher_and_lose_nothing(harbour: Harbour) -> None:
    async def slowly(tx: Transaction, entries: int) -> None:
        del tx, entries
        await asyncio.sleep(0.02)

    await harbour.send(*(an_entry(harbour.bank.paid, f"e{n}", f"an-{n % 40}") for n in range(3000)))
    limits = Limits(batch_records=100, queue_records=100, queue_bytes=50_000)
    running = harbour.start(Ledger(harbour.bank, pause=slowly), limits)
    await harbour.until_counted(3000)
    assert (await harbour.counted())["redelivered"] == 0
    assert sum(balance for balance, _ in (await balances(harbour.pool)).values()) == 3000
    await running.stop()


async def _run_until(harbour: Harbour, records: int, name: str) -> Running:
    await send_each(harbour, name)
    running = harbour.start(Ledger(harbour.bank))
    await harbour.until_counted(records)
    await running.stop()
    return running


async def _commit_everything(harbour: Harbour) -> None:
    """Pretend in the group that all is done."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=harbour.kafka, group_id=f"{harbour.group}ledger", enable_auto_commit=False
    )
    await consumer.start()
    tps = [TopicPartition(harbour.bank.paid.name, p) for p in EVERY]
    consumer.assign(tps)
    await consumer.commit(await consumer.end_offsets(tps))
    await consumer.stop()
