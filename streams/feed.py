"""Feed: every change of an order, numbered in its seller's own sequence; channels are told too.

A channel that has calls for it is told of each milestone of its orders, once, by a job.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from schemas.catalogue import ORDER_STATUS_CHANGED
from services.channels.directory import reports_of_channels
from services.channels.neutral import NEUTRAL
from services.jobs.channel_queue import ReportJob, enqueue_channel_jobs
from services.store.feed import NewEntry, append_entries, lock_counters, newest_versions
from services.store.reports import Noted, Sold, note_reports, shops_of
from streams.rules.feed import number_changes
from streams.rules.reports import reports_of
from streams.runtime.stage import Handled, Output

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schemas.feed import FeedAppended
    from schemas.status import OrderStatusChanged
    from schemas.topics import Topic
    from services.channels.port import Milestone
    from streams.runtime.stage import Batch, Transaction


class Feed:
    """The stage. A seller's counter is locked, so two partitions could not give one number twice."""

    name = "feed"
    inputs: tuple[Topic, ...] = (ORDER_STATUS_CHANGED,)

    def __init__(self, reports: Mapping[str, frozenset[Milestone]] | None = None) -> None:
        """`reports`: channel → the milestones it is told of; those with a call of their own."""
        self._reports = reports_of_channels() if reports is None else reports

    async def handle(self, batch: Batch, tx: Transaction) -> Handled:
        """Number what is new, store it, and publish it with its number inside."""
        changes = [cast("OrderStatusChanged", message.event) for message in batch.messages]
        counters = await lock_counters(tx, {change.seller_id for change in changes})
        newest = await newest_versions(tx, {change.order_id for change in changes})
        numbered = number_changes(changes, counters, newest)
        entries = [new_entry(entry) for _, entry in numbered.entries]
        await append_entries(tx, entries, numbered.last_numbers, batch.now)
        await tell_channels(tx, [entry.change for _, entry in numbered.entries], self._reports)
        outputs = [
            Output(entry, batch.messages[position].record) for position, entry in numbered.entries
        ]
        return Handled(outputs, duplicate=len(changes) - len(entries))


async def tell_channels(
    tx: Transaction,
    changes: Sequence[OrderStatusChanged],
    wanted: Mapping[str, frozenset[Milestone]],
) -> None:
    """Queue a report for every milestone that is new."""
    told = [change for change in changes if change.channel in wanted]
    shops = await shops_of(tx, sorted({_sold(change) for change in told}))
    jobs: dict[Noted, ReportJob] = {}
    for change in told:
        sold = _sold(change)
        # Where numbers belong to sellers, the seller's own id stands for a shop.
        unnamed = change.seller_id if change.channel in NEUTRAL else None
        shop = shops.get((sold.channel, sold.number), unnamed)
        for report in reports_of(change, shop, wanted[sold.channel]) if shop else ():
            noted = Noted(change.order_id, report.milestone.value, report.tracking_no or "")
            jobs.setdefault(noted, ReportJob(sold.channel, change.order_id, report))
    new = await note_reports(tx, jobs)
    await enqueue_channel_jobs(tx, [job for noted, job in jobs.items() if noted in new])


def _sold(change: OrderStatusChanged) -> Sold:
    number = change.order_id.rpartition(":")[2]
    return Sold(change.channel.value, number, change.seller_id)


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
