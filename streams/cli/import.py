"""`ocop import`."""

# ruff: noqa: N999 - the command is named import; nothing imports it by statement

import asyncio
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from services.channels.files.complaint import FileRefused
from services.channels.files.reading import read_order_file, without_unknown_shops
from services.channels.files.report import write_report
from services.channels.files.rows import FileRead
from services.errors import OperatorError
from services.settings import Settings, read_settings
from services.store.pool import READER_SESSION, open_pool
from services.store.shops import shop_names

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

SHOWN = 50


class FileChannel(StrEnum):
    """Channels whose orders may come as files."""

    POSTMART = "postmart"
    VOSO = "voso"


@app.command("import", epilog="Example: ocop import voso-20261001-1.jsonl --channel voso --check")
def import_(
    file: Annotated[Path, typer.Argument(help="<channel>-<yyyymmdd>-<seq>.jsonl or .csv")],
    *,
    channel: Annotated[FileChannel, typer.Option(help="Whose orders they are.")],
    check: Annotated[bool, typer.Option("--check", help="Send nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For a script.")] = False,
) -> None:
    """Take a file of orders in: every row is checked, good orders are sent, bad ones are named.

    JSON lines are `ocop.order/1`, one order a line, and a last object
    {"format":"ocop.order/1","lines":N}. CSV has one row a line of an order; its columns are in
    services/channels/files/table.py. What is wrong also stands in FILE.errors.csv. Orders that
    were taken before are known: a file may be imported again after it was mended.
    """
    read = read_whole(file, channel)
    settings = read_settings()
    read = asyncio.run(_without_unknown(read, settings, channel))
    if not check:
        _send(read, settings, channel)
    report = write_report(file, read.complaints)
    tell(read, report, sent=not check, as_json=as_json)
    if read.complaints:
        raise typer.Exit(1)


def read_whole(file: Path, channel: str) -> FileRead:
    """The file's orders and what is wrong with them. Raises OperatorError if it is no such file."""
    try:
        return read_order_file(file, channel)
    except FileRefused as refused:
        raise OperatorError(f"Nothing was sent. {refused}") from refused
    except OSError as error:
        raise OperatorError(f"{file} cannot be read: {error.strerror}.") from error


async def _without_unknown(read: FileRead, settings: Settings, channel: str) -> FileRead:
    pool = await open_pool(
        settings.database, application_name="ocop-import", size=1, session=READER_SESSION
    )
    async with pool, pool.acquire() as connection:
        return without_unknown_shops(read, await shop_names(connection, channel))


def _send(read: FileRead, settings: Settings, channel: str) -> None:
    columns = TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("orders sent", total=len(read.ready))
        sent = 0

        def told(more: int) -> None:
            nonlocal sent
            sent += more
            progress.update(task, completed=sent)

        asyncio.run(_append(read, settings, channel, told))


async def _append(
    read: FileRead, settings: Settings, channel: str, told: Callable[[int], None]
) -> None:
    from services.channels.files.sending import send_ready
    from services.kafka.appender import Appender, NotAppended

    appender = Appender(settings.kafka, "ocop-import")
    try:
        await send_ready(appender, channel, read.ready, told)
    except NotAppended as error:
        raise OperatorError(
            f"Kafka did not confirm every order: {error}. Import the file again: orders that were "
            "taken are known."
        ) from error
    finally:
        await appender.stop()


def tell(read: FileRead, report: Path | None, *, sent: bool, as_json: bool) -> None:
    """Print what became of the file."""
    if as_json:
        told = {
            "rows": read.rows,
            "orders": len(read.ready),
            "sent": len(read.ready) if sent else 0,
            "repeated": read.repeated,
            "errors": [one.as_row() for one in read.complaints],
            "report": str(report) if report else None,
        }
        typer.echo(orjson.dumps(told))
        return
    typer.echo(
        f"{read.rows} rows: {len(read.ready)} orders {'sent' if sent else 'are good'}, "
        f"{read.repeated} repeated, {len(read.complaints)} errors"
    )
    if not read.complaints:
        return
    table = Table("line", "column", "problem", "what to do")
    for one in read.complaints[:SHOWN]:
        table.add_row(str(one.line), one.column, one.problem, one.advice)
    Console().print(table)
    typer.echo(f"All {len(read.complaints)} stand in {report}")
