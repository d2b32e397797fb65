"""Servers and databases for tests. Everything lies in folders of its own, on free ports.

`database` is the URL of a fresh, migrated database; `pool` a pool on it; `kafka` the bootstrap
servers of a broker shared by the session; `prefix` keeps the topics and groups of a test apart.
With DATABASE_URL or KAFKA_BOOTSTRAP_SERVERS set, those servers are used.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from services.embedded.kafka import EmbeddedKafka
from services.embedded.postgres import EmbeddedPostgres
from services.embedded.process import Place, free_port
from services.settings import Settings
from services.store.migrate import migrate
from services.store.pool import open_pool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from services.store.pool import Pool


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A short-named folder of this session's servers; gone afterwards."""
    made = Path(tempfile.mkdtemp(prefix="ocop-test-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres(folder: Path) -> Iterator[str]:
    """The URL of a PostgreSQL server's `postgres` database."""
    if given := os.environ.get("DATABASE_URL"):
        yield given
        return
    place = Place(folder)
    server = EmbeddedPostgres(folder / "postgres", durable=False, tied=True)
    server.prepare(place)
    place.start(server.process())
    place.wait(server.process())
    yield with_database(server.url, "postgres")
    place.stop("postgres", server.process().stop_signal)


@pytest.fixture(scope="session")
def template(postgres: str) -> Iterator[str]:
    """The name of a migrated database that others are copied from."""
    name = f"template_{uuid.uuid4().hex[:12]}"

    async def make() -> None:
        await execute(postgres, f'CREATE DATABASE "{name}"')
        await migrate(with_database(postgres, name), Settings().migrations_dir)

    in_own_loop(make())
    yield name
    in_own_loop(execute(postgres, f'DROP DATABASE "{name}" WITH (FORCE)'))


@pytest.fixture
async def database(postgres: str, template: str) -> AsyncIterator[str]:
    """The URL of a fresh, migrated database of this test's own."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    await execute(postgres, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    yield with_database(postgres, name)
    await execute(postgres, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
async def empty_database(postgres: str) -> AsyncIterator[str]:
    """The URL of a database nobody has migrated."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    await execute(postgres, f'CREATE DATABASE "{name}"')
    yield with_database(postgres, name)
    await execute(postgres, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    """Connections to `database`, with the session settings workers use."""
    opened = await open_pool(database, application_name="test")
    yield opened
    await asyncio.wait_for(opened.close(), timeout=30)


@pytest.fixture(scope="session")
def kafka(folder: Path) -> Iterator[str]:
    """Bootstrap servers of a broker that the tests of this session share."""
    if given := os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        yield given
        return
    place = Place(folder)
    broker = EmbeddedKafka(folder / "kafka", free_port(), free_port(), heap_mib=384, tied=True)
    broker.prepare()
    place.start(broker.process())
    place.wait(broker.process())
    yield broker.bootstrap
    place.stop("kafka")


@pytest.fixture
def prefix() -> str:
    """What this test puts in front of its topics and groups, so that no other test sees them."""
    return f"t{uuid.uuid4().hex[:10]}."


@pytest.fixture
def own_kafka(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[], tuple[EmbeddedKafka, Place]]]:
    """Start a broker for one test alone: one that it may stop, kill or empty."""
    started: list[tuple[EmbeddedKafka, Place]] = []

    def start() -> tuple[EmbeddedKafka, Place]:
        home = tmp_path_factory.mktemp("kafka")
        broker, place = (
            EmbeddedKafka(home, free_port(), free_port(), heap_mib=384, tied=True),
            Place(home),
        )
        started.append((broker, place))
        broker.prepare()
        place.start(broker.process())
        place.wait(broker.process())
        return broker, place

    yield start
    for _broker, place in started:
        place.stop("kafka")


def with_database(url: str, name: str) -> str:
    """The same server, another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


async def execute(url: str, statement: str) -> None:
    """Run one statement on a connection of its own."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def in_own_loop(work: object) -> None:
    """Run a coroutine beside whatever event loop the test has."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result()  # type: ignore[arg-type]
