"""A statement file into lines: every good row a line or more, every bad row named."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any, Final, get_args

from schemas.cod import FeeKind, SettlementReceived
from schemas.place import VIETNAM
from services.carriers.viettelpost.webhook import RETURN_SUFFIX
from services.carriers.webhook import TRACKING_NO

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from schemas.cod import PaidTo
    from services.settlement.columns import Column, ColumnMap

STATEMENT_NO: Final = re.compile(r"[^|\x00-\x1f]{1,64}")
WHOLE: Final = re.compile(r"-?[0-9]{1,13}")
LINE_NO: Final = re.compile(r"[1-9][0-9]{0,7}")
FEE_KINDS: Final[Mapping[str, FeeKind]] = {kind: kind for kind in get_args(FeeKind)}
LINES_A_ROW: Final = 10
"""Where fees have columns of their own, a row makes several lines; their numbers follow the row's."""
SUFFIXES: Final[Mapping[str, str]] = {"viettelpost": RETURN_SUFFIX}
"""What a carrier appends to a number on the leg back."""


class StatementUnreadable(ValueError):
    """The file is no CSV of this layout at all, and why."""


@dataclass(frozen=True, slots=True)
class RowError:
    """A row that makes no line: its line in the file, the column, and what is wrong."""

    line: int
    column: str
    problem: str

    def __str__(self) -> str:
        return f"{self.line}: {self.column}: {self.problem}"


@dataclass(slots=True)
class Statement:
    """What a file says."""

    lines: list[SettlementReceived] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)
    rows: int = 0


@dataclass(frozen=True, slots=True)
class Import:
    """Whose file it is, how it is laid out, who imports it, and whom the carrier paid."""

    carrier: str
    layout: ColumnMap
    by: str
    paid_to: PaidTo = "programme"


class _Bad(Exception):
    def __init__(self, column: str, problem: str) -> None:
        super().__init__(problem)
        self.column, self.problem = column, problem


def read_statement(raw: bytes, wanted: Import) -> Statement:
    """Read a file. Raises StatementUnreadable where not even its heading can be read."""
    layout = wanted.layout
    try:
        text = raw.decode(layout.encoding)
    except (UnicodeDecodeError, LookupError) as error:
        raise StatementUnreadable(f"it is not {layout.encoding}: {error}") from None
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=layout.delimiter)
    try:
        headings = {heading.strip() for heading in reader.fieldnames or () if heading}
        lacking = [name for name in _headings(layout) if name not in headings]
        if lacking:
            raise StatementUnreadable(f"it has no column {', '.join(lacking)}")
        return _rows(reader, wanted)
    except csv.Error as error:
        raise StatementUnreadable(f"line {reader.line_num}: {error}") from None


def _headings(layout: ColumnMap) -> Iterator[str]:
    """Columns a file must have. The carrier is known, and what is not there is empty."""
    optional = {"carrier", "reference", "fee_kind", "net_vnd", "line_no"}
    yield from (heading for name, heading in layout.columns.items() if name not in optional)
    yield from layout.fees.values()


def _rows(reader: csv.DictReader[str], wanted: Import) -> Statement:
    statement = Statement()
    seen: dict[str, int] = {}
    for number, cells in enumerate(reader, 1):
        row = {str(name).strip(): value for name, value in cells.items() if isinstance(value, str)}
        if not any(value.strip() for value in row.values()):
            continue
        statement.rows += 1
        try:
            lines = list(_lines(row, number, wanted))
        except _Bad as bad:
            statement.errors.append(RowError(reader.line_num, bad.column, bad.problem))
            continue
        again = next((seen[line.entity] for line in lines if line.entity in seen), None)
        if again is not None:
            problem = f"repeats the statement and line number of line {again}"
            statement.errors.append(RowError(reader.line_num, "line_no", problem))
            continue
        seen |= {line.entity: reader.line_num for line in lines}
        statement.lines += lines
    return statement


def _lines(row: Mapping[str, str], number: int, wanted: Import) -> Iterable[SettlementReceived]:
    """A row's lines: the first has the cash and its fee, the others a fee more each."""
    layout = wanted.layout
    common = _common(row, wanted)
    line_no = _cell(row, "line_no", layout) or str(number)
    if not LINE_NO.fullmatch(line_no):
        raise _Bad("line_no", f"'{line_no}' is no number from 1")
    cod = _vnd(_cell(row, "cod_vnd", layout), "cod_vnd", layout)
    fees = _fees(row, layout)
    net_text = _cell(row, "net_vnd", layout)
    every = sum(vnd for _, vnd in fees)
    net = _vnd(net_text, "net_vnd", layout) if net_text else cod - every
    first: tuple[FeeKind, int] = fees[0] if fees else ("", 0)
    first_no = int(line_no) * (LINES_A_ROW if layout.fees else 1)
    yield _line(common, first_no, first, cod, net + every - first[1])
    for count, (more, vnd) in enumerate(fees[1:], 1):
        yield _line(common, int(line_no) * LINES_A_ROW + count, (more, vnd), 0, -vnd)


def _line(
    common: Mapping[str, Any], line_no: int, fee: tuple[FeeKind, int], cod: int, net: int
) -> SettlementReceived:
    kind, vnd = fee
    return SettlementReceived(
        **common,
        line_no=line_no,
        fee_kind=kind,
        fee_vnd=vnd,
        cod_vnd=cod,
        net_vnd=net,
    )


def _common(row: Mapping[str, str], wanted: Import) -> dict[str, Any]:
    """What all lines of a row have."""
    layout = wanted.layout
    named = _cell(row, "carrier", layout)
    if named and named != wanted.carrier:
        raise _Bad("carrier", f"the row is of {named}, not of {wanted.carrier}")
    statement_no = _cell(row, "statement_no", layout)
    if not STATEMENT_NO.fullmatch(statement_no):
        raise _Bad("statement_no", "it is empty, too long, or holds a bar")
    number = _name(row, "tracking_no", layout)
    reference = _name(row, "reference", layout)
    if number is None and reference is None:
        raise _Bad("tracking_no", "the row names no parcel, by number or by reference")
    day = _day(_cell(row, "transferred_on", layout), layout)
    suffix = SUFFIXES.get(wanted.carrier, "")
    return {
        "version": 1,
        "occurred_at": datetime.combine(day, time(), VIETNAM).astimezone(UTC),
        "carrier": wanted.carrier,
        "statement_no": statement_no,
        "tracking_no": (number.removesuffix(suffix) or number) if number else None,
        "reference": reference,
        "transferred_on": day,
        "paid_to": wanted.paid_to,
        "imported_by": wanted.by,
    }


def _fees(row: Mapping[str, str], layout: ColumnMap) -> list[tuple[FeeKind, int]]:
    """Kinds and amounts of what was kept back; a compensation without a fee is one too."""
    if layout.fees:
        found = [
            (kind, _vnd(row.get(heading, "").strip(), heading, layout))
            for kind, heading in layout.fees.items()
        ]
        fees = [(kind, vnd) for kind, vnd in found if vnd]
    else:
        kind = _cell(row, "fee_kind", layout)
        if kind not in FEE_KINDS:
            known = ", ".join(sorted(FEE_KINDS.keys() - {""}))
            raise _Bad("fee_kind", f"'{kind}' is none of {known}")
        vnd = _vnd(_cell(row, "fee_vnd", layout), "fee_vnd", layout)
        fees = [(FEE_KINDS[kind], vnd)] if kind or vnd else []
    if any(vnd < 0 for _, vnd in fees):
        raise _Bad("fee_vnd", "a fee is never negative")
    return fees


def _cell(row: Mapping[str, str], name: Column, layout: ColumnMap) -> str:
    heading = layout.columns.get(name)
    found = row.get(heading, "").strip() if heading else ""
    return found or layout.constants.get(name, "")


def _name(row: Mapping[str, str], column: Column, layout: ColumnMap) -> str | None:
    found = _cell(row, column, layout)
    if found and not TRACKING_NO.fullmatch(found):
        raise _Bad(column, f"'{found[:40]}' cannot name a parcel")
    return found or None


def _vnd(text: str, column: str, layout: ColumnMap) -> int:
    """Whole đồng; an empty cell is nought."""
    plain = text.removesuffix("₫").removesuffix("đ").strip()
    if layout.thousands:
        plain = plain.replace(layout.thousands, "")
    if plain and not WHOLE.fullmatch(plain):
        raise _Bad(column, f"'{text[:40]}' is no whole amount of đồng")
    return int(plain or 0)


def _day(text: str, layout: ColumnMap) -> date:
    try:
        found = datetime.strptime(text, layout.date).date()  # noqa: DTZ007 (a day has no zone)
    except ValueError:
        raise _Bad("transferred_on", f"'{text[:40]}' is no day like {layout.date}") from None
    if not 2000 <= found.year < 2100:  # noqa: PLR2004 (this century)
        raise _Bad("transferred_on", f"'{text[:40]}' is not of this century")
    return found
