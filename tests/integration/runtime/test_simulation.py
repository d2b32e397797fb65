"""Workers that are killed, freeze, wake and fight over one unit; answers and outputs that get lost.

Seeded. Whatever happens, every version of every account must have been published in the end.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from streams.runtime.opening import open_unit
from streams.runtime.persevere import insist, settle_all
from streams.runtime.settle import Settler
from tests.runtime_toys import TABLES, Ledger, a_bank, an_entry, balances, books_balance
from tests.runtime_world import CruelNetwork, Town, sometimes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from services.store.pool import Pool
    from streams.runtime.batches import Run
    from streams.runtime.checkpoint import Checkpoint
    from streams.runtime.ports import Settled

pytestmark = pytest.mark.postgres

WORKERS = 3
STEPS = 25
ACCOUNTS = 3
SEEDS = 20


class Forgetful(Settler):
    """A settler without the takeover rule."""

    async def publish_stored(self, checkpoint: Checkpoint) -> bool:
        self.delivered = checkpoint.batch_no
        return False


class Worker:
    """A process that may be killed at any await, or go on although it lost its partition."""

    def __init__(self, town: Town, pool: Pool, kind: type[Settler], chance: random.Random) -> None:
        self.town = town
        self.pool = pool
        self.kind = kind
        self.chance = chance
        self.settler: Settler | None = None
        self.position = 0

    async def act(self) -> None:
        killed_after = self.chance.choice((0.001, 0.003, 0.01, 0.03, 2.0))
        try:
            async with asyncio.timeout(killed_after):
                await self._work()
        except TimeoutError:
            if self.chance.random() < 0.5:
                self.settler = None

    async def _work(self) -> None:
        if self.settler is None:
            settler = self.town.settler(Ledger(self.town.bank), pool=self.pool, kind=self.kind)
            positions = await insist(settler.unit, lambda: open_unit(settler, self.town.log), soon)
            self.settler, self.position = settler, positions[self.town.bank.paid.name]
        runs = self.town.runs(self.position, self.position + self.chance.randint(1, 6))
        await drain(self.settler, runs)
        self.position = runs[-1].ends if runs else self.position


async def soon(_seconds: float) -> None:
    await asyncio.sleep(0.001)


async def drain(settler: Settler, runs: Sequence[Run]) -> None:
    def ignore(_settled: Settled) -> None:
        return

    if runs:
        await settle_all(settler, runs, ignore, soon)


class Connector:
    """Connects even if the one who asked is killed meanwhile, and leaves nothing open."""

    def __init__(self) -> None:
        self.connecting: list[asyncio.Task[Any]] = []

    async def connect(self, *args: Any, **kwargs: Any) -> Any:
        task = asyncio.create_task(asyncpg.connect(*args, **kwargs))
        self.connecting.append(task)
        return await asyncio.shield(task)

    async def close(self) -> None:
        for made in await asyncio.gather(*self.connecting, return_exceptions=True):
            if isinstance(made, asyncpg.Connection):
                made.terminate()


async def simulate(town: Town, network: CruelNetwork, kind: type[Settler], seed: int) -> set[int]:
    """One run; returns the versions that were never published."""
    chance = random.Random(seed)
    entries = 0
    connector = Connector()
    pools = [
        await asyncpg.create_pool(network.url, min_size=0, max_size=2, connect=connector.connect)
        for _ in range(WORKERS)
    ]
    workers = [Worker(town, pool, kind, chance) for pool in pools]
    for _ in range(STEPS):
        for _ in range(chance.randint(0, 3)):
            account = f"an-{chance.randrange(ACCOUNTS)}"
            town.append(an_entry(town.bank.paid, f"{seed}-{entries}", account))
            entries += 1
        acting = chance.sample(workers, chance.randint(1, 2))
        await asyncio.gather(*(worker.act() for worker in acting))
    for pool in pools:
        pool.terminate()
    await connector.close()
    town.press.fails_before = town.press.fails_after = lambda: False
    last = town.settler(Ledger(town.bank), kind=kind)
    positions = await open_unit(last, town.log)
    await drain(last, town.runs(positions[town.bank.paid.name]))
    state = await balances(town.pool)
    assert sum(balance for balance, _ in state.values()) == entries
    assert await books_balance(town.pool)
    wanted = {(account, n + 1) for account, (_, version) in state.items() for n in range(version)}
    return {version for _, version in wanted - set(town.published())}


@contextlib.asynccontextmanager
async def a_fresh_town(
    pool: Pool, database: str, seed: int
) -> AsyncIterator[tuple[Town, CruelNetwork]]:
    await pool.execute("DROP SCHEMA IF EXISTS toy CASCADE; TRUNCATE runtime.checkpoints")
    await pool.execute(TABLES)
    town = Town(a_bank(), pool)
    chance = random.Random(seed)
    town.press.fails_before = sometimes(chance, 0.15)
    town.press.fails_after = sometimes(chance, 0.15)
    with tempfile.TemporaryDirectory() as folder:
        network = CruelNetwork(database, Path(folder), sometimes(chance, 0.1))
        async with network.between():
            yield town, network


async def test_no_output_is_ever_lost(pool: Pool, database: str) -> None:
    dropped = 0
    for seed in range(SEEDS):
        async with a_fresh_town(pool, database, seed) as (town, network):
            assert await simulate(town, network, Settler, seed) == set(), f"seed {seed}"
            dropped += network.dropped
    assert dropped > 0


async def test_without_the_takeover_rule_outputs_are_lost(pool: Pool, database: str) -> None:
    for seed in range(SEEDS):
        async with a_fresh_town(pool, database, seed) as (town, network):
            if await simulate(town, network, Forgetful, seed):
                return
    pytest.fail("the simulation is too kind to show anything")
