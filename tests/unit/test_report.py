"""The report: rates computed on reading, rows for scripts, tables for people."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from schemas.figures import BOUNDS_H, FIGURE_NAMES, ORDER_TO_HANDOVER, Cell
from services.report.month import Month
from services.report.rates import percentile, rates
from services.report.rows import document, flat, grouped, rows, total
from services.report.table import details, overview
from streams.rules.metrics import bucket_of

PROVINCES = {"68": "Lâm Đồng", "19": "Thái Nguyên"}
LAM_DONG = Cell("2026-10", "postmart", "vnpost", "68", "beverage", 4)
THAI_NGUYEN = Cell("2026-10", "voso", "viettelpost", "19", "food", 0)


def a_month() -> Month:
    cells = {
        LAM_DONG._replace(carrier=""): {"orders_placed": 3},
        LAM_DONG: {
            "parcels_delivered": 3,
            "first_attempts": 4,
            "first_attempts_on_time": 3,
            "delivered_at_first_attempt": 2,
            "cohort_delivered": 3,
            "cohort_returned": 1,
            "order_to_handover_h<=24": 4,
        },
        THAI_NGUYEN: {"parcels_delivered": 1, "late_seller": 1},
    }
    at = datetime(2026, 10, 31, 18, 30, tzinfo=UTC)
    return Month("2026-10", cells, 7, at, at - timedelta(hours=2), "parcel.packed.v1 x v1")


def printed(*tables: object) -> str:
    console = Console(width=200, file=io.StringIO(), record=True)
    console.print(*tables)
    return console.export_text()


def test_rates_are_shares_of_what_they_are_rates_of() -> None:
    found = rates(a_month().cells[LAM_DONG])
    assert found["on_time"] == 0.75
    assert found["first_attempt_success"] == 0.5
    assert found["return_rate"] == 0.25


def test_a_rate_of_nothing_is_unknown_not_zero() -> None:
    assert set(rates({}).values()) == {None}


def test_a_percentile_lies_on_a_straight_line_inside_its_bucket() -> None:
    figures = {"order_to_handover_h<=24": 50, "order_to_handover_h<=48": 50}
    assert percentile(figures, ORDER_TO_HANDOVER, 50) == 24.0
    assert percentile(figures, ORDER_TO_HANDOVER, 75) == 45.0


def test_what_is_over_the_last_bound_is_given_as_that_bound() -> None:
    assert percentile({"order_to_handover_h<=inf": 3}, ORDER_TO_HANDOVER, 50) == BOUNDS_H[-1]


@given(st.lists(st.integers(0, 700), min_size=1, max_size=60), st.sampled_from([50, 90, 95]))
def test_a_percentile_is_in_the_bucket_of_the_exact_one(hours: list[int], percent: int) -> None:
    figures: dict[str, int] = {}
    for taken in hours:
        counter = bucket_of(ORDER_TO_HANDOVER, timedelta(hours=taken))
        figures[counter] = figures.get(counter, 0) + 1
    found = percentile(figures, ORDER_TO_HANDOVER, percent)
    exact = sorted(hours)[max(0, -(-len(hours) * percent // 100) - 1)]
    low, high = next(bounds for bounds in pairwise((0, *BOUNDS_H)) if exact <= bounds[1])
    assert found is not None
    assert low <= found <= high


@pytest.mark.parametrize("by", ["province", "carrier", "channel", "group", "star"])
def test_every_grouping_adds_up_to_the_totals(by: str) -> None:
    month = a_month()
    assert total(grouped(month, by).values()) == total(month.cells.values())  # type: ignore[arg-type]


def test_a_row_for_a_script_has_every_dimension_and_every_figure() -> None:
    row = next(row for row in rows(a_month(), PROVINCES) if row["carrier"] == "vnpost")
    assert row["province_name"] == "Lâm Đồng"
    assert {"month", "channel", "carrier", "origin_province", "group", "star"} <= set(row)
    assert set(FIGURE_NAMES) <= set(row)
    assert row["histograms"]["order_to_handover_h"]["24"] == 4
    assert row["parcels_returned"] == 0


def test_times_are_given_by_vietnams_clock() -> None:
    read = document(a_month(), PROVINCES)
    assert read["as_of"] == "2026-11-01T01:30:00+07:00"
    assert read["watermark"] == "2026-10-31T23:30:00+07:00"
    assert read["revision"] == 7


def test_a_spreadsheet_row_has_no_nesting() -> None:
    lines = [flat(row) for row in rows(a_month(), PROVINCES)]
    assert {type(value) for line in lines for value in line.values()} <= {
        str,
        int,
        float,
        type(None),
    }
    assert len({tuple(line) for line in lines}) == 1


def test_the_table_names_provinces_in_vietnamese_and_sums_them_up() -> None:
    text = printed(overview(a_month(), "province", PROVINCES))
    assert "Lâm Đồng" in text
    assert "revision 7, as of 2026-11-01 01:30, newest fact 2026-10-31 23:30" in text
    (totals,) = [line.split() for line in text.splitlines() if line.startswith(" total")]
    assert totals[:8] == ["total", "3", "0", "0", "0", "0", "4", "0"]


def test_goods_without_a_certificate_have_no_star() -> None:
    assert "no certificate" in printed(overview(a_month(), "star", PROVINCES))


def test_a_month_without_figures_says_so() -> None:
    text = printed(overview(Month("2026-09", {}), "province", PROVINCES))
    assert "nothing counted yet" in text


def test_every_figure_is_explained() -> None:
    text = printed(details(a_month()))
    assert all(name in text for name in FIGURE_NAMES)
