"""A unit at work, with a fetcher that does as it is told."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING

import pytest

from streams.runtime.dead_share import DeadShare
from streams.runtime.memory_log import MemoryLog
from streams.runtime.ports import Settled
from streams.runtime.reading import Fetched
from streams.runtime.unit import Limits, State, Surroundings, Unit
from streams.runtime.units import Units
from streams.runtime.watchdog import Patience, Watchdog
from tests.runtime_kafka import until
from tests.runtime_toys import Ledger, an_entry, balances
from tests.runtime_world import Town, now

if TYPE_CHECKING:
    from streams.runtime.stage import Transaction

pytestmark = pytest.mark.postgres


@dataclass
class Fetcher:
    """Brings what a test tells it to bring, from the town's log."""

    town: Town
    alive_at: float = field(default_factory=monotonic)
    seeks: dict[str, list[int]] = field(default_factory=dict)
    paused: set[str] = field(default_factory=set)
    shown: dict[str, int] = field(default_factory=dict)

    def read_from(self, topic: str, partition: int, offset: int) -> int:
        del partition
        self.paused.discard(topic)
        self.seeks.setdefault(topic, []).append(offset)
        return len(self.seeks[topic])

    def pause(self, topic: str, partition: int) -> None:
        del partition
        self.paused.add(topic)

    def resume(self, topic: str, partition: int) -> None:
        del partition
        self.paused.discard(topic)

    def settled(self, topic: str, partition: int, next_offset: int) -> None:
        del partition
        self.shown[topic] = next_offset

    def end(self, topic: str, partition: int) -> int | None:
        return self.town.log.length(topic, partition)

    def fetch(self, start: int, end: int, seek_no: int = 1) -> Fetched:
        topic = self.town.bank.paid.name
        return Fetched(self.town.log.read(topic, 0, start, end - start), seek_no)


@dataclass
class Work:
    """One unit of a ledger, its fetcher and its task."""

    town: Town
    ledger: Ledger
    limits: Limits = field(default_factory=Limits)
    settled: list[Settled] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.fetcher = Fetcher(self.town)
        around = Surroundings(
            self.town.log, self.fetcher, self.settled.append, asyncio.Semaphore(2), self.limits
        )
        self.unit = Unit(self.town.settler(self.ledger), around)
        self.task = asyncio.create_task(self.unit.run())

    async def opened(self) -> Work:
        await until(lambda: self.unit.state is State.WAITING)
        return self

    async def idle(self) -> None:
        await until(lambda: self.unit.idle)

    async def end(self) -> None:
        self.unit.finish()
        await asyncio.wait_for(self.task, 30)

    @property
    def applied(self) -> int:
        return sum(one.counts.applied for one in self.settled)


def entries(town: Town, count: int) -> None:
    town.append(*(an_entry(town.bank.paid, f"e{n}") for n in range(count)))


async def test_small_fetches_become_one_batch(town: Town) -> None:
    entries(town, 30)
    work = await Work(town, Ledger(town.bank)).opened()
    for start in range(0, 30, 3):
        work.unit.offer(work.fetcher.fetch(start, start + 3))
    await until(lambda: work.applied == 30)
    assert work.ledger.batches == [30]
    assert work.fetcher.shown == {town.bank.paid.name: 30}
    await work.end()


async def test_a_stage_nobody_waits_for_lets_records_gather(town: Town) -> None:
    entries(town, 30)
    limits = Limits(batch_records=10, gather_s={"ledger": 60.0})
    work = await Work(town, Ledger(town.bank), limits).opened()
    work.unit.offer(work.fetcher.fetch(0, 3))
    await until(lambda: work.applied == 3)
    work.unit.offer(work.fetcher.fetch(3, 6))
    await asyncio.sleep(0.1)
    assert work.ledger.batches == [3]
    await work.end()  # which waits for no gathering
    assert work.ledger.batches == [3]


async def test_what_is_a_whole_batch_already_need_not_gather(town: Town) -> None:
    entries(town, 30)
    limits = Limits(batch_records=10, gather_s={"ledger": 60.0})
    work = await Work(town, Ledger(town.bank), limits).opened()
    for start in range(0, 20, 5):
        work.unit.offer(work.fetcher.fetch(start, start + 5))
    await until(lambda: work.applied == 20)
    assert work.ledger.batches == [10, 10]
    await work.end()


async def test_a_full_queue_pauses_its_topic_until_it_is_taken(town: Town) -> None:
    entries(town, 30)
    released = asyncio.Event()

    async def hold(tx: Transaction, entries: int) -> None:
        del tx, entries
        await released.wait()

    limits = Limits(batch_records=10, queue_records=10)
    work = await Work(town, Ledger(town.bank, pause=hold), limits).opened()
    work.unit.offer(work.fetcher.fetch(0, 5))
    await until(lambda: work.ledger.batches == [5])
    work.unit.offer(work.fetcher.fetch(5, 10))
    assert work.fetcher.paused == set()
    work.unit.offer(work.fetcher.fetch(10, 15))
    assert work.fetcher.paused == {town.bank.paid.name}
    work.unit.offer(work.fetcher.fetch(15, 20))  # on its way already: kept
    released.set()
    await until(lambda: work.applied == 20)
    assert work.fetcher.paused == set()
    await work.end()


async def test_a_gap_seeks_back_and_stale_fetches_are_dropped(town: Town) -> None:
    entries(town, 10)
    work = await Work(town, Ledger(town.bank)).opened()
    work.unit.offer(work.fetcher.fetch(4, 6))
    await until(lambda: work.fetcher.seeks[town.bank.paid.name] == [0, 0])
    work.unit.offer(work.fetcher.fetch(6, 10))  # from before the seek
    work.unit.offer(work.fetcher.fetch(0, 10, seek_no=2))
    await until(lambda: work.applied == 10)
    assert work.settled[-1].counts.holes == 0
    await work.end()


async def test_a_gap_that_stays_is_accepted(town: Town) -> None:
    entries(town, 10)
    work = await Work(town, Ledger(town.bank)).opened()
    work.unit.offer(work.fetcher.fetch(4, 10))
    await until(lambda: len(work.fetcher.seeks[town.bank.paid.name]) == 2)
    work.unit.offer(work.fetcher.fetch(4, 10, seek_no=2))
    await until(lambda: work.applied == 6)
    assert work.settled[-1].counts.holes == 4
    await work.end()


async def test_a_replaced_log_parks_the_unit_and_its_topics(town: Town) -> None:
    entries(town, 3)
    before = await Work(town, Ledger(town.bank)).opened()
    before.unit.offer(before.fetcher.fetch(0, 3))
    await before.idle()
    await until(lambda: before.applied == 3)
    await before.end()
    town.log = MemoryLog(town.bank.catalogue, now)
    work = Work(town, Ledger(town.bank))
    await until(lambda: work.unit.state is State.PARKED)
    assert work.fetcher.paused == {town.bank.paid.name, town.bank.drawn.name}
    assert work.fetcher.seeks == {}
    await work.end()


async def test_finish_waits_for_the_batch_in_hand_and_takes_no_other(town: Town) -> None:
    entries(town, 10)
    begun = asyncio.Event()

    async def slowly(tx: Transaction, entries: int) -> None:
        del tx, entries
        begun.set()
        await asyncio.sleep(0.2)

    work = await Work(town, Ledger(town.bank, pause=slowly), Limits(batch_records=5)).opened()
    work.unit.offer(work.fetcher.fetch(0, 5))
    await begun.wait()
    work.unit.offer(work.fetcher.fetch(5, 10))
    await work.end()
    assert work.applied == 5
    assert (await balances(town.pool))["an-1"] == (5, 5)


async def test_a_unit_without_all_of_its_topics_is_left_alone(town: Town) -> None:
    fetcher = Fetcher(town)
    around = Surroundings(town.log, fetcher, lambda _settled: None, asyncio.Semaphore(1))
    world = town.settler(Ledger(town.bank)).world
    units = Units(Ledger(town.bank), world, around, DeadShare())
    paid, drawn = town.bank.paid.name, town.bank.drawn.name
    units.assigned([(paid, 0), (drawn, 0), (paid, 1)])
    assert [unit.id.partition for unit in units] == [0]
    await units.revoked()


async def test_partitions_that_come_back_publish_nothing_again(town: Town) -> None:
    entries(town, 3)
    fetcher, done = Fetcher(town), list[Settled]()
    around = Surroundings(town.log, fetcher, done.append, asyncio.Semaphore(1))
    world = town.settler(Ledger(town.bank)).world
    units = Units(Ledger(town.bank), world, around, DeadShare())
    both = [(town.bank.paid.name, 0), (town.bank.drawn.name, 0)]
    units.assigned(both)
    await until(lambda: bool(fetcher.seeks))
    units.offer(fetcher.fetch(0, 3))
    await until(lambda: bool(done))
    await units.revoked()
    units.assigned(both)
    await until(lambda: fetcher.seeks[town.bank.paid.name] == [0, 3])
    assert [version for _, version in town.published()] == [1, 2, 3]
    await units.revoked()


async def test_a_unit_that_waits_for_the_world_lets_others_work(town: Town) -> None:
    async def fail(tx: Transaction, entries: int) -> None:
        del entries
        await tx.execute("DO $$BEGIN RAISE EXCEPTION USING ERRCODE = '40001'; END$$")

    entries(town, 3)
    town.append(an_entry(town.bank.paid, "other"), partition=1)
    done: list[Settled] = []
    around = Surroundings(town.log, Fetcher(town), done.append, asyncio.Semaphore(1))
    stuck = Unit(town.settler(Ledger(town.bank, pause=fail)), around)
    other = Unit(town.settler(Ledger(town.bank), 1), around)
    tasks = [asyncio.create_task(unit.run()) for unit in (stuck, other)]
    await until(lambda: stuck.state is other.state is State.WAITING)
    paid = town.bank.paid.name
    stuck.offer(Fetched(town.log.read(paid, 0, 0, 3), 1))
    await until(lambda: stuck.state is State.WORKING)
    other.offer(Fetched(town.log.read(paid, 1, 0, 1), 2))
    await until(lambda: bool(done))
    assert done[0].unit.partition == 1
    for task in tasks:
        task.cancel()


async def test_a_fetch_lost_on_its_way_is_read_again(town: Town) -> None:
    entries(town, 3)
    work = await Work(town, Ledger(town.bank)).opened()
    await asyncio.sleep(0.05)  # three records in the log, and nothing comes
    watch(work, Patience(lost_s=0.01)).look()
    await until(lambda: len(work.fetcher.seeks[town.bank.paid.name]) == 2)
    await work.end()


async def test_a_unit_without_progress_raises_one_alarm_and_says_so(town: Town) -> None:
    entries(town, 3)

    async def hang(tx: Transaction, entries: int) -> None:
        del tx, entries
        await asyncio.sleep(3600)

    work = await Work(town, Ledger(town.bank, pause=hang)).opened()
    work.unit.offer(work.fetcher.fetch(0, 3))
    await until(lambda: work.ledger.batches == [3])
    stalled: list[Unit] = []
    dog = watch(work, Patience(stalled_s=0.0), stalled)
    await asyncio.sleep(0.05)
    dog.look()
    assert stalled == [work.unit]
    work.task.cancel()


async def test_a_unit_that_keeps_up_raises_no_alarm(town: Town) -> None:
    entries(town, 3)
    work = await Work(town, Ledger(town.bank)).opened()
    work.unit.offer(work.fetcher.fetch(0, 3))
    await until(lambda: work.applied == 3)
    stalled: list[Unit] = []
    watch(work, Patience(stalled_s=0.0, lost_s=0.0), stalled).look()
    assert stalled == []
    assert work.unit.lag(town.bank.paid.name) == (0, 0.0)
    await work.end()


def watch(work: Work, patience: Patience, stalled: list[Unit] | None = None) -> Watchdog:
    """A watchdog on that unit."""
    found = stalled if stalled is not None else []

    class Alone(Units):
        def __init__(self) -> None:
            self.stage = work.ledger

        def __iter__(self):  # type: ignore[no-untyped-def] # noqa: ANN204
            return iter([work.unit])

        @property
        def fetching_at(self) -> float:
            return monotonic()

    return Watchdog(lambda: [Alone()], patience, found.extend)
