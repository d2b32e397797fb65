"""Orders of a file into the raw topic, as the gateway would put them there."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from schemas.catalogue import ORDER_RECEIVED
from schemas.event import EVENT_NAMESPACE
from schemas.ids import channel_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from services.channels.files.rows import Ready
    from services.kafka.appender import Appender

AT_ONCE: Final = 64


async def send_ready(
    appender: Appender, channel: str, ready: Sequence[Ready], told: Callable[[int], None]
) -> None:
    """Append every order durably; `told` is called with how many more are.

    Raises NotAppended when the log does not confirm: what was sent is known when sent again.
    """
    for start in range(0, len(ready), AT_ONCE):
        some = ready[start : start + AT_ONCE]
        await asyncio.gather(*(_send(appender, channel, one) for one in some))
        told(len(some))


async def _send(appender: Appender, channel: str, one: Ready) -> None:
    key = channel_key(channel, one.payload.channel_order_no)
    await appender.append(ORDER_RECEIVED, key, one.raw, _headers(channel, one))


def _headers(channel: str, one: Ready) -> Mapping[str, str]:
    """The id follows from the content: the same file gives the same records."""
    name = f"import|{channel}|{one.payload.channel_order_no}|v{one.payload.version}|".encode()
    record_id = str(uuid.uuid5(EVENT_NAMESPACE, (name + one.raw).hex()))
    return {
        "ce_specversion": "1.0",
        "ce_id": record_id,
        "ce_type": ORDER_RECEIVED.name,
        "ce_source": "/ocop/import",
        "ce_time": datetime.now(UTC).isoformat(),
        "content-type": "application/json",
        "ocop_channel": channel,
        "ocop_kind": "order",
        "ocop_command_id": record_id,
        "ocop_actor": f"channel:{channel}",
    }
