"""Statement files: columns by a map, every bad row named, arbitrary bytes refused in one way."""

from __future__ import annotations

import contextlib
from datetime import date
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.settlement.columns import COLUMNS, MAPS, NEUTRAL, ColumnMap, MapInvalid, read_map
from services.settlement.file import Import, Statement, StatementUnreadable, read_statement

if TYPE_CHECKING:
    from pathlib import Path

HEADING = ",".join(COLUMNS)
ROW = "viettelpost,BK-1,1,VTP00012,OCOP-1,350000,5500,cod,344500,2026-10-11"


def read(*rows: str, layout: ColumnMap = NEUTRAL, carrier: str = "viettelpost") -> Statement:
    return read_statement("\n".join(rows).encode(), Import(carrier, layout, "ops:an"))


def test_a_neutral_row_is_a_line() -> None:
    (line,) = read(HEADING, ROW).lines
    assert (line.entity, line.key) == ("viettelpost|BK-1|1", "viettelpost:VTP00012")
    assert (line.cod_vnd, line.fee_vnd, line.fee_kind, line.net_vnd) == (
        350_000,
        5_500,
        "cod",
        344_500,
    )
    assert (line.transferred_on, line.imported_by) == (date(2026, 10, 11), "ops:an")


def test_a_number_of_the_leg_back_is_the_parcels_own() -> None:
    (line,) = read(HEADING, ROW.replace("VTP00012", "VTP000121P1")).lines
    assert line.tracking_no == "VTP00012"


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (ROW.replace("viettelpost", "ghn"), "carrier"),
        (ROW.replace("BK-1", ""), "statement_no"),
        (ROW.replace("BK-1", "a|b"), "statement_no"),
        (ROW.replace("VTP00012,OCOP-1", ","), "tracking_no"),
        (ROW.replace("VTP00012", "two words"), "tracking_no"),
        (ROW.replace("350000", "350.000"), "cod_vnd"),
        (ROW.replace("5500,cod", "-1,cod"), "fee_vnd"),
        (ROW.replace("5500,cod", "1,tip"), "fee_kind"),
        (ROW.replace("2026-10-11", "11/10/2026"), "transferred_on"),
        (ROW.replace("BK-1,1,", "BK-1,x,"), "line_no"),
    ],
)
def test_a_bad_row_is_named_and_the_others_stay(row: str, column: str) -> None:
    found = read(HEADING, row, ROW)
    assert [(error.line, error.column) for error in found.errors] == [(2, column)]
    assert len(found.lines) == 1


def test_a_line_number_that_comes_twice_is_an_error() -> None:
    found = read(HEADING, ROW, ROW)
    assert [str(error) for error in found.errors] == [
        "3: line_no: repeats the statement and line number of line 2"
    ]


def test_fees_in_columns_of_their_own_are_lines_of_their_own() -> None:
    layout = read_map(MAPS / "viettelpost-sample.toml")
    heading = (
        "Số bảng kê;Mã vận đơn;Mã đơn hàng;Tiền thu hộ;Thực nhận;Ngày chuyển;Phí thu hộ;Cước phí"
    )
    found = read(heading, "BK;VTP1;;350.000;300.000;11/10/2026;5.500;44.500", layout=layout)
    lines = [
        (one.line_no, one.cod_vnd, one.fee_kind, one.fee_vnd, one.net_vnd) for one in found.lines
    ]
    assert lines == [(10, 350_000, "cod", 5_500, 344_500), (11, 0, "freight", 44_500, -44_500)]
    assert sum(line.net_vnd + line.fee_vnd for line in found.lines) == 350_000


@pytest.mark.parametrize("path", sorted(MAPS.glob("*.toml")), ids=lambda path: path.stem)
def test_the_sample_maps_say_that_they_are_ours(path: Path) -> None:
    assert "ours" in read_map(path).label


@pytest.mark.parametrize(
    "text",
    [
        "[columns",
        "[columns]\ncod_vnd = 'a'",
        "[columns]\ncod_vnd='a'\nstatement_no='b'\ntransferred_on='c'",
        "[columns]\nprice = 'a'",
    ],
)
def test_a_map_that_is_not_enough_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "map.toml"
    path.write_text(text)
    with pytest.raises(MapInvalid):
        read_map(path)


def test_a_file_without_the_columns_is_unreadable() -> None:
    with pytest.raises(StatementUnreadable, match="no column statement_no"):
        read("a,b", "1,2")


@given(st.binary(max_size=400), st.booleans())
def test_arbitrary_bytes_are_lines_errors_or_unreadable(raw: bytes, headed: bool) -> None:
    with contextlib.suppress(StatementUnreadable):
        read_statement(
            (HEADING.encode() + b"\n" if headed else b"") + raw, Import("ghn", NEUTRAL, "an")
        )


@given(st.lists(st.text(max_size=20), min_size=10, max_size=10))
def test_any_cells_are_a_line_or_a_named_error(cells: list[str]) -> None:
    row = ",".join('"' + cell.replace('"', '""') + '"' for cell in cells)
    found = read_statement(
        f"{HEADING}\n{row}".encode("utf-8", "replace"), Import("ghn", NEUTRAL, "an")
    )
    assert len(found.lines) + len(found.errors) <= max(1, found.rows)
