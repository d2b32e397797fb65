"""The report as a table in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rich.box import SIMPLE_HEAD
from rich.table import Table

from schemas.figures import COHORT, FIGURES, HAPPENED
from schemas.place import VIETNAM
from services.report.rates import rates
from services.report.rows import grouped, total

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from services.report.month import Month
    from services.report.rows import By

COUNTS: Final = {
    "placed": "orders_placed",
    "held": "orders_held",
    "cancelled": "orders_cancelled",
    "packed": "parcels_packed",
    "handed over": "parcels_handed_over",
    "delivered": "parcels_delivered",
    "returned": "parcels_returned",
}
SHARES: Final = {
    "on time": "on_time",
    "1st try": "first_attempt_success",
    "return rate": "return_rate",
}
HOURS: Final = {
    "seller h": "order_to_handover_h_p50",
    "carrier h": "handover_to_first_attempt_h_p50",
}
"""Medians."""
HEADINGS: Final = {
    HAPPENED: "in the month it happened",
    COHORT: "of the parcels handed over",
}


def overview(month: Month, by: By, provinces: Mapping[str, str]) -> Table:
    """One line a value of the dimension, and the totals."""
    table = Table(
        title=title(month),
        caption=caption(month),
        title_justify="left",
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column(by, no_wrap=True)
    for heading in (*COUNTS, *SHARES, *HOURS):
        table.add_column(heading, justify="right")
    for value, figures in grouped(month, by).items():
        table.add_row(named(by, value, provinces), *_numbers(figures))
    table.add_section()
    table.add_row("total", *_numbers(total(month.cells.values())), style="bold")
    return table


def details(month: Month) -> Table:
    """Every figure of the month with its meaning."""
    table = Table(title="All figures", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("figure", no_wrap=True)
    table.add_column("total", justify="right")
    table.add_column("unit")
    table.add_column("meaning")
    sums = total(month.cells.values())
    for counted, heading in HEADINGS.items():
        table.add_section()
        table.add_row(heading, style="bold")
        for figure in FIGURES:
            if figure.counted == counted:
                amount = f"{sums.get(figure.name, 0):,}"
                table.add_row(figure.name, amount, figure.unit, figure.meaning)
    return table


def title(month: Month) -> str:
    """Which month, as of when, up to which fact."""
    if month.revision is None:
        return f"OCOP {month.month}: nothing counted yet"
    return (
        f"OCOP throughput {month.month}, revision {month.revision}, "
        f"as of {clock(month.as_of)}, newest fact {clock(month.watermark)} (Vietnam time)"
    )


def caption(month: Month) -> str:
    """What changed last, and whether there is more to come."""
    waiting = f"; {month.waiting} changes wait for the next revision" if month.waiting else ""
    return f"last change: {month.cause}{waiting}" if month.cause else waiting


def named(by: By, value: Any, provinces: Mapping[str, str]) -> str:
    """A dimension's value in words."""
    if by == "star":
        return "★" * value or "no certificate"
    if by == "carrier" and not value:
        return "(orders)"
    if not value:
        return "(unknown)"
    return provinces.get(value, value) if by == "province" else str(value)


def clock(moment: datetime | None) -> str:
    """A moment by Vietnam's clock, to the minute."""
    return f"{moment.astimezone(VIETNAM):%Y-%m-%d %H:%M}" if moment else "–"


def _numbers(figures: Mapping[str, int]) -> list[str]:
    read = rates(figures)
    return [
        *(f"{figures.get(name, 0):,}" for name in COUNTS.values()),
        *(_or_dash(read[name], ".1%") for name in SHARES.values()),
        *(_or_dash(read[name], ".0f") for name in HOURS.values()),
    ]


def _or_dash(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)
