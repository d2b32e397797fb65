"""Workers as processes: killed, told to stop, and left without a broker."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from tests.runtime_kafka import Harbour
from tests.runtime_toys import Ledger, a_bank, an_entry, balances, books_balance

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator, Callable

    from services.embedded.kafka import EmbeddedKafka
    from services.embedded.process import Place
    from services.store.pool import Pool

pytestmark = [pytest.mark.postgres, pytest.mark.kafka, pytest.mark.timeout(180)]

ACCOUNTS = 50


@contextlib.asynccontextmanager
async def workers(harbour: Harbour, database: str, pause_s: float) -> AsyncIterator[Starter]:
    starter = Starter(database, harbour.kafka, harbour.group, pause_s)
    try:
        yield starter
    finally:
        for process in starter.started:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.communicate()


class Starter:
    def __init__(self, database: str, kafka: str, prefix: str, pause_s: float) -> None:
        self.arguments = (database, kafka, prefix, str(pause_s))
        self.started: list[Process] = []

    async def start(self) -> Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.runtime_process",
            *self.arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        self.started.append(process)
        return process


async def feed(harbour: Harbour, entries: int, every_s: float) -> None:
    for first in range(0, entries, 200):
        await harbour.send(
            *(
                an_entry(harbour.bank.paid, f"e{n}", f"an-{n % ACCOUNTS}")
                for n in range(first, min(entries, first + 200))
            )
        )
        await asyncio.sleep(every_s)


async def all_is_well(harbour: Harbour, entries: int) -> None:
    state = await balances(harbour.pool)
    assert sum(balance for balance, _ in state.values()) == entries
    assert await books_balance(harbour.pool)
    wanted = {(account, n + 1) for account, (_, version) in state.items() for n in range(version)}
    assert wanted - set(await harbour.published()) == set()


@pytest.mark.parametrize(("pure", "code"), [("", 0), ("1", 1)])
async def test_a_worker_insists_on_compiled_streams(pure: str, code: int) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from streams.app import require_cython; require_cython()",
        env=os.environ | {"NO_CYTHON": pure},
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    assert process.returncode == code
    assert (b"Cython streams are not in use" in said) is bool(code)


async def test_killed_workers_lose_nothing_and_do_nothing_twice(
    bank_pool: Pool, database: str, kafka: str, prefix: str
) -> None:
    chance = random.Random(7)
    entries = 12_000
    async with (
        Harbour(a_bank(prefix), bank_pool, kafka, prefix).open() as harbour,
        workers(harbour, database, 0.01) as starter,
    ):
        alive = [await starter.start(), await starter.start()]
        feeding = asyncio.create_task(feed(harbour, entries, 0.15))
        await harbour.until_counted(1)
        for _ in range(4):
            await asyncio.sleep(chance.uniform(0.5, 2.0))
            victim = alive.pop(chance.randrange(2))
            victim.kill()
            alive.append(await starter.start())
        await feeding
        sums = await harbour.until_counted(entries, within_s=90)
        assert sums["applied"] == entries
        assert max((await harbour.published()).values()) > 1  # the kills hit something
        await all_is_well(harbour, entries)


async def test_sigterm_finishes_the_batch_in_hand(
    bank_pool: Pool, database: str, kafka: str, prefix: str
) -> None:
    async with (
        Harbour(a_bank(prefix), bank_pool, kafka, prefix).open() as harbour,
        workers(harbour, database, 3.0) as starter,
    ):
        await harbour.send(an_entry(harbour.bank.paid, "in-hand"))
        process = await starter.start()
        assert process.stdout is not None
        assert await process.stdout.readline() == b"batch\n"
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 60) == 0
        assert (await harbour.counted())["applied"] == 1
        assert sum((await harbour.published()).values()) == 1


async def test_a_frozen_worker_is_replaced_and_does_no_harm_when_it_wakes(
    bank_pool: Pool, database: str, kafka: str, prefix: str
) -> None:
    async with (
        Harbour(a_bank(prefix), bank_pool, kafka, prefix).open() as harbour,
        workers(harbour, database, 0.5) as starter,
    ):
        frozen = await starter.start()
        await feed(harbour, 400, 0)
        assert frozen.stdout is not None
        assert await frozen.stdout.readline() == b"batch\n"
        frozen.send_signal(signal.SIGSTOP)
        await starter.start()
        await harbour.until_counted(400, within_s=60)
        frozen.send_signal(signal.SIGCONT)
        await feed(harbour, 800, 0)
        await harbour.until_counted(1200, within_s=60)
        await all_is_well(harbour, 800)


async def test_a_broker_that_restarts_stops_nothing_for_good(
    bank_pool: Pool, prefix: str, own_kafka: Callable[[], tuple[EmbeddedKafka, Place]]
) -> None:
    broker, place = own_kafka()
    async with Harbour(a_bank(prefix), bank_pool, broker.bootstrap, prefix).open() as harbour:
        running = harbour.start(Ledger(harbour.bank))
        await feed(harbour, 1000, 0)
        await harbour.until_counted(500)
        await asyncio.to_thread(place.stop, "kafka", signal.SIGKILL)
        await asyncio.sleep(3)
        await asyncio.to_thread(place.start, broker.process())
        await asyncio.to_thread(place.wait, broker.process())
        await harbour.until_counted(1000, within_s=60)
        await harbour.send(an_entry(harbour.bank.paid, "after"))
        await harbour.until_counted(1001, within_s=60)
        await all_is_well(harbour, 1001)
        await running.stop()


async def test_a_database_that_drops_every_session_stops_nothing_for_good(
    bank_pool: Pool, kafka: str, prefix: str
) -> None:
    async with Harbour(a_bank(prefix), bank_pool, kafka, prefix).open() as harbour:
        running = harbour.start(Ledger(harbour.bank))
        feeding = asyncio.create_task(feed(harbour, 4000, 0.1))
        for _ in range(3):
            await asyncio.sleep(0.7)
            await bank_pool.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        await feeding
        await harbour.until_counted(4000)
        await all_is_well(harbour, 4000)
        await running.stop()
