"""Money split in whole đồng, without losing one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def split(amount: int, weights: Sequence[int]) -> tuple[int, ...]:
    """`amount` in parts as the weights (≥ 0) stand to each other, by largest remainder.

    The parts add up to the amount. Equal remainders: the first gets the đồng. Weights that are all
    0 count as equal.
    """
    total = sum(weights)
    if total == 0:
        weights, total = [1] * len(weights), len(weights)
    parts = [amount * weight // total for weight in weights]
    left_over = amount - sum(parts)
    by_remainder = sorted(range(len(weights)), key=lambda i: -(amount * weights[i] % total))
    for index in by_remainder[:left_over]:
        parts[index] += 1
    return tuple(parts)
