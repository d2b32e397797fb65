"""`ocop registry`."""

import asyncio
from pathlib import Path
from typing import Annotated

import orjson
import typer

from services.errors import OperatorError
from services.registry.load import RegistryInvalid, load_registry, read_registry
from services.sandbox.sample import FOLDER
from services.settings import read_settings
from services.store.pool import READER_SESSION, open_pool
from services.store.s10_numbers import open_range

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Load sellers, origins, shops, products, listings, certificates and partners from CSV files.",
)

Folder = Annotated[Path, typer.Argument(help="Holds sellers.csv, products.csv, …")]
AsJson = Annotated[bool, typer.Option("--json", help="For a script.")]


@app.command(epilog="Example: ocop registry check ./my-registry")
def check(folder: Folder = FOLDER) -> None:
    """Read the files and name every row that cannot be loaded. Writes nothing."""
    try:
        tables = read_registry(folder)
    except RegistryInvalid as invalid:
        refuse(invalid)
    except FileNotFoundError as missing:
        raise OperatorError(f"{missing}.") from missing
    else:
        for kind, rows in tables:
            typer.echo(f"{kind.table}: {len(rows)} rows can be loaded")


@app.command(epilog="Example: ocop registry load ./my-registry")
def load(folder: Folder = FOLDER, *, as_json: AsJson = False) -> None:
    """Load the files, new rows and changed ones, all or nothing. Default: the sample registry."""

    async def work() -> dict[str, int]:
        pool = await open_pool(
            read_settings().database,
            application_name="ocop-registry",
            size=1,
            session=READER_SESSION,
        )
        async with pool, pool.acquire() as connection:
            return await load_registry(connection, folder)

    try:
        counts = asyncio.run(work())
    except RegistryInvalid as invalid:
        refuse(invalid)
    except FileNotFoundError as missing:
        raise OperatorError(f"{missing}.") from missing
    else:
        if as_json:
            typer.echo(orjson.dumps(counts))
        for table, rows in counts.items() if not as_json else ():
            typer.echo(f"{table}: {rows} rows")


@app.command("range", epilog="Example: ocop registry range EA 1000000 1999999")
def range_(
    indicator: Annotated[str, typer.Argument(help="Two letters: EA to EZ for EMS.")],
    first: Annotated[int, typer.Argument(help="The first serial, without its check digit.")],
    last: Annotated[int, typer.Argument(help="The last serial.")],
) -> None:
    """Take on a range of S10 numbers that the operator assigned to us."""

    async def work() -> None:
        pool = await open_pool(
            read_settings().database,
            application_name="ocop-registry",
            size=1,
            session=READER_SESSION,
        )
        async with pool, pool.acquire() as connection:
            await open_range(connection, indicator.upper(), first, last)

    asyncio.run(work())
    typer.echo(f"{indicator.upper()}: {last - first + 1} numbers")


def refuse(invalid: RegistryInvalid) -> None:
    """Print every bad row and end with exit code 1."""
    for error in invalid.errors:
        typer.echo(str(error), err=True)
    raise OperatorError(f"{len(invalid.errors)} rows cannot be loaded; nothing was written.")
