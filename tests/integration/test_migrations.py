"""Migrations: each once, in order, whole or not at all."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import pytest

from services.errors import OperatorError
from services.settings import Settings
from services.store.migrate import migrate

if TYPE_CHECKING:
    from pathlib import Path

    from services.store.pool import Pool


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "9002_second.sql").write_text("ALTER TABLE one ADD COLUMN b integer")
    (tmp_path / "9001_first.sql").write_text("CREATE TABLE one (a integer); SELECT 1")
    return tmp_path


async def test_files_are_applied_in_name_order_and_once(empty_database: str, files: Path) -> None:
    assert await migrate(empty_database, files) == ("9001_first.sql", "9002_second.sql")
    assert await migrate(empty_database, files) == ()


async def test_two_that_migrate_at_once_do_not_meet(empty_database: str, files: Path) -> None:
    done = await asyncio.gather(*(migrate(empty_database, files) for _ in range(4)))
    assert sorted(map(len, done)) == [0, 0, 0, 2]


async def test_a_file_that_fails_leaves_nothing(empty_database: str, files: Path) -> None:
    (files / "9003_third.sql").write_text("CREATE TABLE half (a integer); SELECT 1/0")
    with pytest.raises(OperatorError, match=r"9003_third\.sql did not run: division by zero"):
        await migrate(empty_database, files)
    connection = await asyncpg.connect(empty_database)
    tables = "SELECT to_regclass('half') IS NULL AND to_regclass('one') IS NOT NULL"
    assert await connection.fetchval(tables)
    await connection.close()


async def test_an_edited_file_is_refused(empty_database: str, files: Path) -> None:
    await migrate(empty_database, files)
    (files / "9001_first.sql").write_text("CREATE TABLE other (a integer)")
    with pytest.raises(OperatorError, match=r"9001_first\.sql was edited"):
        await migrate(empty_database, files)


async def test_the_repository_is_fully_applied_to_a_test_database(pool: Pool) -> None:
    files = sorted(path.name for path in Settings().migrations_dir.glob("*.sql"))
    rows = await pool.fetch("SELECT name FROM public.migrations ORDER BY name")
    assert [row["name"] for row in rows] == files
    with pytest.raises(asyncpg.UniqueViolationError):
        await pool.execute("INSERT INTO public.migrations SELECT * FROM public.migrations")
