"""A month as rows: by every dimension or by one, with totals, for tables and scripts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

from schemas.figures import BUCKETS, FIGURE_NAMES, HISTOGRAMS, bucket_figure
from schemas.place import VIETNAM
from services.report.rates import rates

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from services.report.month import Month

By: TypeAlias = Literal["province", "carrier", "channel", "group", "star"]
BYS: Final[tuple[By, ...]] = get_args(By)

FIELDS: Final[Mapping[By, str]] = {
    "province": "origin_province",
    "carrier": "carrier",
    "channel": "channel",
    "group": "group",
    "star": "star",
}
DIMENSIONS: Final = tuple(FIELDS.values())


def total(cells: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """The sum of figures."""
    sums: dict[str, int] = {}
    for figures in cells:
        for figure, amount in figures.items():
            sums[figure] = sums.get(figure, 0) + amount
    return sums


def grouped(month: Month, by: By) -> dict[Any, dict[str, int]]:
    """Figures summed by one dimension, in the order of its values."""
    groups: dict[Any, list[Mapping[str, int]]] = {}
    for cell, figures in month.cells.items():
        groups.setdefault(getattr(cell, FIELDS[by]), []).append(figures)
    return {value: total(groups[value]) for value in sorted(groups)}


def document(month: Month, provinces: Mapping[str, str], by: By | None = None) -> dict[str, Any]:
    """The report for a script: rows with their dimensions and every figure, and totals."""
    return {
        "month": month.month,
        "revision": month.revision,
        "as_of": in_vietnam(month.as_of),
        "watermark": in_vietnam(month.watermark),
        "cause": month.cause,
        "waiting": month.waiting,
        "rows": rows(month, provinces, by),
        "totals": {**spelled_out(total(month.cells.values()))},
    }


def rows(month: Month, provinces: Mapping[str, str], by: By | None = None) -> list[dict[str, Any]]:
    """One row a cell, or one a value of `by`. `province_name` explains the origin's code."""
    if by is None:
        found = [
            ({name: getattr(cell, name) for name in DIMENSIONS}, figures)
            for cell, figures in sorted(month.cells.items())
        ]
    else:
        found = [({FIELDS[by]: value}, sums) for value, sums in grouped(month, by).items()]
    for dimensions, _ in found:
        if (code := dimensions.get("origin_province")) is not None:
            dimensions["province_name"] = provinces.get(code, "")
    return [
        {"month": month.month, **dimensions, **spelled_out(figures)}
        for dimensions, figures in found
    ]


def spelled_out(figures: Mapping[str, int]) -> dict[str, Any]:
    """Every figure by name, zeros too; histograms and rates under names of their own."""
    return {
        **{name: figures.get(name, 0) for name in FIGURE_NAMES},
        "histograms": {
            histogram.name: {
                bucket: figures.get(bucket_figure(histogram.name, bucket), 0) for bucket in BUCKETS
            }
            for histogram in HISTOGRAMS
        },
        "rates": rates(figures),
    }


def flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row for a CSV file: no nesting, buckets as `order_to_handover_h<=24`."""
    plain = {name: value for name, value in row.items() if name not in {"histograms", "rates"}}
    buckets = {
        bucket_figure(histogram, bucket): parcels
        for histogram, counts in row["histograms"].items()
        for bucket, parcels in counts.items()
    }
    return {**plain, **row["rates"], **buckets}


def in_vietnam(moment: datetime | None) -> str | None:
    """A moment by Vietnam's clock, ISO 8601 with its offset."""
    return moment.astimezone(VIETNAM).isoformat(timespec="seconds") if moment else None
