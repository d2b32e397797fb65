"""One walk through every topic: what is there, before anybody asks about it."""

from __future__ import annotations

import uuid
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from schemas.catalogue import ORDER_RECEIVED, TOPICS
from schemas.event import EVENT_NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from services.verify.log import Log, LogRecord

DEAD: Final = ".dead"
ERRORS: Final = "__streams.errors."
"""What the headers of a dead letter begin with (KIP-1034)."""


@dataclass(slots=True)
class Survey:
    """What the topics hold.

    `ids`: topic → id of an event (16 bytes) → checksum of its value. `contradictions`: ids that
    came with two different values. `received`: offset of each record of `order.received` → its key.
    `letters`: (topic, partition, offset) of records that have a dead letter. `oldest`: when the
    oldest record of a topic was appended (Unix ms).
    """

    ends: Mapping[tuple[str, int], tuple[int, int]]
    records: int = 0
    ids: dict[str, dict[bytes, int]] = field(default_factory=dict)
    contradictions: list[str] = field(default_factory=list)
    received: dict[tuple[int, int], str] = field(default_factory=dict)
    letters: set[tuple[str, int, int]] = field(default_factory=set)
    oldest: dict[str, int] = field(default_factory=dict)

    def begins_late(self, topic: str) -> bool:
        """True once retention has taken something from the topic: what is missing may be old."""
        return any(start for (name, _), (start, _) in self.ends.items() if name == topic)

    def missing(self, topic: str, wanted: Iterable[tuple[str, bytes]]) -> Iterator[str | None]:
        """For each (name, event id) that should be in the topic: None, or that it is not there.

        Nothing at all once the topic begins late.
        """
        if not self.begins_late(topic):
            there = self.ids.get(topic, {})
            for name, event_id in wanted:
                yield None if event_id in there else f"{name} is not in {topic}"


async def survey(
    log: Log, hear: Callable[[str, bytes], None], topics: Sequence[str] | None = None
) -> Survey:
    """Read every topic of the catalogue and its dead letters once; `hear` is told every event."""
    names = topics or [topic.name for topic in TOPICS]
    ends = await log.ends([*names, *(f"{name}{DEAD}" for name in names)])
    found = Survey(ends)
    async for records in log.read(ends):
        for record in records:
            found.records += 1
            at = _appended_ms(record)
            found.oldest[record.topic] = min(at, found.oldest.get(record.topic, at))
            _note(found, record, hear)
    return found


def _appended_ms(record: Any) -> int:
    """Aiokafka and the in-memory log name it differently."""
    at = record.timestamp_ms if hasattr(record, "timestamp_ms") else record.timestamp
    return int(at)


def _note(found: Survey, record: LogRecord, hear: Callable[[str, bytes], None]) -> None:
    if record.topic.endswith(DEAD):
        _note_letter(found, record)
    elif record.topic == ORDER_RECEIVED.name:
        key = (record.key or b"").decode("utf-8", "replace")
        found.received[record.partition, record.offset] = key
    elif event_id := _event_id(record):
        value = record.value or b""
        checksum = zlib.crc32(value)
        if found.ids.setdefault(record.topic, {}).setdefault(event_id, checksum) != checksum:
            found.contradictions.append(
                f"{record.topic}[{record.partition}]@{record.offset}: the event "
                f"{uuid.UUID(bytes=event_id)} came before with another content"
            )
        hear(record.topic, value)


def _event_id(record: LogRecord) -> bytes | None:
    for name, value in record.headers:
        if name == "ce_id":
            try:
                return uuid.UUID(value.decode("ascii", "replace")).bytes
            except ValueError:
                return None
    return None


def _note_letter(found: Survey, record: LogRecord) -> None:
    said = {name.removeprefix(ERRORS): value for name, value in record.headers}
    topic, partition, offset = said.get("topic"), said.get("partition"), said.get("offset")
    if topic and partition and offset and partition.isdigit() and offset.isdigit():
        found.letters.add((topic.decode(), int(partition), int(offset)))


def event_id_of(topic: str, entity: str, version: int) -> bytes:
    """The id a version of an entity has in its topic (schemas.event.Event.event_id)."""
    return uuid.uuid5(EVENT_NAMESPACE, f"{topic}|{entity}|{version}").bytes
