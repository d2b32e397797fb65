"""`ocop oddities`."""

import asyncio
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from services.settings import read_settings
from services.store.oddities import oddities as read_oddities
from services.store.pool import READER_SESSION, open_pool
from streams.cli.saying import AsJson

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(epilog="Example: ocop oddities --carrier viettelpost")
def oddities(
    *,
    carrier: Annotated[str | None, typer.Option(help="Only of this one.")] = None,
    as_json: AsJson = False,
) -> None:
    """Count what is odd about carriers' events, and which parcels are late, delayed or silent.

    Unknown codes and numbers, impossible sequences, clocks that run ahead: nothing is guessed away.
    """
    rows = asyncio.run(work(carrier))
    if as_json:
        typer.echo(orjson.dumps(rows))
        return
    table = Table("carrier", "what", "", "count", "for example")
    for row in rows:
        table.add_row(row["carrier"], row["kind"], row["what"], f"{row['count']:,}", row["example"])
    Console().print(table)


async def work(carrier: str | None) -> list[dict[str, Any]]:
    """The rows from the configured database."""
    pool = await open_pool(
        read_settings().database, application_name="ocop-oddities", size=1, session=READER_SESSION
    )
    async with pool, pool.acquire() as connection:
        return await read_oddities(connection, carrier)
