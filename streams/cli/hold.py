"""`ocop hold`."""

from typing import Annotated

import typer

from streams.cli.saying import By, Why, command

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(epilog='Example: ocop hold postmart:HTX-MAU-01:PM-0000001 --why "the buyer called"')
def hold(
    order_id: Annotated[str, typer.Argument(help="channel:seller:number")],
    *,
    why: Why,
    by: By = "",
) -> None:
    """An order waits until ops release it; nothing of it is packed or booked meanwhile.

    It is asked like any command of an order: `ocop trace` shows what became of it.
    """
    typer.echo(f"asked as command {command(order_id, 'hold', by, why)}")
