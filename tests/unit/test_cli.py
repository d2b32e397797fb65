"""`ocop` is quick to help, complete, and plain about what is wrong."""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys
from typing import Any

import pytest
import typer

from streams.cli.table import COMMANDS

OCOP = (sys.executable, "-m", "streams.cli")
PRESENT = [row.name for row in COMMANDS if importlib.util.find_spec(row.module)]


def ocop(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    surroundings = {"PATH": "/usr/bin:/bin", "COLUMNS": "200", **env}
    return subprocess.run(
        (*OCOP, *words), capture_output=True, text=True, check=False, timeout=60, env=surroundings
    )


def test_help_lists_every_command() -> None:
    said = ocop("--help")
    assert said.returncode == 0
    for row in COMMANDS:
        assert row.summary.split("`")[0] in said.stdout


@pytest.mark.parametrize("words", [("--help",), ("topics", "--list"), ("down", "--help")])
def test_no_faust_for_who_only_looks(words: tuple[str, ...]) -> None:
    program = (
        f"import sys; sys.argv[1:] = {list(words)!r}\n"
        "from streams.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit:\n    pass\n"
        "assert 'faust' not in sys.modules and 'fastapi' not in sys.modules"
    )
    subprocess.run((sys.executable, "-c", program), check=True, capture_output=True, timeout=60)


@pytest.mark.parametrize("name", PRESENT)
def test_every_command_shows_an_example(name: str) -> None:
    command: Any = typer.main.get_command(importlib.import_module(f"streams.cli.{name}").app)
    for leaf in getattr(command, "commands", {name: command}).values():
        assert "Example" in f"{leaf.help} {leaf.epilog} {command.epilog}", leaf.name


def test_an_unknown_command_is_refused() -> None:
    said = ocop("fly")
    assert said.returncode == 2
    assert "No such command 'fly'" in said.stderr


def test_a_server_that_is_away_is_one_sentence() -> None:
    said = ocop("topics", KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")
    assert said.returncode == 1
    assert said.stderr.count("\n") == 1
    assert said.stderr.startswith("ocop: Kafka at 127.0.0.1:1")


def test_a_database_that_is_away_is_one_sentence() -> None:
    said = ocop("migrate", DATABASE_URL="postgresql://127.0.0.1:1/none")
    assert said.returncode == 1
    assert said.stderr.startswith("ocop: PostgreSQL does not answer")
    assert said.stderr.count("\n") == 1
