"""Numbering a seller's feed: 1, 2, 3 … without a gap, each version of an order once and in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from schemas.feed import FeedAppended

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from schemas.status import OrderStatusChanged


class Numbered(NamedTuple):
    """Entries to append, in order, each with the position of the change it came from.

    `last_numbers`: where the sellers' counters stand afterwards.
    """

    entries: list[tuple[int, FeedAppended]]
    last_numbers: dict[str, int]


def number_changes(
    changes: Iterable[OrderStatusChanged],
    last_numbers: Mapping[str, int],
    newest_versions: Mapping[str, int],
) -> Numbered:
    """Give every unseen change the next number of its seller.

    `newest_versions`: of each order, the newest version its feed holds. A version that is not newer
    was seen, or was overtaken by one that says more: it is dropped.
    """
    counters, newest = dict(last_numbers), dict(newest_versions)
    entries: list[tuple[int, FeedAppended]] = []
    for position, change in enumerate(changes):
        if change.version <= newest.get(change.order_id, -1):
            continue
        newest[change.order_id] = change.version
        number = counters.get(change.seller_id, 0) + 1
        counters[change.seller_id] = number
        entries.append((position, appended(number, change)))
    return Numbered(entries, counters)


def appended(number: int, change: OrderStatusChanged) -> FeedAppended:
    """The entry of that number."""
    return FeedAppended.model_construct(
        version=number,
        occurred_at=change.occurred_at,
        seller_id=change.seller_id,
        number=number,
        change=change,
    )
