"""`ocop simulate`."""

import asyncio
from typing import Annotated

import typer
from rich.console import Console

from services.sandbox.month.run import DAY_S, Progress
from services.settings import Settings, read_settings
from streams import month

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(epilog="Example: ocop up && ocop simulate --orders 200")
def simulate(
    *,
    orders: Annotated[int | None, typer.Option(help="Only the first so many orders.")] = None,
    seed: Annotated[int, typer.Option(help="Of everything left to chance.")] = 0,
    day_s: Annotated[float, typer.Option(help="Real seconds a day of the month takes.")] = DAY_S,
    repeat: Annotated[float, typer.Option(help="Share of requests sent twice.")] = 0.0,
) -> None:
    """Send the sample month like its channels, pack like its stations, regret like its buyers.

    Needs a running system (`ocop up`). The first time, everybody joins: the sample registry is
    loaded and keys are issued, kept in .ocop/sample-keys.json. Sending the same orders again is
    harmless: they are known.
    """
    settings = read_settings()
    console = Console(stderr=True)
    progress = asyncio.run(play(settings, console, orders, seed, day_s, repeat))
    told = ", ".join(f"{count} × {status}" for status, count in sorted(progress.answers.items()))
    console.print(
        f"{progress.sent} sent, {progress.packed} shipments packed, "
        f"{progress.repeats} requests repeated; answers: {told}"
    )


async def play(  # noqa: PLR0917 - the command's options
    settings: Settings,
    console: Console,
    orders: int | None,
    seed: int,
    day_s: float,
    repeat: float,
) -> Progress:
    """Join if nobody has yet, then run the month."""
    keys = month.kept_keys(settings)
    if keys is None:
        console.print("registering sellers, channels and carriers, and issuing their keys")
        keys = await month.join(settings)
    return await month.run(
        settings, keys, console, orders=orders, seed=seed, day_s=day_s, repeat=repeat
    )
