"""`ocop topics`."""

import asyncio
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from schemas.catalogue import TOPICS
from schemas.topics import Topic
from services.kafka.admin import ensure_topics
from services.registry.partners import read_publishers
from services.settings import Settings, read_settings
from services.store.pool import READER_SESSION, open_pool

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(epilog="Example: ocop topics --list --json")
def topics(
    *,
    only_list: Annotated[bool, typer.Option("--list", help="Show the catalogue.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For a script.")] = False,
) -> None:
    """Create the topics of the catalogue and of partners, each with its dead-letter topic.

    A topic that exists with another number of partitions is an error, and nothing is changed.
    """
    if only_list:
        show(as_json=as_json)
        return
    settings = read_settings()
    made = list(asyncio.run(ensure_topics(settings.kafka, TOPICS, settings.durability)))
    partners = asyncio.run(partner_topics(settings))
    made += asyncio.run(ensure_topics(settings.kafka, partners, settings.durability))
    if as_json:
        typer.echo(orjson.dumps({"created": made}))
        return
    for name in made:
        typer.echo(f"created {name}")
    typer.echo(f"{len(made)} created, {2 * len(TOPICS + partners) - len(made)} were there")


async def partner_topics(settings: Settings) -> tuple[Topic, ...]:
    """The topics of partners that publish to Kafka, as the registry names them."""
    pool = await open_pool(
        settings.database, application_name="ocop-topics", size=1, session=READER_SESSION
    )
    async with pool:
        return tuple(one.topic for one in await read_publishers(pool))


def show(*, as_json: bool) -> None:
    """Print the catalogue."""
    rows = [row_of(topic) for topic in TOPICS]
    if as_json:
        typer.echo(orjson.dumps(rows))
        return
    table = Table("topic", "key", "partitions", "kept", "personal data", "purpose")
    for row in rows:
        table.add_row(
            row["name"],
            row["key"],
            str(row["partitions"]),
            "compacted" if row["compacted"] else f"{row['retention_h'] // 24} d",
            "yes" if row["personal_data"] else "",
            row["purpose"],
        )
    Console().print(table)


def row_of(topic: Topic) -> dict[str, Any]:
    """A topic's row as plain values; `event` is the name of its model, None for raw bytes."""
    return {
        "name": topic.name,
        "key": topic.key,
        "event": topic.event.__name__ if topic.event else None,
        "partitions": topic.partitions,
        "retention_h": topic.retention_h,
        "compacted": topic.compacted,
        "personal_data": topic.personal_data,
        "purpose": topic.purpose,
    }
