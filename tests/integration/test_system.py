"""One machine: servers and processes up, and down again whatever happens."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import psutil
import pytest

from schemas.catalogue import TOPICS
from services.embedded.distribution import kafka_jars
from services.embedded.process import Process, free_port
from services.embedded.system import System
from services.errors import OperatorError
from services.kafka.admin import admin_client, partition_counts
from services.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

SLEEPER = (sys.executable, "-c", "import time; time.sleep(60)")


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    for name in ("DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS"):
        monkeypatch.delenv(name, raising=False)
    home = Path(tempfile.mkdtemp(prefix="ocop-system-"))
    (home / "sql").mkdir()
    (home / "sql" / "0001_one.sql").write_text("CREATE TABLE one (a integer)")
    yield Settings(
        data_dir=home,
        migrations_dir=home / "sql",
        kafka_port=two_free_ports(),
        kafka_heap_mib=256,
        min_free_mib=1,
    )
    System(Settings(data_dir=home), (), print).down()
    shutil.rmtree(home, ignore_errors=True)


async def found_in(settings: Settings) -> tuple[set[str], set[str]]:
    """Names of the tables and of the topics."""
    connection = await asyncpg.connect(settings.database)
    rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    await connection.close()
    async with admin_client(settings.kafka) as admin:
        return {row["tablename"] for row in rows}, set(await partition_counts(admin))


def two_free_ports() -> int:
    while True:
        port = free_port()
        if port < 65000:
            return port


def left_running(settings: Settings) -> list[str]:
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = " ".join(process.info["cmdline"] or ())
        if str(settings.data_dir) in words:
            found.append(words)
    return found


def test_up_makes_a_migrated_database_and_all_topics_and_down_leaves_nothing(
    settings: Settings,
) -> None:
    system = System(settings, (Process("sleeper", SLEEPER),), print)
    system.up()
    tables, topics = asyncio.run(found_in(settings))
    assert "one" in tables
    assert {name for topic in TOPICS for name in (topic.name, topic.dead)} <= topics
    assert system.place.known()[-1] == "sleeper"
    system.down()
    assert left_running(settings) == []


def test_what_fails_to_come_up_takes_everything_down(settings: Settings) -> None:
    broken = Process("broken", ("/bin/false",), ready=lambda: False)
    with pytest.raises(OperatorError, match="broken ended at once"):
        System(settings, (broken,), print).up()
    assert left_running(settings) == []


def test_data_outlives_a_restart_until_it_is_erased(settings: Settings) -> None:
    system = System(settings, (), print)
    system.servers_up()
    system.down()
    assert (settings.data_dir / "postgres" / "data" / "PG_VERSION").exists()
    system.erase()
    assert not (settings.data_dir / "postgres").exists()
    assert (settings.data_dir / "master.key").exists()


def test_a_full_disk_is_said_before_anything_starts(settings: Settings) -> None:
    greedy = settings.model_copy(update={"min_free_mib": 2**40})
    with pytest.raises(OperatorError, match="The disk is full"):
        System(greedy, (), print).up()


@pytest.mark.parametrize(
    ("tools", "sentence"), [((), "Java 17 or newer is needed"), (("java-8",), "Java 17 or newer")]
)
def test_without_a_java_new_enough_it_says_so(
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tools: tuple[str, ...],
    sentence: str,
) -> None:
    only_these_tools(tmp_path, monkeypatch)
    if tools:
        write_program(tmp_path / "java", "echo 'openjdk version \"1.8.0_392\"' >&2")
    with pytest.raises(OperatorError, match=sentence):
        System(settings, (), print).up()
    assert left_running(settings) == []


def test_without_maven_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only_these_tools(tmp_path, monkeypatch)
    with pytest.raises(OperatorError, match="Maven is needed"):
        kafka_jars(tmp_path / "dist")


def test_a_maven_that_fails_leaves_no_half_distribution(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_these_tools(tmp_path, monkeypatch)
    write_program(tmp_path / "mvn", "echo '[ERROR] no route to the repository'; exit 1")
    with pytest.raises(OperatorError, match=r"could not fetch Apache Kafka: .*no route"):
        kafka_jars(tmp_path / "dist")
    assert not (tmp_path / "dist" / ".complete").exists()


def test_a_terminated_up_stops_what_it_started(settings: Settings) -> None:
    program = (
        "import pathlib, sys\n"
        "from services.embedded.process import Process\n"
        "from services.embedded.system import System\n"
        "from services.settings import Settings\n"
        "never = Process('never', ('/bin/sleep', '60'), ready=lambda: False)\n"
        "def say(line):\n    print(line, flush=True)\n"
        "System(Settings(), (never,), say).up()\n"
    )
    env = {
        **os.environ,
        "OCOP_DATA_DIR": str(settings.data_dir),
        "OCOP_KAFKA_PORT": str(settings.kafka_port),
        "OCOP_MIGRATIONS_DIR": str(settings.migrations_dir),
        "OCOP_MIN_FREE_MIB": "1",
    }
    with subprocess.Popen(
        (sys.executable, "-c", program), env=env, stdout=subprocess.PIPE, text=True
    ) as up:
        assert up.stdout is not None
        for line in up.stdout:
            if line.startswith("waiting for never"):
                up.terminate()
        assert up.wait(30) == 143
    assert left_running(settings) == []


def only_these_tools(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with the tools of `folder` and the ones PostgreSQL is started with."""
    for tool in ("unshare", "true", "sh", "echo"):
        (folder / tool).symlink_to(str(shutil.which(tool)))
    monkeypatch.setenv("PATH", str(folder))


def write_program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
