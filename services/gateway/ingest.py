"""From a request to a durable record: the only thing a write request does."""

from __future__ import annotations

import secrets
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from services.gateway.problems import not_durable
from services.kafka.appender import Appender, NotAppended

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import Request

    from schemas.topics import Topic


class Ingest:
    """Appends raw bodies to ingest topics with CloudEvents and trace headers."""

    def __init__(self, appender: Appender) -> None:
        self._appender = appender

    async def append(
        self, topic: Topic, key: str, raw: bytes, ours: Mapping[str, str], traceparent: str | None
    ) -> str:
        """Append and return the record's id (`ce_id`), the id a command is known by.

        Raises:
            Problem: 503 with Retry-After when the append was not confirmed.
        """
        record_id = ours.get("ocop_command_id") or str(uuid.uuid4())
        headers = {
            "ce_specversion": "1.0",
            "ce_id": record_id,
            "ce_type": topic.name,
            "ce_source": "/ocop/gateway",
            "ce_time": datetime.now(UTC).isoformat(),
            "content-type": "application/json",
            "traceparent": traceparent or new_trace(),
            **ours,
        }
        try:
            await self._appender.append(topic, key, raw, headers)
        except NotAppended as error:
            raise not_durable() from error
        return record_id


def trace_of(request: Request) -> str | None:
    """The caller's W3C trace context, if it sent a plausible one."""
    sent = request.headers.get("traceparent", "")
    return sent if len(sent) == len(new_trace()) and sent.startswith("00-") else None


def new_trace() -> str:
    """A W3C trace context that starts here."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
