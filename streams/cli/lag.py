"""`ocop lag`."""

import asyncio
from collections.abc import Iterable
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.table import Table

from services.settings import read_settings
from streams.lag import Lag, measure

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(epilog="Example: ocop lag --json")
def lag(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Every partition, for a script.")] = False,
) -> None:
    """Show how far each stage is behind, in records and in seconds, topic by topic."""
    rows = asyncio.run(measure(read_settings()))
    if as_json:
        typer.echo(orjson.dumps([row._asdict() for row in rows]))
    else:
        Console().print(picture(rows))


def picture(rows: Iterable[Lag]) -> Table:
    """One line a stage and topic: all records that wait, and the longest wait."""
    records: dict[tuple[str, str], int] = {}
    seconds: dict[tuple[str, str], float] = {}
    for row in rows:
        place = (row.stage, row.topic)
        records[place] = records.get(place, 0) + row.records
        seconds[place] = max(seconds.get(place, 0.0), row.seconds)
    table = Table("stage", "topic", title="Lag")
    table.add_column("records", justify="right")
    table.add_column("seconds", justify="right")
    for (stage, topic), count in records.items():
        table.add_row(stage, topic, f"{count:,}", f"{seconds[stage, topic]:.1f}")
    return table
