"""`ocop release`."""

from typing import Annotated

import typer

from streams.cli.saying import By, Why, command

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(epilog='Example: ocop release postmart:HTX-MAU-01:PM-0000001 --why "the buyer called"')
def release(
    order_id: Annotated[str, typer.Argument(help="channel:seller:number")],
    *,
    why: Why,
    by: By = "",
) -> None:
    """Let go of an order: holds of people go, and problems that may be waived pass.

    It is asked like any command of an order: `ocop trace` shows what became of it.
    """
    typer.echo(f"asked as command {command(order_id, 'release', by, why)}")
