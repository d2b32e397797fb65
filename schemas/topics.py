"""The topic catalogue: one row a topic. Code, tests, documents and deployment all read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from schemas.event import Event

PARTITIONS = 12
"""Partitions of every keyed topic of major version 1. Never changed: a key must stay where it is."""

WEEK_H = 7 * 24
KIB = 1024
INPUT_MAX_BYTES = 768 * KIB
DEAD_MAX_BYTES = 2048 * KIB


@dataclass(frozen=True, slots=True)
class Topic:
    """One Kafka topic. `event` None means raw bytes from outside, kept as they came."""

    name: str
    key: str
    event: type[Event] | None
    purpose: str
    partitions: int = PARTITIONS
    retention_h: int = 4 * WEEK_H
    compacted: bool = False
    personal_data: bool = False
    max_bytes: int = INPUT_MAX_BYTES
    ingest: bool = False

    @property
    def dead(self) -> str:
        """The name of this topic's dead-letter topic."""
        return f"{self.name}.dead"
