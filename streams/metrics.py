"""Metrics: facts about orders become fact rows, and the figures of the months move with them.

A batch loads the facts of its orders, folds its events in, and adds to the counters the difference
between the old and the new fact rows. Sums and revisions are made in `metrics_publisher`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from schemas.catalogue import (
    BOOKING_VOIDED,
    COD_CHANGED,
    HANDOVER_REPORTED,
    ORDER_AMENDED,
    ORDER_CANCELLED,
    ORDER_HELD,
    ORDER_PLACED,
    ORDER_ROUTED,
    PARCEL_PACKED,
    SHIPMENT_BOOKED,
    SHIPMENT_STATUS_CHANGED,
)
from streams.metrics_store import (
    add_to_counters,
    lock_facts,
    note_changes,
    store_facts,
    store_rows,
)
from streams.rules.metrics import Counts, add, moved
from streams.rules.metrics_changes import Change, changed_rows
from streams.rules.metrics_fold import fold
from streams.runtime.stage import Handled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from schemas.event import Event
    from schemas.figures import Cell
    from schemas.topics import Topic
    from streams.rules.metrics_facts import OrderFacts
    from streams.runtime.stage import Batch, Transaction


class Cause(NamedTuple):
    """What moved a cell in this batch: how many facts, and the newest of them."""

    facts: int
    watermark: datetime
    fact: str


class Turned(NamedTuple):
    """An order after the batch; `news` are the events that said something new."""

    facts: OrderFacts
    changes: list[Change]
    news: list[Event]


class Metrics:
    """The stage. Reads every fact that moves a figure; emits nothing itself."""

    name = "metrics"
    inputs: tuple[Topic, ...] = (
        ORDER_PLACED,
        ORDER_AMENDED,
        ORDER_HELD,
        ORDER_CANCELLED,
        ORDER_ROUTED,
        PARCEL_PACKED,
        SHIPMENT_BOOKED,
        BOOKING_VOIDED,
        HANDOVER_REPORTED,
        SHIPMENT_STATUS_CHANGED,
        COD_CHANGED,
    )

    async def handle(self, batch: Batch, tx: Transaction) -> Handled:
        """Fold the batch's facts in and move the counters; a known fact is a duplicate."""
        events = by_order(batch)
        known = await lock_facts(tx, batch.partition, sorted(events))
        turned = [
            turn for order, news in events.items() if (turn := turn_over(known[order], news)).news
        ]
        counts, causes = moves(turned)
        await store_facts(tx, [turn.facts for turn in turned])
        await store_rows(tx, [after for turn in turned for _, after in turn.changes])
        await add_to_counters(tx, batch.partition, counts)
        await note_changes(tx, causes)
        new = sum(len(turn.news) for turn in turned)
        return Handled(duplicate=len(batch.messages) - new)


def by_order(batch: Batch) -> dict[str, list[Event]]:
    """The batch's events by the order they are about."""
    events: dict[str, list[Event]] = {}
    for message in batch.messages:
        if message.event is not None:
            events.setdefault(message.event.key, []).append(message.event)
    return events


def turn_over(facts: OrderFacts, events: Sequence[Event]) -> Turned:
    """Fold events into the facts of their order."""
    news = []
    after = facts
    for event in events:
        folded = fold(after, event)
        if folded is not after:
            news.append(event)
            after = folded
    return Turned(after, changed_rows(facts, after), news)


def moves(turned: Sequence[Turned]) -> tuple[Counts, Mapping[Cell, Cause]]:
    """What the orders add to the counters together, and what moved each cell."""
    counts: Counts = {}
    causes: dict[Cell, Cause] = {}
    for turn in turned:
        if delta := moved(turn.changes):
            add(counts, delta)
            newest = max(turn.news, key=lambda event: event.occurred_at)
            cause = Cause(len(turn.news), newest.occurred_at, cause_of(newest))
            for cell in delta:
                causes[cell] = _merged(causes.get(cell), cause)
    return counts, causes


def cause_of(event: Event) -> str:
    """What a person can look up: `parcel.packed.v1 postmart:HTX:1/1/1 v1`."""
    return f"{event.topic_name} {event.entity} v{event.version}"


def _merged(known: Cause | None, cause: Cause) -> Cause:
    if known is None:
        return cause
    newest = max(known, cause, key=lambda each: each.watermark)
    return newest._replace(facts=known.facts + cause.facts)
