"""`ocop lag`."""

import asyncio
from collections import defaultdict
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.table import Table

from services.errors import OperatorError
from services.settings import read_settings
from services.store.channels import Age, read_ages
from services.store.pool import READER_SESSION, open_pool
from streams.runtime.failures import LogUnavailable
from streams.runtime.kafka_log import KafkaLog
from streams.runtime.lag import Lag, read_lag
from streams.topology import stages_now

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(epilog="Example: ocop lag --json | jq 'map(.records) | add'")
def lag(
    *, as_json: Annotated[bool, typer.Option("--json", help="A row a partition.")] = False
) -> None:
    """Show how far each stage is behind: records not settled, and the age of the oldest.

    Below that, for channels we ask for orders: how long ago all their shops were looked through.
    """
    rows = asyncio.run(measure())
    if as_json:
        typer.echo(orjson.dumps([asdict(row) for row in rows]))
        return
    table = Table("stage", "topic", "records", "seconds", "partitions behind")
    for (stage, topic), parts in by_topic(rows).items():
        behind = [part for part in parts if part.records]
        table.add_row(
            stage,
            topic,
            str(sum(part.records for part in parts)),
            f"{max(part.seconds for part in parts):.1f}",
            ", ".join(str(part.partition) for part in behind),
        )
    Console().print(table)
    channels = asyncio.run(ages_of_channels())
    if channels:
        polled = Table("channel", "shops", "failing", "seconds since all were looked through")
        for row in channels:
            polled.add_row(row.channel, str(row.shops), str(row.failing), f"{row.age_s:.0f}")
        Console().print(polled)


async def ages_of_channels() -> list[Age]:
    """How long ago each channel's shops were looked through: a lag of its own."""
    pool = await open_pool(
        read_settings().database, application_name="ocop-lag", size=1, session=READER_SESSION
    )
    async with pool:
        return await read_ages(pool)


async def measure() -> list[Lag]:
    """The lag of every stage of the flow."""
    settings = read_settings()
    pool = await open_pool(
        settings.database, application_name="ocop-lag", size=2, session=READER_SESSION
    )
    try:
        stages = await stages_now(pool)
        return await read_lag(pool, KafkaLog(settings.kafka, "ocop-lag"), stages, datetime.now(UTC))
    except LogUnavailable as error:
        raise OperatorError(
            f"Kafka at {settings.kafka} did not tell where its logs end ({error}): "
            "is it running, and were the topics created (ocop topics)?"
        ) from error
    finally:
        await pool.close()


def by_topic(rows: list[Lag]) -> dict[tuple[str, str], list[Lag]]:
    """A stage's partitions of a topic together."""
    together: dict[tuple[str, str], list[Lag]] = defaultdict(list)
    for row in rows:
        together[row.stage, row.topic].append(row)
    return together
