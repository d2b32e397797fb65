"""Bring a database to the newest shape: plain SQL files, each applied once, in name order."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

import asyncpg

from services.errors import OperatorError
from services.store.pool import said_plainly

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# One migrating process at a time; the number is arbitrary and ours.
LOCK: Final = 0x0C09_0001

TAKE_LOCK = "SELECT pg_advisory_lock($1)"
RELEASE_LOCK = "SELECT pg_advisory_unlock($1)"
KEEP_A_RECORD = """
    CREATE TABLE IF NOT EXISTS public.migrations (
        name       text PRIMARY KEY,
        sha256     text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
    )
"""
READ_APPLIED = "SELECT name, sha256 FROM public.migrations"
NOTE_APPLIED = "INSERT INTO public.migrations (name, sha256) VALUES ($1, $2)"


async def migrate(dsn: str, folder: Path) -> tuple[str, ...]:
    """Apply what is missing, each file in a transaction. Returns the names of the files applied.

    Raises OperatorError if an applied file was edited afterwards or a file does not run.
    """
    with said_plainly():
        connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(TAKE_LOCK, LOCK)
        await connection.execute(KEEP_A_RECORD)
        applied = {row["name"]: row["sha256"] for row in await connection.fetch(READ_APPLIED)}
        missing = _missing(folder, applied)
        for name, text in missing.items():
            await _apply(connection, name, text)
        await connection.execute(RELEASE_LOCK, LOCK)
        return tuple(missing)
    finally:
        await connection.close()


def _missing(folder: Path, applied: Mapping[str, str]) -> dict[str, str]:
    files = {path.name: path.read_text("utf-8") for path in sorted(folder.glob("*.sql"))}
    for name, text in files.items():
        if applied.get(name, _digest(text)) != _digest(text):
            raise OperatorError(
                f"{name} was edited after it was applied to this database: "
                "write a new migration, or start on an empty database (make clean)."
            )
    return {name: text for name, text in files.items() if name not in applied}


async def _apply(connection: asyncpg.Connection, name: str, text: str) -> None:
    try:
        async with connection.transaction():
            await connection.execute(text)
            await connection.execute(NOTE_APPLIED, name, _digest(text))
    except asyncpg.PostgresError as error:
        raise OperatorError(f"The migration {name} did not run: {error}.") from error


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
