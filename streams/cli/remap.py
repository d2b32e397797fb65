"""`ocop remap`."""

import asyncio
import getpass
from typing import Annotated

import orjson
import typer
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from services.errors import OperatorError
from services.reference.status_map import read_status_map
from services.settings import read_settings
from services.store.pool import READER_SESSION, open_pool
from streams.remap import Effect, Remap
from streams.runtime.failures import PublishFailed
from streams.runtime.publisher import KafkaPublisher

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(epilog="Example: ocop remap --carrier viettelpost --to v2 --dry-run")
def remap(
    *,
    carrier: Annotated[str, typer.Option(help="Whose events to read again.")],
    to: Annotated[str, typer.Option(help="The version of its map, such as v2.")],
    why: Annotated[str, typer.Option(help="Kept with the change.")] = "",
    by: Annotated[str, typer.Option(help="Who asks; your login if left out.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would change.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For a script.")] = False,
) -> None:
    """Read a carrier's history with another version of its status map, and all that comes.

    It may be stopped and asked again: it goes on where it was. Nothing of the log is changed; what
    differs is told as corrections, and figures of closed months get a new revision.
    """
    if not why and not dry_run:
        raise OperatorError("Say why with --why: it is kept with the change.")
    effect = asyncio.run(work(carrier, to, by or getpass.getuser(), why, dry_run=dry_run))
    if as_json:
        typer.echo(orjson.dumps(effect.document()))
    else:
        show(effect, dry_run=dry_run)


async def work(carrier: str, to: str, by: str, why: str, *, dry_run: bool) -> Effect:
    """Look, or look and ask, with a bar on the error stream."""
    settings = read_settings()
    pool = await open_pool(
        settings.database, application_name="ocop-remap", size=2, session=READER_SESSION
    )
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    async with pool:
        with Progress(*columns, console=Console(stderr=True)) as bars:
            bar = bars.add_task(f"{carrier}'s numbers", total=None)
            job = Remap(
                pool,
                read_status_map(),
                carrier,
                to,
                lambda done, total: bars.update(bar, completed=done, total=total),
            )
            if dry_run:
                return await job.look()
            publisher = KafkaPublisher(settings.kafka, "ocop-remap")
            try:
                return await job.run(publisher, by, why)
            except (KafkaError, PublishFailed) as error:
                message = f"Kafka at {settings.kafka} did not take it: {error}. Ask again to go on."
                raise OperatorError(message) from error
            finally:
                await publisher.close()


def show(effect: Effect, *, dry_run: bool) -> None:
    """What changes, for a person."""
    console = Console()
    verb = "would change" if dry_run else "change"
    console.print(
        f"{effect.carrier} {effect.was} → {effect.to}: {effect.events:,} events of "
        f"{effect.numbers:,} numbers are read anew; {len(effect.references):,} parcels of "
        f"{len(effect.orders):,} orders {verb}",
        highlight=False,
    )
    if effect.months:
        console.print(f"figures of {', '.join(sorted(effect.months))} get a new revision")
    table = Table("was", "becomes", "parcels")
    for (was, now), count in sorted(effect.states.items()):
        table.add_row(was, now, f"{count:,}")
    if effect.states:
        console.print(table)
    if not dry_run:
        console.print(f"{effect.asked:,} requests sent; `ocop lag` tells when they are done")
