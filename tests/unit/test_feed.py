"""Numbering a seller's feed."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from schemas.intake import Channel
from schemas.status import Fulfilment, OrderStatusChanged
from streams.rules.feed import number_changes
from tests.order_facts import NEXT_DAY

if TYPE_CHECKING:
    from collections.abc import Sequence

SELLERS = ("HTX-A", "HTX-B")


def a_change(seller: str = "HTX-A", number: int = 1, version: int = 1) -> OrderStatusChanged:
    return OrderStatusChanged(
        version=version,
        occurred_at=NEXT_DAY,
        order_id=f"direct:{seller}:{number}",
        channel=Channel.DIRECT,
        seller_id=seller,
        status="validated",
        fulfilment=Fulfilment.VALIDATED,
        as_of=NEXT_DAY,
    )


def changes() -> st.SearchStrategy[list[OrderStatusChanged]]:
    one = st.builds(a_change, st.sampled_from(SELLERS), st.integers(1, 3), st.integers(1, 6))
    return st.lists(one, max_size=40)


def numbers(told: Sequence[OrderStatusChanged]) -> list[tuple[str, int, str, int]]:
    return [
        (entry.seller_id, entry.number, entry.change.order_id, entry.change.version)
        for _, entry in number_changes(told, {}, {}).entries
    ]


def test_each_seller_counts_alone() -> None:
    told = [a_change("HTX-A"), a_change("HTX-B"), a_change("HTX-A", 2)]
    assert [row[:2] for row in numbers(told)] == [("HTX-A", 1), ("HTX-B", 1), ("HTX-A", 2)]


def test_a_version_that_was_overtaken_is_dropped() -> None:
    told = [a_change(version=2), a_change(version=1), a_change(version=2), a_change(version=3)]
    assert [row[3] for row in numbers(told)] == [2, 3]


def test_numbers_and_versions_go_on_where_the_last_batch_ended() -> None:
    last, newest = {"HTX-A": 7}, {"direct:HTX-A:1": 3}
    numbered = number_changes([a_change(version=3), a_change(version=4)], last, newest)
    assert [(position, entry.number) for position, entry in numbered.entries] == [(1, 8)]
    assert numbered.last_numbers == {"HTX-A": 8}


@given(changes())
def test_feeds_have_no_gap_and_hold_each_version_once_and_in_order(
    told: list[OrderStatusChanged],
) -> None:
    by_seller: dict[str, list[int]] = defaultdict(list)
    by_order: dict[str, list[int]] = defaultdict(list)
    for seller, number, order_id, version in numbers(told):
        by_seller[seller].append(number)
        by_order[order_id].append(version)
        assert order_id.split(":")[1] == seller
    for counted in by_seller.values():
        assert counted == list(range(1, len(counted) + 1))
    for versions in by_order.values():
        assert versions == sorted(set(versions))
    assert set(by_order) == {change.order_id for change in told}


@given(changes(), st.integers(0, 40))
def test_it_does_not_matter_where_a_batch_ends(told: list[OrderStatusChanged], cut: int) -> None:
    first = number_changes(told[:cut], {}, {})
    newest = {entry.change.order_id: entry.change.version for _, entry in first.entries}
    second = number_changes(told[cut:], first.last_numbers, newest)
    parts = [entry for _, entry in (*first.entries, *second.entries)]
    assert parts == [entry for _, entry in number_changes(told, {}, {}).entries]
