"""The entry point: finds the command's module, and turns an OperatorError into a sentence."""

from __future__ import annotations

import importlib
import logging
import sys
from typing import TYPE_CHECKING

import typer
from typer.core import TyperCommand, TyperGroup

from services.errors import OperatorError
from streams.cli.table import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

ROWS = {row.name: row for row in COMMANDS}


class Commands(TyperGroup):
    """The commands of the table. Listing them imports none of them."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names, in the table's order."""
        del ctx
        return list(ROWS)

    def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand | None:
        """A command's name and summary, for the list in `ocop --help`."""
        del ctx
        row = ROWS.get(cmd_name)
        return TyperCommand(name=row.name, help=row.summary) if row else None

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command itself, imported now."""
        row = ROWS.get(args[0])
        if row is None:
            return super().resolve_command(ctx, args)
        command: Any = typer.main.get_command(importlib.import_module(row.module).app)
        command.name = row.name
        return row.name, command, args[1:]


app = typer.Typer(
    name="ocop",
    cls=Commands,
    help="Orders of Vietnam's OCOP products, from any sales channel to the doorstep.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)


@app.callback(epilog="Example: ocop up && ocop lag")
def everything() -> None:
    """Orders of Vietnam's OCOP products, from any sales channel to the doorstep."""


def main() -> None:
    """Run `ocop` with the arguments of this process."""
    # Until a command configures logs, what libraries warn of is said by our own errors.
    logging.getLogger().addHandler(logging.NullHandler())
    spoken(app)


def spoken(work: Callable[[], object]) -> None:
    """Run it; say what an operator must mend in one sentence, and exit with 1."""
    try:
        work()
    except OperatorError as error:
        sys.exit(f"ocop: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
