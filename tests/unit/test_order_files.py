"""Files of orders: every row is checked, and a file that was cut off is refused whole."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.channels.files.complaint import FileRefused
from services.channels.files.jsonl import read_jsonl
from services.channels.files.reading import read_order_file, without_unknown_shops
from services.channels.files.report import write_report
from services.channels.files.table import COLUMNS, read_csv
from services.channels.neutral import OrderPayload, parse_order
from tests.intake_examples import PLACED, a_cancellation, an_order, body

if TYPE_CHECKING:
    from pathlib import Path

    from services.channels.files.rows import FileRead


def a_file(*lines: bytes, count: int | None = None) -> bytes:
    counted = len(lines) if count is None else count
    return b"\n".join((*lines, json.dumps({"format": "ocop.order/1", "lines": counted}).encode()))


def a_row(**cells: str) -> dict[str, str]:
    """The worked order as a row of the CSV."""
    return {
        "order_no": "PM-0000001",
        "event": "placed",
        "version": "1",
        "placed_at": "2026-07-01T07:00:00+07:00",
        "shop": "HTX-MAU-01",
        "buyer_name": "Trần Thị B",
        "buyer_phone": "0900000002",
        "street": "Số 1 Đường Mẫu",
        "ward_code": "00166",
        "ward_name": "Phường Cầu Giấy",
        "province_code": "01",
        "province_name": "Hà Nội",
        "vintage": "2025-07",
        "line_no": "1",
        "sku": "OCOP-TS-01-600",
        "quantity": "2",
        "unit_price": "175000",
        "handling": "dry fragile",
        "shipping": "16000",
        "grand_total": "366000",
        "payment_method": "cod",
        "cod_amount": "366000",
        **cells,
    }


def a_table(*rows: dict[str, str], delimiter: str = ",", columns: Any = COLUMNS) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def places(read: FileRead) -> list[tuple[int, str]]:
    return [(one.line, one.column) for one in read.complaints]


def one_line(payload: dict[str, Any]) -> bytes:
    return body(payload).replace(b"\n", b" ")


def test_a_line_is_the_order_as_the_signed_feed_would_bring_it() -> None:
    read = read_jsonl(a_file(one_line(an_order())), "postmart")
    assert [one.payload for one in read.ready] == [parse_order(PLACED)]
    assert read.complaints == []


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_wrong_line_count_refuses_the_file(count: int) -> None:
    raw = a_file(one_line(an_order()), one_line(a_cancellation()), count=count)
    with pytest.raises(FileRefused, match=f"says it has {count} lines and has 2"):
        read_jsonl(raw, "postmart")


@pytest.mark.parametrize("raw", [b"", b"\n", one_line(an_order()), b"[1]", b'{"lines":true}'])
def test_a_file_without_a_line_count_is_refused(raw: bytes) -> None:
    with pytest.raises(FileRefused, match="no line count"):
        read_jsonl(raw, "postmart")


def test_a_bad_line_is_named_and_the_good_ones_stay() -> None:
    bad = one_line(an_order(channel_order_no="PM-2") | {"lines": [{"line_no": 1, "sku": "A"}]})
    read = read_jsonl(a_file(bad, b"{", one_line(an_order())), "postmart")
    assert places(read) == [(1, "lines.0.quantity"), (1, "lines.0.unit_price"), (2, "*")]
    assert [one.line for one in read.ready] == [3]


def test_another_channels_order_is_complained_about() -> None:
    read = read_jsonl(a_file(one_line(an_order())), "voso")
    assert places(read) == [(1, "channel")]


def test_one_version_said_twice_is_one_order_and_said_differently_a_complaint() -> None:
    same, other = one_line(an_order()), one_line(an_order(note="call first"))
    read = read_jsonl(a_file(same, same, other), "postmart")
    assert (len(read.ready), read.repeated, places(read)) == (1, 1, [(3, "version")])


def test_no_complaint_repeats_what_was_sent() -> None:
    line = one_line(an_order(buyer={"name": "Bí Mật" * 200}, event="Bí Mật"))
    other = one_line(an_order(buyer={"name": "Bí Mật" * 200}))
    told = str(read_jsonl(a_file(line, other), "postmart").complaints)
    assert "event" in told
    assert "Bí Mật" not in told


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_a_row_of_a_table_is_the_same_order(delimiter: str) -> None:
    read = read_csv(a_table(a_row(), delimiter=delimiter), "postmart")
    assert read.complaints == []
    order = read.ready[0].payload
    assert isinstance(order, OrderPayload)
    assert order.totals.goods == 350_000
    assert order.lines[0].handling == ("dry", "fragile")
    assert order.ship_to.ward_code == "00166"


def test_two_rows_are_one_order_of_two_lines() -> None:
    second = a_row(line_no="2", quantity="1", unit_price="50000", sku="B")
    read = read_csv(a_table(a_row(), second), "postmart")
    order = read.ready[0].payload
    assert isinstance(order, OrderPayload)
    assert (len(order.lines), order.totals.goods, read.rows) == (2, 400_000, 2)


def test_a_cell_of_the_order_that_differs_between_its_rows_is_named() -> None:
    read = read_csv(a_table(a_row(), a_row(line_no="2", street="Số 2")), "postmart")
    assert (places(read), read.ready) == ([(3, "street")], [])


def test_a_bad_cell_is_named_by_its_own_row_and_column() -> None:
    rows = (
        a_row(),
        a_row(line_no="2", quantity="1.000.000"),
        a_row(order_no="PM-2", placed_at="1/7"),
    )
    read = read_csv(a_table(*rows), "postmart")
    assert places(read) == [(3, "quantity"), (4, "placed_at")]
    assert read.complaints[0].advice.startswith("Write a whole number")


def test_an_order_with_a_row_too_wide_is_not_sent_in_part() -> None:
    table = a_table(a_row()) + a_table(a_row(line_no="2")).partition(b"\n")[2].rstrip() + b",x,y\n"
    read = read_csv(table, "postmart")
    assert (places(read), read.ready) == ([(3, "*")], [])


def test_a_cancellation_needs_no_lines() -> None:
    row = {
        "order_no": "PM-0000001",
        "event": "cancelled",
        "version": "2",
        "updated_at": "2026-07-01T07:45:00+07:00",
        "shop": "HTX-MAU-01",
        "cancel_by": "buyer",
    }
    read = read_csv(a_table(row), "postmart")
    assert (read.complaints, read.ready[0].payload.event) == ([], "cancelled")


def test_an_unknown_column_refuses_the_table_and_lists_the_known() -> None:
    with pytest.raises(FileRefused, match="No such column: colour"):
        read_csv(a_table(columns=[*COLUMNS, "colour"]), "postmart")


@pytest.mark.parametrize(
    "name",
    ["orders.jsonl", "voso-20260701-1.jsonl", "postmart-2026-1.csv", "postmart-20260701.csv"],
)
def test_a_file_of_another_name_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(a_file(one_line(an_order())))
    with pytest.raises(FileRefused):
        read_order_file(tmp_path / name, "postmart")


def test_an_unknown_shop_is_a_complaint_and_a_notice_needs_none() -> None:
    raw = a_file(one_line(an_order()), one_line(a_cancellation()))
    read = without_unknown_shops(read_jsonl(raw, "postmart"), {"HTX-MAU-02"})
    assert (places(read), len(read.ready)) == ([(1, "seller_ref")], 1)


def test_the_report_stands_beside_the_file_until_the_file_is_fine(tmp_path: Path) -> None:
    file = tmp_path / "postmart-20260701-1.jsonl"
    report = write_report(file, read_jsonl(a_file(b"{}"), "postmart").complaints)
    assert report is not None
    assert report.read_text("utf-8-sig").startswith("line,column,problem,advice")
    assert write_report(file, []) is None
    assert not report.exists()


@given(st.binary() | st.text().map(str.encode))
def test_no_bytes_break_a_reader(raw: bytes) -> None:
    for read in (read_jsonl, read_csv):
        try:
            read(raw, "postmart")
        except FileRefused:
            continue


@given(st.lists(st.dictionaries(st.sampled_from(COLUMNS), st.text() | st.integers().map(str))))
def test_no_cells_break_the_table(rows: list[dict[str, str]]) -> None:
    try:
        read = read_csv(a_table(*rows), "postmart")
    except FileRefused:
        return
    assert len(read.ready) + len(read.complaints) + read.repeated > 0 or not read.rows


@given(st.lists(st.sampled_from([one_line(an_order()), one_line(a_cancellation()), b"{}", b"x"])))
def test_every_line_is_ready_repeated_or_complained_about(lines: list[bytes]) -> None:
    read = read_jsonl(a_file(*lines), "postmart")
    wrong = {one.line for one in read.complaints}
    assert len(read.ready) + read.repeated + len(wrong) == len(lines) == read.rows
