"""Feed: every change of an order, numbered in its seller's own sequence."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from schemas.catalogue import ORDER_STATUS_CHANGED
from services.store.feed import NewEntry, append_entries, lock_counters, newest_versions
from streams.rules.feed import number_changes
from streams.runtime.stage import Handled, Output

if TYPE_CHECKING:
    from schemas.feed import FeedAppended
    from schemas.status import OrderStatusChanged
    from schemas.topics import Topic
    from streams.runtime.stage import Batch, Transaction


class Feed:
    """The stage. A seller's counter is locked, so two partitions could not give one number twice."""

    name = "feed"
    inputs: tuple[Topic, ...] = (ORDER_STATUS_CHANGED,)

    async def handle(self, batch: Batch, tx: Transaction) -> Handled:
        """Number what is new, store it, and publish it with its number inside."""
        changes = [cast("OrderStatusChanged", message.event) for message in batch.messages]
        counters = await lock_counters(tx, {change.seller_id for change in changes})
        newest = await newest_versions(tx, {change.order_id for change in changes})
        numbered = number_changes(changes, counters, newest)
        entries = [new_entry(entry) for _, entry in numbered.entries]
        await append_entries(tx, entries, numbered.last_numbers, batch.now)
        outputs = [
            Output(entry, batch.messages[position].record) for position, entry in numbered.entries
        ]
        return Handled(outputs, duplicate=len(changes) - len(entries))


def new_entry(entry: FeedAppended) -> NewEntry:
    """The entry's row."""
    change = entry.change
    return NewEntry(
        seller_id=entry.seller_id,
        number=entry.number,
        order_id=change.order_id,
        order_version=change.version,
        body=change.model_dump_json(),
    )
