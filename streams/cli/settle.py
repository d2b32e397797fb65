"""`ocop settle`."""

import asyncio
from pathlib import Path
from typing import Annotated, Literal

import orjson
import typer
from aiokafka.errors import KafkaError

from services.errors import OperatorError
from services.settings import Settings, read_settings
from services.settlement.columns import MAPS, NEUTRAL, ColumnMap, MapInvalid, read_map
from services.settlement.file import Import, Statement, StatementUnreadable, read_statement
from services.store.pool import READER_SESSION, open_pool
from streams.cli.saying import AsJson, By, operator
from streams.runtime.failures import PublishFailed
from streams.runtime.publisher import KafkaPublisher
from streams.settling import Imported, import_statement

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

PaidTo = Literal["programme", "seller"]


@app.command(epilog="Example: ocop settle bang-ke.csv --carrier viettelpost --map columns.toml")
def settle(
    file: Annotated[Path, typer.Argument(help="The carrier's statement, CSV.")],
    *,
    carrier: Annotated[str, typer.Option(help="Whose statement it is.")],
    layout: Annotated[
        str,
        typer.Option(
            "--map", help="A column map (TOML), or the name of a sample; default: our neutral CSV."
        ),
    ] = "",
    paid_to: Annotated[
        str, typer.Option(help="programme, or seller if the carrier paid the sellers' accounts.")
    ] = "programme",
    by: By = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only read the file.")] = False,
    as_json: AsJson = False,
) -> None:
    """Import a carrier's statement: each line is matched to its parcel, every bad row is named.

    Importing a file twice has no effect. Exit code 1 if a row could not be taken.
    """
    if paid_to not in ("programme", "seller"):
        raise OperatorError("--paid-to is programme or seller.")
    to: PaidTo = "seller" if paid_to == "seller" else "programme"
    wanted = Import(carrier, column_map(layout), operator(by), to)
    try:
        statement = read_statement(file.read_bytes(), wanted)
    except (OSError, StatementUnreadable) as error:
        raise OperatorError(f"{file} cannot be read: {error}.") from error
    if dry_run:
        imported = Imported(statement.rows, errors=[str(error) for error in statement.errors])
    else:
        imported = asyncio.run(work(read_settings(), carrier, statement))
    if as_json:
        typer.echo(orjson.dumps(imported.document()))
    else:
        show(imported, file)
    if imported.errors:
        raise typer.Exit(1)


def column_map(name: str) -> ColumnMap:
    """The map of a path or a sample's name. Raises OperatorError."""
    if not name:
        return NEUTRAL
    path = MAPS / f"{name}.toml"
    try:
        return read_map(path if path.exists() else Path(name))
    except MapInvalid as invalid:
        raise OperatorError(f"{invalid}.") from invalid


async def work(settings: Settings, carrier: str, statement: Statement) -> Imported:
    """Send the lines and see what becomes of them."""
    pool = await open_pool(
        settings.database, application_name="ocop-settle", size=2, session=READER_SESSION
    )
    publisher = KafkaPublisher(settings.kafka, "ocop-settle")
    try:
        return await import_statement(pool, publisher, carrier, statement)
    except (KafkaError, PublishFailed) as error:
        raise OperatorError(f"Kafka at {settings.kafka} did not do it: {error}.") from error
    finally:
        await publisher.close()
        await pool.close()


def show(imported: Imported, file: Path) -> None:
    """What became of the file, for a person."""
    typer.echo(f"{imported.rows} rows, {imported.sent} lines sent, {imported.known} known before")
    for state, count in sorted(imported.outcomes.items()):
        typer.echo(f"  {count:>6} {state}")
    for name, count in sorted(imported.noted.items()):
        typer.echo(f"  {count:>6} {name}: see ocop cod exceptions")
    if imported.pending:
        typer.echo(f"{imported.pending} lines are still on their way")
    for error in imported.errors:
        typer.echo(f"{file.name}:{error}", err=True)
