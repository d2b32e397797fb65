"""Everything is killed, again and again, while the sample month flows; nothing may be lost.

OCOP_CHAOS_SEED repeats a run's blows, OCOP_CHAOS_ORDERS=all sends the whole month. A failed run
keeps its folder (logs, database, topics) and says where it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import shutil
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import asyncpg
import pytest

from services.embedded.system import System
from services.sandbox.month import door
from services.settings import read_settings
from streams.month import join
from streams.processes import ocop
from tests.chaos.blows import plan
from tests.chaos.evidence import Evidence
from tests.chaos.log import read_log
from tests.chaos.machine import Supervisor, environment, groups, two_of_everything
from tests.chaos.people import Told, carriers_totals, live_a_month, month_of
from tests.chaos.quiet import Rest, all_finished, quiet, rest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator

    from services.settings import Settings

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1500)]

FEWEST_KILLS: Final = 8
SENDING_DAYS: Final = 27
"""From the first line of the sample month to its last."""
DAY_S: Final = 2.0
WHOLE_DAY_S: Final = 6.0
"""Real seconds a day takes, and where the whole month is sent."""
FINISHED_WITHIN_S: Final = 900
QUIET_WITHIN_S: Final = 120
PATIENCE_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class Trial:
    """What a run found."""

    seed: int
    kills: list[str]
    found_dead: list[str]
    left: Rest
    redeliveries: int
    duplicate_effects: list[str]
    lost: list[str]
    verified: dict[str, Any]

    def line(self) -> str:
        """The line a script reads."""
        return json.dumps(
            {
                "seed": self.seed,
                "kills": len(self.kills),
                "redeliveries": self.redeliveries,
                "duplicate_effects": len(self.duplicate_effects),
                "lost": len(self.lost),
            }
        )

    def broken_promises(self) -> str:
        """What `ocop verify` found, a promise a line."""
        broken = [promise for promise in self.verified["promises"] if not promise["holds"]]
        return "\n".join(f"{promise['name']}: {promise['examples']}" for promise in broken)


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[System]:
    """A running system of this test's own."""
    for name in ("DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS"):
        monkeypatch.delenv(name, raising=False)
    home = Path(tempfile.mkdtemp(prefix="ocop-chaos-"))
    # A sender keeps what is not confirmed, also when the broker takes minutes on a busy machine.
    monkeypatch.setattr(door, "GIVE_UP_S", PATIENCE_S)
    for name, value in environment(home, seed_wanted()).items():
        monkeypatch.setenv(name, value)
    settings = read_settings()
    made = System(settings, two_of_everything(settings), lambda _: None)
    failed_before = request.session.testsfailed
    with made.running():
        yield made
    made.down()
    if request.session.testsfailed == failed_before:
        shutil.rmtree(home)
    else:
        print(f"logs, database and topics of this run: {home}")


def test_nothing_is_lost_and_nothing_happens_twice(system: System) -> None:
    trial = asyncio.run(try_out(system, seed_wanted()))
    print(trial.line())
    assert len(trial.kills) >= FEWEST_KILLS
    assert trial.left.is_nothing, f"it did not become quiet by itself: {trial.left}"
    assert trial.redeliveries > 0, "the blows did not hit"
    assert trial.lost == [], "\n".join(trial.lost)
    assert trial.duplicate_effects == [], "\n".join(trial.duplicate_effects)
    assert trial.verified["holds"], trial.broken_promises()


async def try_out(system: System, seed: int) -> Trial:
    """Let the month flow under blows, wait until it is quiet, and compare what everybody says."""
    settings = system.settings
    keys = await join(settings)
    wanted = orders_wanted()
    day_s = WHOLE_DAY_S if wanted is None else DAY_S
    blows = plan(random.Random(seed), groups(system.processes), SENDING_DAYS * day_s)
    with striking(Supervisor(system, blows)) as supervisor:
        told = await finished(
            live_a_month(
                settings,
                keys,
                month_of(wanted),
                lambda orders: all_finished(settings, orders),
                seed=seed,
                day_s=day_s,
            ),
            settings,
        )
        left = await quiet(settings, QUIET_WITHIN_S)
    lost, duplicates, redeliveries = await compared(system, told)
    return Trial(
        seed=seed,
        kills=supervisor.kills,
        found_dead=supervisor.found_dead,
        left=left,
        redeliveries=redeliveries,
        duplicate_effects=duplicates,
        lost=lost,
        verified=verified(),
    )


async def finished(month: Awaitable[Told], settings: Settings) -> Told:
    """What the senders say in the end; a month that does not end says what is left of it."""
    try:
        return await asyncio.wait_for(month, FINISHED_WITHIN_S)
    except TimeoutError:
        pytest.fail(f"after {FINISHED_WITHIN_S} s there is still {await rest(settings)}")


def seed_wanted() -> int:
    """What chance follows."""
    return int(os.environ.get("OCOP_CHAOS_SEED", "1"))


def orders_wanted() -> int | None:
    """How many orders of the month are sent; None: all."""
    wanted = os.environ.get("OCOP_CHAOS_ORDERS", "300")
    return None if wanted == "all" else int(wanted)


@contextlib.contextmanager
def striking(supervisor: Supervisor) -> Iterator[Supervisor]:
    """The supervisor at work beside the block."""
    thread = threading.Thread(target=supervisor.run, name="supervisor")
    thread.start()
    try:
        yield supervisor
    finally:
        supervisor.finish()
        thread.join()


async def compared(system: System, told: Told) -> tuple[list[str], list[str], int]:
    """What was lost, what happened twice, and how often something was delivered again."""
    log = await read_log(system.settings.kafka)
    carriers = await carriers_totals(system.settings)
    database = await asyncpg.connect(system.settings.database)
    try:
        evidence = Evidence(told, carriers, log, database)
        lost, duplicates = await evidence.lost(), await evidence.duplicate_effects()
        return lost, duplicates, await evidence.redeliveries()
    finally:
        await database.close()


def verified() -> dict[str, Any]:
    """What the system says of itself."""
    done = subprocess.run(ocop("verify", "--json"), check=False, capture_output=True, timeout=120)
    found: dict[str, Any] = json.loads(done.stdout)
    assert (done.returncode == 0) == found["holds"]
    return found
