"""The checkpoint of a unit: one row that is offset store, duplicate filter, fence and outbox.

A unit is partition number p of all input topics of one stage.
"""

from __future__ import annotations

import zlib
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

import orjson

from streams.runtime.failures import CheckpointLost

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from streams.runtime.stage import Record, Transaction

# A unit seen for the first time has an empty row, so that there is something to lock.
MAKE_CHECKPOINT = """
    INSERT INTO runtime.checkpoints (stage, partition) VALUES ($1, $2) ON CONFLICT DO NOTHING
"""

# Whoever holds this lock is the only one who works on the unit.
LOCK_CHECKPOINT = """
    SELECT c.batch_no, c.outputs, c.offsets::text AS offsets, e.era
      FROM runtime.checkpoints c CROSS JOIN runtime.era e
     WHERE c.stage = $1 AND c.partition = $2
       FOR UPDATE OF c
"""

# The batch is done: where the next begins, what this one says, what became of its records.
ADVANCE_CHECKPOINT = """
    UPDATE runtime.checkpoints
       SET batch_no = $3, outputs = $4, offsets = $5::text::jsonb,
           applied = applied + $6, duplicate = duplicate + $7, parked = parked + $8,
           dead = dead + $9, holes = holes + $10, redelivered = redelivered + $11,
           updated_at = $12
     WHERE stage = $1 AND partition = $2
"""

# Nothing new in the batch: only the count of repeats moves.
COUNT_REDELIVERED = """
    UPDATE runtime.checkpoints SET redelivered = redelivered + $3
     WHERE stage = $1 AND partition = $2
"""

# Topics begun or moved on at an assignment; `holes` counts what the log no longer holds.
MOVE_MARKS = """
    UPDATE runtime.checkpoints SET offsets = $3::text::jsonb, holes = holes + $4
     WHERE stage = $1 AND partition = $2
"""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far one topic was read, and what its last record was (None: none yet)."""

    first_offset: int
    next_offset: int
    timestamp_ms: int | None = None
    crc: int | None = None

    def after(self, record: Record) -> Mark:
        """The mark once `record` is done."""
        return Mark(self.first_offset, record.offset + 1, record.timestamp_ms, crc_of(record))


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A locked row. `era` leads the versions of events made under it."""

    batch_no: int
    outputs: bytes
    marks: Mapping[str, Mark]
    era: int


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of a batch's records, in the order of ADVANCE_CHECKPOINT.

    Holes are offsets the broker has no record for.
    """

    applied: int = 0
    duplicate: int = 0
    parked: int = 0
    dead: int = 0
    holes: int = 0
    redelivered: int = 0


@dataclass(frozen=True, slots=True)
class UnitId:
    """One partition number of one stage."""

    stage: str
    partition: int


@dataclass(frozen=True, slots=True)
class Step:
    """What a batch changes in its row; `outputs` packed, `at` aware."""

    batch_no: int
    outputs: bytes
    marks: Mapping[str, Mark]
    counts: Counts
    at: datetime


def crc_of(record: Record) -> int:
    """CRC-32 over key and value: tells two logs apart that have the same offsets."""
    return zlib.crc32(record.value or b"", zlib.crc32(record.key or b""))


async def lock_checkpoint(tx: Transaction, unit: UnitId) -> Checkpoint:
    """Lock and read the unit's row; raises CheckpointLost if there is none."""
    row = await tx.fetchrow(LOCK_CHECKPOINT, unit.stage, unit.partition)
    if row is None:
        raise CheckpointLost(f"{unit.stage}/{unit.partition} has no checkpoint row")
    marks = {topic: Mark(**mark) for topic, mark in orjson.loads(row["offsets"]).items()}
    return Checkpoint(row["batch_no"], row["outputs"], marks, row["era"])


async def advance_checkpoint(tx: Transaction, unit: UnitId, step: Step) -> None:
    """Write the batch into its locked row."""
    await tx.execute(
        ADVANCE_CHECKPOINT,
        unit.stage,
        unit.partition,
        step.batch_no,
        step.outputs,
        marks_json(step.marks),
        *astuple(step.counts),
        step.at,
    )


def marks_json(marks: Mapping[str, Mark]) -> str:
    """Marks as the row keeps them."""
    return orjson.dumps(dict(marks)).decode()
