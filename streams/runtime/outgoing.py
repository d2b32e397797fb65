"""Outputs as they go over the wire and as the checkpoint keeps them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from uuid import NAMESPACE_OID, uuid5

import msgpack

from streams.runtime.failures import OutputTooLarge

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from uuid import UUID

    from schemas.event import Event
    from schemas.topics import Topic
    from streams.runtime.stage import Forward, Output, Record

FRAMING: Final = 1024
"""Bytes we leave for the broker's own framing when we compare a record with its topic's limit."""

TRACE_VERSION: Final = "00"
SAMPLED: Final = "01"
TRACEPARENT_PARTS: Final = 4


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One record to publish. `partition` None: the one its key belongs to."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    partition: int | None = None

    @property
    def size(self) -> int:
        """Bytes of key, value and headers."""
        headers = sum(len(name) + len(value) for name, value in self.headers)
        return len(self.key or b"") + len(self.value or b"") + headers


def outgoing(output: Output, stage: str, catalogue: Mapping[str, Topic]) -> Outgoing:
    """The record of an output: its event as JSON, CloudEvents headers (binary mode), its trace.

    Raises KeyError for a topic that is not in the catalogue, OutputTooLarge over its limit.
    """
    event = output.event
    topic = catalogue[event.topic_name]
    event_id = event.event_id  # a hash: made once
    headers = cloud_event_headers(event, stage, event_id)
    record = Outgoing(
        topic.name,
        event.key.encode(),
        event.model_dump_json().encode(),
        (*headers, ("traceparent", _trace(event_id, output.cause))),
    )
    return within(record, topic.max_bytes)


def forwarded(forward: Forward, stage: str) -> Outgoing:
    """The record of a forward: its bytes, CloudEvents headers, its trace.

    Raises OutputTooLarge over its topic's limit.
    """
    cause = forward.cause
    event_id = uuid5(NAMESPACE_OID, f"{cause.topic}/{cause.partition}/{cause.offset}")
    written_at = datetime.fromtimestamp(cause.timestamp_ms / 1000, UTC)
    headers = (
        ("ce_specversion", b"1.0"),
        ("ce_id", str(event_id).encode()),
        ("ce_type", forward.topic.name.encode()),
        ("ce_source", f"/ocop/{stage}".encode()),
        ("ce_time", written_at.isoformat().encode()),
        ("content-type", b"application/json"),
        ("traceparent", _trace(event_id, cause)),
        *forward.headers,
    )
    record = Outgoing(forward.topic.name, forward.key.encode(), forward.value, headers)
    return within(record, forward.topic.max_bytes)


def within(record: Outgoing, max_bytes: int) -> Outgoing:
    """The record itself, or OutputTooLarge."""
    if record.size > max_bytes - FRAMING:
        raise OutputTooLarge(f"{record.topic}: {record.size} bytes, at most {max_bytes - FRAMING}")
    return record


def cloud_event_headers(
    event: Event, source: str, event_id: UUID | None = None
) -> tuple[tuple[str, bytes], ...]:
    """CloudEvents 1.0, Kafka protocol binding, binary content mode (section 3.2)."""
    return (
        ("ce_specversion", b"1.0"),
        ("ce_id", str(event_id or event.event_id).encode()),
        ("ce_type", event.topic_name.encode()),
        ("ce_source", f"/ocop/{source}".encode()),
        ("ce_time", event.occurred_at.isoformat().encode()),
        ("ce_subject", event.entity.encode()),
        ("content-type", b"application/json"),
    )


def _trace(event_id: UUID, cause: Record | None) -> bytes:
    """W3C traceparent: the cause's trace, or a new one; the span follows from the event's id."""
    span = hashlib.blake2b(event_id.bytes, digest_size=8).hexdigest()
    parts = ((cause and cause.header("traceparent")) or "").split("-")
    if len(parts) == TRACEPARENT_PARTS:
        return f"{TRACE_VERSION}-{parts[1]}-{span}-{parts[3]}".encode()
    return f"{TRACE_VERSION}-{event_id.hex}-{span}-{SAMPLED}".encode()


def packed(records: Iterable[Outgoing]) -> bytes:
    """Records as the checkpoint stores them; nothing at all for none."""
    rows = [(r.topic, r.key, r.value, r.headers, r.partition) for r in records]
    return bytes(msgpack.packb(rows)) if rows else b""


def unpacked(stored: bytes) -> Sequence[Outgoing]:
    """What `packed` stored."""
    rows = msgpack.unpackb(stored, use_list=False) if stored else ()
    return [Outgoing(*row) for row in rows]
