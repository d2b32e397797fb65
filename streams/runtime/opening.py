"""An assignment: what a unit does before any fetch."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from streams.runtime.checkpoint import (
    MAKE_CHECKPOINT,
    MOVE_MARKS,
    Mark,
    crc_of,
    lock_checkpoint,
    marks_json,
)
from streams.runtime.failures import LogReplaced

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.topics import Topic
    from streams.runtime.ports import Log, LogEnds
    from streams.runtime.settle import Settler

log = structlog.get_logger()


async def open_unit(settler: Settler, source: Log) -> dict[str, int]:
    """Publish stored outputs, compare the log with the checkpoint, say where to read from.

    Returns topic to next offset. Raises LogReplaced, PublishFailed or a database error; calling
    it again is always right.
    """
    unit, pool = settler.unit, settler.world.pool
    async with pool.acquire() as tx, tx.transaction():
        await tx.execute(MAKE_CHECKPOINT, unit.stage, unit.partition)
        checkpoint = await lock_checkpoint(tx, unit)
        await settler.publish_stored(checkpoint)
    before = checkpoint.marks
    wanted = {name: before[name].next_offset if name in before else None for name in settler.topics}
    ends = await source.ends(unit.partition, wanted)
    for name, topic in settler.topics.items():
        if name in before:
            _compare(topic, before[name], ends[name])
    async with pool.acquire() as tx, tx.transaction():
        marks = (await lock_checkpoint(tx, unit)).marks
        moved, lost = _moved(settler.topics, marks, ends)
        if moved != marks:
            await tx.execute(MOVE_MARKS, unit.stage, unit.partition, marks_json(moved), lost)
    if lost:
        log.error("log_start_passed", stage=unit.stage, partition=unit.partition, records=lost)
    return {name: moved[name].next_offset for name in settler.topics}


def _compare(topic: Topic, mark: Mark, ends: LogEnds) -> None:
    """Is this still the log the mark was made on?"""
    where = f"{topic.name}: read up to {mark.next_offset}"
    if ends.end < mark.next_offset:
        raise LogReplaced(f"{where}, but the log ends at {ends.end}")
    if mark.crc is None or ends.start >= mark.next_offset:
        return
    found = ends.last_read
    if found is None and topic.compacted:
        return
    if found is None or (found.timestamp_ms, crc_of(found)) != (mark.timestamp_ms, mark.crc):
        raise LogReplaced(f"{where}, but the record before is another one")


def _moved(
    topics: Mapping[str, Topic], marks: Mapping[str, Mark], ends: Mapping[str, LogEnds]
) -> tuple[dict[str, Mark], int]:
    """The marks with new topics at their log's start; how many offsets the log dropped unread."""
    moved, lost = dict(marks), 0
    for name in topics:
        start = ends[name].start
        mark = moved.setdefault(name, Mark(start, start))
        if start > mark.next_offset:
            lost += start - mark.next_offset
            moved[name] = replace(mark, next_offset=start, timestamp_ms=None, crc=None)
    return moved, lost
