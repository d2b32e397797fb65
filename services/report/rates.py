"""Rates and percentiles: computed on reading, from absolute figures."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from schemas.figures import (
    BOUNDS_H,
    BUCKETS,
    HANDOVER_TO_FIRST_ATTEMPT,
    ORDER_TO_HANDOVER,
    bucket_figure,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

PERCENTS: Final = (50, 90, 95)


def rate(part: int, whole: int) -> float | None:
    """A share from 0 to 1, four digits; None where there is nothing to divide by."""
    return round(part / whole, 4) if whole else None


def rates(figures: Mapping[str, int]) -> dict[str, float | None]:
    """What the programme office asks for, of any sum of cells. `…_h_p90` are hours."""
    first_attempts = figures.get("first_attempts", 0)
    returned = figures.get("cohort_returned", 0)
    delivered = figures.get("cohort_delivered", 0)
    return {
        "on_time": rate(figures.get("first_attempts_on_time", 0), first_attempts),
        "first_attempt_success": rate(figures.get("delivered_at_first_attempt", 0), first_attempts),
        "return_rate": rate(returned, returned + delivered),
        **{
            f"{name}_p{percent}": percentile(figures, name, percent)
            for name in (ORDER_TO_HANDOVER, HANDOVER_TO_FIRST_ATTEMPT)
            for percent in PERCENTS
        },
    }


def percentile(figures: Mapping[str, int], histogram: str, percent: int) -> float | None:
    """Hours that `percent` of the parcels needed at most; straight lines inside a bucket.

    None without parcels. What lies over the last bound is given as that bound.
    """
    counts = [figures.get(bucket_figure(histogram, bucket), 0) for bucket in BUCKETS]
    wanted = sum(counts) * percent / 100
    if not wanted:
        return None
    below = 0
    for (low, high), count in zip(pairwise((0, *BOUNDS_H)), counts, strict=False):
        if count and below + count >= wanted:
            return round(low + (high - low) * (wanted - below) / count, 1)
        below += count
    return float(BOUNDS_H[-1])
