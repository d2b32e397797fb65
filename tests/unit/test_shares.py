"""Money is split without losing a đồng."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.rules.shares import split


@given(st.integers(0, 10**12), st.lists(st.integers(0, 10**9), min_size=1, max_size=20))
def test_parts_add_up_and_none_is_a_dong_off_its_share(amount: int, weights: list[int]) -> None:
    parts = split(amount, weights)
    assert sum(parts) == amount
    total = sum(weights)
    if total:
        assert all(
            abs(part * total - amount * weight) < total
            for part, weight in zip(parts, weights, strict=True)
        )


@pytest.mark.parametrize(
    ("amount", "weights", "parts"),
    [
        (100, (1, 1, 1), (34, 33, 33)),
        (10, (0, 0), (5, 5)),
        (7, (0, 3), (0, 7)),
        (5, (2, 1), (3, 2)),
    ],
)
def test_the_largest_remainder_gets_the_odd_dong(
    amount: int, weights: tuple[int, ...], parts: tuple[int, ...]
) -> None:
    assert split(amount, weights) == parts
