"""The README's table of what works with whom: as the list says, and every cell with its test."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from schemas.intake import Channel
from services.carriers.directory import INTERFACES

TESTS = Path(__file__).parents[1]
LIST: dict[str, Any] = tomllib.loads((TESTS / "capabilities.toml").read_text("utf-8"))
COLUMNS: list[str] = LIST.pop("columns")["names"]


def is_missing(cell: str | None) -> bool:
    return cell is None or cell.startswith("-")


def table() -> str:
    """The table as README must have it."""
    rows = [
        [f"`{name}`", *("–" if is_missing(cells.get(column)) else "✓" for column in COLUMNS)]
        for name, cells in LIST.items()
    ]
    head = ["channel / carrier", *COLUMNS]
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def test_the_readme_has_the_table() -> None:
    assert table() in (TESTS.parent / "README.md").read_text("utf-8")


def test_every_channel_and_carrier_interface_has_a_row() -> None:
    assert set(LIST) == {row.name for row in INTERFACES} | set(Channel) | {"any partner"}


def test_no_cell_is_of_a_column_that_is_not_there() -> None:
    assert {column for cells in LIST.values() for column in cells} <= set(COLUMNS)


@pytest.fixture(scope="module")
def collected() -> set[str]:
    """Every test pytest finds in the folders the list names."""
    wanted = {cell.partition("::")[0] for cells in LIST.values() for cell in cells.values()}
    files = sorted(f"tests/{name}" for name in wanted if name.endswith(".py"))
    said = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", *files],
        cwd=TESTS.parent,
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    return set(said.splitlines())


@pytest.mark.parametrize("name", LIST)
def test_every_cell_is_backed_by_a_test(name: str, collected: set[str]) -> None:
    named = {f"tests/{cell}" for cell in LIST[name].values() if not is_missing(cell)}
    assert named - collected == set()
