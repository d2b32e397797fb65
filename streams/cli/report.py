"""`ocop report`."""

import asyncio
import csv
import re
import sys
from typing import Annotated

import orjson
import typer
from rich.console import Console

from services.errors import OperatorError
from services.reference.place_tables import read_place_tables
from services.report.month import Month, read_month
from services.report.rows import BYS, By, document, flat, rows
from services.report.table import details, overview
from services.settings import read_settings
from services.store.pool import READER_SESSION, open_pool

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

WIDTH = 132
MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


@app.command(epilog="Examples: ocop report 2026-10 · ocop report 2026-10 --by carrier --json")
def report(
    month: Annotated[str, typer.Argument(help="YYYY-MM, by Vietnam's calendar.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="For a script.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="For a spreadsheet.")] = False,
    by: Annotated[
        str | None, typer.Option(help="province, carrier, channel, group or star.")
    ] = None,
    revision: Annotated[int | None, typer.Option(help="The month as this revision had it.")] = None,
) -> None:
    """Show a month's throughput. JSON and CSV have every dimension, unless one is asked for."""
    if not MONTH.fullmatch(month):
        raise OperatorError(f"'{month}' is not a month: write it like 2026-10.")
    chosen = dimension(by)
    found = asyncio.run(read(month, revision))
    provinces = read_place_tables().provinces
    if as_json:
        typer.echo(orjson.dumps(document(found, provinces, chosen)))
    elif as_csv:
        write_csv(found, chosen)
    else:
        console = Console()
        if not console.is_terminal:  # a file or a pipe has no width of its own
            console = Console(width=WIDTH)
        console.print(overview(found, chosen or "province", provinces))
        console.print(details(found))


def dimension(by: str | None) -> By | None:
    """The dimension of that name. Raises OperatorError for any other."""
    known: dict[str, By] = {name: name for name in BYS}
    if by is not None and by not in known:
        raise OperatorError(f"'{by}' is not a dimension: choose from {', '.join(BYS)}.")
    return known[by] if by else None


async def read(month: str, revision: int | None) -> Month:
    """The month, from the database."""
    pool = await open_pool(
        read_settings().database, application_name="ocop-report", size=1, session=READER_SESSION
    )
    async with pool, pool.acquire() as connection:
        return await read_month(connection, month, revision)


def write_csv(month: Month, by: By | None) -> None:
    """One line a row, to standard output."""
    lines = [flat(row) for row in rows(month, read_place_tables().provinces, by)]
    if lines:
        writer = csv.DictWriter(sys.stdout, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)
