"""`ocop dead`."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import orjson
import typer
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.table import Table

from services.errors import OperatorError
from services.settings import Settings, read_settings
from services.store.pool import READER_SESSION, open_pool
from streams.runtime import replay as letters
from streams.runtime.failures import PublishFailed
from streams.runtime.publisher import KafkaPublisher
from streams.runtime.replay import Wanted
from streams.runtime.stage import Record

if TYPE_CHECKING:
    from streams.runtime.ports import Pool

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="List, show and replay dead letters.",
)

T = TypeVar("T")

Topic = Annotated[str | None, typer.Option(help="Only of this topic.")]
Stage = Annotated[str | None, typer.Option(help="Only of this stage.")]
Code = Annotated[str | None, typer.Option(help="Only with this code.")]
AsJson = Annotated[bool, typer.Option("--json", help="For a script.")]


@app.command("list", epilog="Example: ocop dead list --topic order.received.v1 --all")
def list_(
    *,
    topic: Topic = None,
    stage: Stage = None,
    code: Code = None,
    everything: Annotated[bool, typer.Option("--all", help="Replayed ones too.")] = False,
    limit: Annotated[int, typer.Option(help="At most so many, the newest.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List dead letters: where they came from and why they died. Holds no personal data."""
    wanted = Wanted(topic, code=code, stage=stage, again=everything, limit=limit)
    rows = run(lambda _, pool: letters.find_letters(pool, wanted))
    if as_json:
        typer.echo(orjson.dumps([dict(row) for row in rows]))
        return
    table = Table("died at", "stage", "topic", "partition", "offset", "code", "reason", "replayed")
    for row in rows:
        table.add_row(
            f"{row['at']:%Y-%m-%d %H:%M:%S}",
            row["stage"],
            row["topic"],
            str(row["partition"]),
            str(row["offset"]),
            row["code"],
            row["reason"],
            f"{row['replayed_at']:%Y-%m-%d %H:%M:%S}" if row["replayed_at"] else "",
        )
    Console().print(table)


@app.command(epilog="Example: ocop dead show order.received.v1 3 1207")
def show(topic: str, partition: int, offset: int) -> None:
    """Print one letter whole, as JSON. It may hold a buyer's data: mind where you paste it."""
    wanted = Wanted(topic, partition, offset, again=True)
    found = run(lambda settings, pool: _read(settings, pool, wanted))
    if not found:
        raise OperatorError(f"There is no dead letter of {topic}, partition {partition}, {offset}.")
    for record in found:
        typer.echo(orjson.dumps(as_json_values(record), option=orjson.OPT_INDENT_2))


@app.command(epilog="Example: ocop dead replay --topic order.received.v1 --code undecodable")
def replay(
    *,
    topic: Topic = None,
    stage: Stage = None,
    code: Code = None,
    partition: Annotated[int | None, typer.Option(help="Only of this partition.")] = None,
    offset: Annotated[int | None, typer.Option(help="Only the one at this offset.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every open letter.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send letters to their topics again, marked with the header `ocop_replay`."""
    wanted = Wanted(topic, partition, offset, code, stage)
    if wanted == Wanted() and not everything:
        raise OperatorError("Say which letters: by topic, stage, code, or --all.")
    result = run(lambda settings, pool: _replay(settings, pool, wanted))
    if as_json:
        typer.echo(orjson.dumps(result))
        return
    typer.echo(f"{result['replayed']} sent again")
    if result["gone"]:
        typer.echo(f"{result['gone']} are past their topic's retention and cannot be sent")


async def _read(settings: Settings, pool: "Pool", wanted: Wanted) -> list[Record]:
    rows = await letters.find_letters(pool, wanted)
    return [record async for record in letters.read_letters(settings.kafka, rows)]


async def _replay(settings: Settings, pool: "Pool", wanted: Wanted) -> dict[str, int]:
    rows = await letters.find_letters(pool, wanted)
    publisher = KafkaPublisher(settings.kafka, "ocop-dead")
    try:
        sent = await letters.replay(settings.kafka, pool, publisher, rows, datetime.now(UTC))
    finally:
        await publisher.close()
    places = {(row["topic"], row["partition"], row["offset"]) for row in rows}
    return {"replayed": sent, "gone": len(places) - sent}


def as_json_values(record: Record) -> dict[str, Any]:
    """A record with its bytes as text."""
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp_ms": record.timestamp_ms,
        "key": text(record.key),
        "headers": {name: text(value) for name, value in record.headers},
        "value": text(record.value),
    }


def text(raw: bytes | None) -> str | None:
    """Bytes for a person to read; what is no UTF-8 is shown escaped."""
    return None if raw is None else raw.decode("utf-8", "backslashreplace")


def run(work: Callable[[Settings, "Pool"], Awaitable[T]]) -> T:
    """Run with the configured servers; says plainly when one of them is away."""

    async def inside() -> T:
        settings = read_settings()
        pool = await open_pool(
            settings.database, application_name="ocop-dead", size=2, session=READER_SESSION
        )
        try:
            return await work(settings, pool)
        except (KafkaError, PublishFailed) as error:
            raise OperatorError(f"Kafka at {settings.kafka} did not do it: {error}.") from error
        finally:
            await pool.close()

    return asyncio.run(inside())
