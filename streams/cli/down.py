"""`ocop down`."""

from typing import Annotated

import typer
from rich.console import Console

from services.embedded.system import System
from services.settings import read_settings
from streams.processes import processes

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(epilog="Example: ocop down --erase")
def down(
    *,
    erase: Annotated[bool, typer.Option(help="Also delete the embedded servers' data.")] = False,
) -> None:
    """Stop everything that `up` started: the processes first, then broker and database."""
    settings = read_settings()
    system = System(settings, processes(settings), Console(stderr=True).print)
    system.down()
    if erase:
        system.erase()
