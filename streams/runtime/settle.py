"""One batch, one transaction: steps 2 to 6, once, for one unit.

Whatever fails, the same records may be given again: what was committed is recognised by its
offsets, what was committed but not seen delivered is published from the checkpoint.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING

from streams.runtime.batches import Vetted, vet
from streams.runtime.checkpoint import (
    COUNT_REDELIVERED,
    Checkpoint,
    Counts,
    Step,
    UnitId,
    advance_checkpoint,
    lock_checkpoint,
)
from streams.runtime.dead_letters import index, letter
from streams.runtime.failures import Miscounted
from streams.runtime.outgoing import Outgoing, forwarded, outgoing, packed, unpacked
from streams.runtime.ports import Settled
from streams.runtime.stage import Batch, Dead, Handled, Message

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from schemas.topics import Topic
    from streams.runtime.batches import Run
    from streams.runtime.dead_share import DeadShare
    from streams.runtime.ports import Clock, Pool, Publisher
    from streams.runtime.stage import Stage, Transaction


@dataclass(frozen=True, slots=True)
class World:
    """What every unit of a worker shares. `catalogue`: every topic a stage may write to."""

    pool: Pool
    publisher: Publisher
    clock: Clock
    catalogue: Mapping[str, Topic]


class Settler:
    """Settles one unit's batches, one at a time.

    `delivered` is the last batch whose outputs this process saw delivered, None if it never did.
    """

    def __init__(self, stage: Stage, partition: int, world: World, dead_share: DeadShare) -> None:
        self.stage = stage
        self.unit = UnitId(stage.name, partition)
        self.topics = {topic.name: topic for topic in stage.inputs}
        self.world = world
        self._dead_share = dead_share
        self.delivered: int | None = None
        self._sought_back: dict[str, int] = {}

    def sought_back(self, topic: str, offset: int) -> None:
        """A fresh fetch from `offset` follows: a gap that is still there is the broker's."""
        self._sought_back[topic] = offset

    async def settle(self, runs: Sequence[Run]) -> Settled:
        """Handle, commit, publish. Raises whatever stops it; calling it again is always right."""
        started = perf_counter()
        now = self.world.clock()
        async with self.world.pool.acquire() as tx, tx.transaction():
            checkpoint = await lock_checkpoint(tx, self.unit)
            taken_over = await self.publish_stored(checkpoint)
            vetted = vet(runs, checkpoint.marks, self._sought_back)
            if vetted.items:
                settled, outputs = await self._work(tx, checkpoint, vetted, now)
            else:
                settled, outputs = await self._nothing_new(tx, checkpoint, vetted), []
        committed = perf_counter()
        if vetted.items:
            self._dead_share.add(settled.counts.dead, len(vetted.items))
            await self.world.publisher.publish(outputs)
            self.delivered = settled.batch_no
        return replace(
            settled,
            taken_over=taken_over,
            transact_s=committed - started,
            publish_s=perf_counter() - committed,
        )

    async def publish_stored(self, checkpoint: Checkpoint) -> bool:
        """Publish a locked checkpoint's outputs unless we saw them delivered: see DESIGN, step 6.

        Another batch number than the last one we saw delivered means a takeover, a zombie that
        came back, or a COMMIT whose answer was lost. True if there was something to publish.
        """
        if checkpoint.batch_no == self.delivered:
            return False
        stored = unpacked(checkpoint.outputs)
        await self.world.publisher.publish(stored)
        self.delivered = checkpoint.batch_no
        return bool(stored)

    async def _work(
        self, tx: Transaction, checkpoint: Checkpoint, vetted: Vetted, now: datetime
    ) -> tuple[Settled, list[Outgoing]]:
        messages = [item for item in vetted.items if isinstance(item, Message)]
        dead = [item for item in vetted.items if isinstance(item, Dead)]
        batch = Batch(self.unit.partition, messages, now, checkpoint.era)
        handled = await self.stage.handle(batch, tx) if messages else Handled()
        dead += handled.dead
        counts = _counts(messages, dead, handled, vetted)
        self._dead_share.check(len(dead), len(vetted.items))
        outputs = self._outputs(handled, dead)
        await index(tx, self.unit.stage, dead, now)
        batch_no = checkpoint.batch_no + 1
        step = Step(batch_no, packed(outputs), vetted.marks, counts, now)
        await advance_checkpoint(tx, self.unit, step)
        newest_ms = max(item.record.timestamp_ms for item in vetted.items)
        settled = Settled(
            self.unit,
            batch_no,
            counts,
            offsets=_moved(checkpoint, vetted),
            dead=dead,
            outputs=len(outputs),
            lag_s=max(0.0, now.timestamp() - newest_ms / 1000),
            seek_back=vetted.seek_back,
        )
        return settled, outputs

    def _outputs(self, handled: Handled, dead: Sequence[Dead]) -> list[Outgoing]:
        """Events first, then letters; raises OutputTooLarge before anything is committed."""
        name, catalogue = self.unit.stage, self.world.catalogue
        events = [outgoing(output, name, catalogue) for output in handled.outputs]
        events += [forwarded(forward, name) for forward in handled.forwards]
        return events + [letter(one, name, self.topics[one.record.topic]) for one in dead]

    async def _nothing_new(
        self, tx: Transaction, checkpoint: Checkpoint, vetted: Vetted
    ) -> Settled:
        if vetted.redelivered:
            unit = self.unit
            await tx.execute(COUNT_REDELIVERED, unit.stage, unit.partition, vetted.redelivered)
        counts = Counts(redelivered=vetted.redelivered)
        return Settled(self.unit, checkpoint.batch_no, counts, seek_back=vetted.seek_back)


def _counts(
    messages: Sequence[Message], dead: Sequence[Dead], handled: Handled, vetted: Vetted
) -> Counts:
    applied = len(messages) - handled.duplicate - handled.parked - len(handled.dead)
    given = {(message.record.topic, message.record.offset) for message in messages}
    buried = [(one.record.topic, one.record.offset) for one in handled.dead]
    if min(applied, handled.duplicate, handled.parked) < 0:
        raise Miscounted(
            f"{len(messages)} messages, but {handled.duplicate} duplicate, "
            f"{handled.parked} parked, {len(handled.dead)} dead"
        )
    if len(set(buried)) != len(buried) or not given.issuperset(buried):
        raise Miscounted("a record was buried twice, or one that was not given")
    return Counts(
        applied,
        handled.duplicate,
        handled.parked,
        len(dead),
        vetted.holes,
        vetted.redelivered,
    )


def _moved(checkpoint: Checkpoint, vetted: Vetted) -> dict[str, tuple[int, int]]:
    return {
        topic: (checkpoint.marks[topic].next_offset, mark.next_offset)
        for topic, mark in vetted.marks.items()
        if mark.next_offset != checkpoint.marks[topic].next_offset
    }
