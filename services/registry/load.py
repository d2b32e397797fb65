"""Load registry CSVs: every bad row is named, good files go in whole or not at all."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import asyncpg
from pydantic import ValidationError

from services.registry.rows import ROWS, Row

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from services.store.pool import Connection


@dataclass(frozen=True, slots=True)
class RowError:
    """A row that cannot be loaded: file, line number as an editor shows it, column, what is wrong."""

    file: str
    line: int
    column: str
    problem: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.column}: {self.problem}"


class RegistryInvalid(Exception):
    """Some rows cannot be loaded; nothing was written."""

    def __init__(self, errors: Sequence[RowError]) -> None:
        super().__init__(f"{len(errors)} rows cannot be loaded, the first: {errors[0]}")
        self.errors = errors


def read_registry(folder: Path) -> list[tuple[type[Row], list[Row]]]:
    """Read every registry file that is in `folder`.

    Raises:
        RegistryInvalid: naming every bad row.
        FileNotFoundError: if the folder holds no registry file at all.
    """
    tables: list[tuple[type[Row], list[Row]]] = []
    errors: list[RowError] = []
    for kind in ROWS:
        path = folder / f"{kind.table}.csv"
        if path.exists():
            tables.append((kind, list(read_rows(kind, path, errors))))
    if errors:
        raise RegistryInvalid(errors)
    if not tables:
        names = ", ".join(f"{kind.table}.csv" for kind in ROWS)
        message = f"{folder} holds none of {names}"
        raise FileNotFoundError(message)
    return tables


def read_rows(kind: type[Row], path: Path, errors: list[RowError]) -> Iterator[Row]:
    """The good rows of a file; each bad one is added to `errors`."""
    seen: dict[tuple[Any, ...], int] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        for cells in reader:
            try:
                row = kind.model_validate(
                    {name: cell for name, cell in cells.items() if cell not in ("", None)}
                )
            except ValidationError as problems:
                errors.extend(row_errors(path.name, reader.line_num, problems))
                continue
            key = tuple(getattr(row, name) for name in kind.keys)
            if key in seen:
                problem = f"repeats line {seen[key]}"
                errors.append(RowError(path.name, reader.line_num, ", ".join(kind.keys), problem))
                continue
            seen[key] = reader.line_num
            yield row


def row_errors(file: str, line: int, problems: ValidationError) -> Iterator[RowError]:
    """One error a column."""
    for problem in problems.errors(include_url=False):
        column = str(problem["loc"][0]) if problem["loc"] else "row"
        yield RowError(file, line, column, problem["msg"])


async def load_registry(connection: Connection, folder: Path) -> dict[str, int]:
    """Write every row of `folder`, new or changed, in one transaction; rows by table.

    Raises:
        RegistryInvalid: a row is wrong or points to a seller, origin or product that is not there.
    """
    tables = read_registry(folder)
    counts: dict[str, int] = {}
    async with connection.transaction():
        for kind, rows in tables:
            try:
                await connection.executemany(upsert(kind), [row_values(row) for row in rows])
            except asyncpg.ForeignKeyViolationError as missing:
                problem = missing.detail or str(missing)
                raise RegistryInvalid([RowError(f"{kind.table}.csv", 0, "*", problem)]) from missing
            counts[kind.table] = len(rows)
    return counts


def row_values(row: Row) -> list[Any]:
    """The row's values in the order of its columns, as the database takes them."""
    return [getattr(row, name) for name in type(row).model_fields]


def upsert(kind: type[Row]) -> str:
    """Insert a row or overwrite the one with its key. Names come from our own models only."""
    columns = list(kind.model_fields)
    values = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
    changes = ", ".join(f"{name} = EXCLUDED.{name}" for name in columns if name not in kind.keys)
    return (
        f"INSERT INTO registry.{kind.table} ({', '.join(columns)}) VALUES ({values}) "  # noqa: S608
        f"ON CONFLICT ({', '.join(kind.keys)}) DO UPDATE SET {changes}"
    )
