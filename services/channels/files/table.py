"""CSV: one row a line of an order; the cells of the order itself are the same in all its rows.

`,` or `;` between cells, UTF-8, an empty cell is absent. Goods are added up from the lines, so no
column holds them.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import orjson

from services.channels.files.complaint import Complaint, FileRefused
from services.channels.files.rows import FileRead
from services.channels.neutral import MOST_DONG

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OF_ORDER: Final[Mapping[str, tuple[str, ...]]] = {
    "order_no": ("channel_order_no",),
    "event": ("event",),
    "version": ("version",),
    "placed_at": ("placed_at",),
    "updated_at": ("updated_at",),
    "shop": ("seller_ref",),
    "buyer_name": ("buyer", "name"),
    "buyer_phone": ("buyer", "phone"),
    "street": ("ship_to", "street"),
    "ward_code": ("ship_to", "ward_code"),
    "ward_name": ("ship_to", "ward_name"),
    "province_code": ("ship_to", "province_code"),
    "province_name": ("ship_to", "province_name"),
    "vintage": ("ship_to", "vintage"),
    "postcode": ("ship_to", "postcode"),
    "city": ("ship_to", "city"),
    "country": ("ship_to", "country"),
    "shipping": ("totals", "shipping"),
    "discount": ("totals", "discount"),
    "grand_total": ("totals", "grand_total"),
    "payment_method": ("payment", "method"),
    "cod_amount": ("payment", "cod_amount"),
    "shipping_payer": ("payment", "shipping_payer"),
    "paid": ("payment", "paid"),
    "fixed_carrier": ("fixed_carrier",),
    "note": ("note",),
    "cancel_by": ("cancel", "by"),
    "cancel_reason": ("cancel", "reason"),
}
"""Columns of the order, and the field of `ocop.order/1` each is."""
OF_LINE: Final = (
    *("line_no", "sku", "name", "quantity", "unit_price", "weight_g", "lot", "best_before"),
    *("handling", "name_en", "hs_code", "origin_country"),
)
"""Columns of a line, named as the field; `handling` holds classes with spaces between them."""
COLUMNS: Final = (*OF_ORDER, *OF_LINE)
NEEDED: Final = ("order_no", "version", "event")
BEYOND: Final = "*"
"""The name of a cell that has no column."""
CONTENT: Final = frozenset({"placed", "amended"})
"""Events that bring the whole order; the others are notices about it."""

Cells = dict[str, str]


@dataclass(slots=True)
class Group:
    """The rows of one order and version, each with its line in the file."""

    rows: list[tuple[int, Cells]] = field(default_factory=list)


def read_csv(raw: bytes, channel: str) -> FileRead:
    """Check every row and put the rows of each order together.

    Raises:
        FileRefused: it is no UTF-8, or its columns are not ours.
    """
    rows = list(_rows(raw))
    read = FileRead(rows=len(rows))
    for group in _groups(rows):
        wrong = [*_too_wide(group), *_differing(group)]
        read.complaints.extend(wrong)
        if not wrong:
            _take(group, channel, read)
    read.complaints.sort(key=lambda one: one.line)
    return read


def _rows(raw: bytes) -> Iterator[tuple[int, Cells]]:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileRefused("The file is not UTF-8: save it as CSV UTF-8.") from error
    header = text.partition("\n")[0]
    delimiter = ";" if header.count(";") > header.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        columns = [name.strip() for name in next(reader, [])]
        _check_columns(columns)
        for cells in reader:
            if any(cell.strip() for cell in cells):
                named = dict(zip([*columns, BEYOND], cells, strict=False))
                yield reader.line_num, {k: v.strip() for k, v in named.items() if v.strip()}
    except csv.Error as error:
        raise FileRefused(f"Line {reader.line_num} is no CSV: {error}.") from error


def _check_columns(columns: list[str]) -> None:
    unknown = [name[:40] for name in columns if name not in COLUMNS]
    missing = [name for name in NEEDED if name not in columns]
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if unknown:
        raise FileRefused(f"No such column: {', '.join(unknown)}. Columns: {', '.join(COLUMNS)}.")
    if missing or twice:
        which = ", ".join(missing or twice)
        raise FileRefused(f"Column {'missing' if missing else 'twice'}: {which}.")


def _groups(rows: list[tuple[int, Cells]]) -> list[Group]:
    """Rows by order and version, in the order of their first rows."""
    groups: dict[tuple[str, str], Group] = {}
    for line, cells in rows:
        name = (cells.get("order_no", f"\n{line}"), cells.get("version", ""))
        groups.setdefault(name, Group()).rows.append((line, cells))
    return list(groups.values())


def _too_wide(group: Group) -> Iterator[Complaint]:
    for line, cells in group.rows:
        if BEYOND in cells:
            advice = "Quote cells that hold the separator."
            yield Complaint(line, BEYOND, "More cells than columns", advice)


def _differing(group: Group) -> Iterator[Complaint]:
    first_line, first = group.rows[0]
    for line, cells in group.rows[1:]:
        for column in OF_ORDER:
            if cells.get(column) != first.get(column):
                problem = f"Differs from line {first_line}, of the same order"
                yield Complaint(line, column, problem, "Write the same in every row of an order.")


def _take(group: Group, channel: str, read: FileRead) -> None:
    before = len(read.complaints)
    read.take(group.rows[0][0], orjson.dumps(_order(group, channel)), channel)
    for number, complaint in enumerate(read.complaints[before:], start=before):
        read.complaints[number] = _in_the_table(complaint, group)


def _order(group: Group, channel: str) -> dict[str, Any]:
    cells = group.rows[0][1]
    order: dict[str, Any] = {"format": "ocop.order/1", "channel": channel}
    for column, path in OF_ORDER.items():
        if column in cells:
            _put(order, path, cells[column])
    if order.get("event") in CONTENT:
        order["lines"] = [_line(row) for _, row in group.rows]
        order.setdefault("totals", {})["goods"] = min(
            sum(map(_worth, order["lines"])), MOST_DONG + 1
        )
        order.setdefault("buyer", {})
        order.setdefault("ship_to", {})
    return order


def _put(order: dict[str, Any], path: tuple[str, ...], value: str) -> None:
    *outer, name = path
    for part in outer:
        order = order.setdefault(part, {})
    order[name] = value


def _line(cells: Cells) -> dict[str, Any]:
    line: dict[str, Any] = {name: cells[name] for name in OF_LINE if name in cells}
    if "handling" in line:
        line["handling"] = line["handling"].split()
    return line


def _worth(line: dict[str, Any]) -> int:
    """VND of a line; 0 where a number is wrong, which the check then says."""
    try:
        return max(0, int(line["quantity"])) * max(0, int(line["unit_price"]))
    except (KeyError, ValueError):
        return 0


def _in_the_table(complaint: Complaint, group: Group) -> Complaint:
    """The complaint about a field as one about a row and a column."""
    path = tuple(complaint.column.split("."))
    if path[0] == "lines" and len(path) > 2:  # noqa: PLR2004 - lines, number, field
        line = group.rows[int(path[1])][0]
        return Complaint(line, path[2], complaint.problem, complaint.advice)
    for column, field_path in OF_ORDER.items():
        if field_path == path:
            return Complaint(complaint.line, column, complaint.problem, complaint.advice)
    return complaint
