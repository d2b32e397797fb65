"""What commands of operators share: who speaks, and one durable record."""

import asyncio
import getpass
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated

import orjson
import typer

from schemas.catalogue import ORDER_RECEIVED
from schemas.ids import order_channel_key
from schemas.topics import Topic
from services.errors import OperatorError
from services.kafka.appender import Appender, NotAppended
from services.settings import Settings, read_settings

OPS = "ops:"

By = Annotated[str, typer.Option(help="Who says so; your login if left out.")]
Why = Annotated[str, typer.Option(help="Kept for good. Never a buyer's name or phone.")]
AsJson = Annotated[bool, typer.Option("--json", help="For a script.")]

ORDER_PARTS = 3


def operator(by: str) -> str:
    """The actor that is written down: `ops:lan`."""
    return OPS + (by or getpass.getuser()).removeprefix(OPS)


async def append(
    settings: Settings, topic: Topic, key: str, value: bytes, headers: Mapping[str, str]
) -> None:
    """Append one record of ours. Raises OperatorError if it is not durable."""
    appender = Appender(settings.kafka, "ocop-ops")
    ours = {
        "ce_specversion": "1.0",
        "ce_id": str(uuid.uuid4()),
        "ce_type": topic.name,
        "ce_source": "/ocop/ops",
        "ce_time": datetime.now(UTC).isoformat(),
        "content-type": "application/json",
        **headers,
    }
    try:
        await appender.append(topic, key, value, ours)
    except NotAppended as error:
        raise OperatorError(f"Kafka at {settings.kafka} did not take it: {error}.") from error
    finally:
        await appender.stop()


def command(order_id: str, kind: str, by: str, why: str) -> str:
    """Ask for a change of an order as its channel's payloads come in; returns the command's id."""
    if len(order_id.split(":")) != ORDER_PARTS:
        raise OperatorError(f"{order_id} is no order: use channel:seller:number.")
    command_id = str(uuid.uuid4())
    value = {"order_id": order_id, "why": why, "at": datetime.now(UTC).isoformat()}
    headers = {
        "ocop_channel": order_id.partition(":")[0],
        "ocop_kind": kind,
        "ocop_command_id": command_id,
        "ocop_actor": operator(by),
    }
    key = order_channel_key(order_id)
    asyncio.run(append(read_settings(), ORDER_RECEIVED, key, orjson.dumps(value), headers))
    return command_id
