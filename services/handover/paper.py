"""A manifest on A4: who hands what to whom, a barcode a parcel, totals, and two signatures."""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Final

from schemas.place import VIETNAM
from services.labels.pages import A4_HEIGHT, A4_WIDTH, new_canvas
from services.labels.pen import BOLD, Pen
from services.labels.words import dong, weight

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

EDGE: Final = 12.0
INNER: Final = A4_WIDTH - 2 * EDGE
FIRST_ROW: Final = 50.0
ROW: Final = 11.0
LAST_ROW: Final = 228.0
"""Rows end here, so that every page has room for totals and signatures."""
ON_A_PAGE: Final = int((LAST_ROW - FIRST_ROW) / ROW)

NUMBER, BARS, PARCEL, WEIGHT, CASH = 0.0, 9.0, 84.0, 138.0, 158.0
"""Where each column begins."""


@dataclass(frozen=True, slots=True)
class Heading:
    """Everything on a manifest but its parcels; the names and the phone are personal data."""

    manifest_no: str
    carrier: str
    seller: str
    origin: str
    phone: str = field(repr=False)
    opened_at: datetime
    closed_at: datetime | None = None
    signed_by_seller: str = field(default="", repr=False)
    signed_by_courier: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Row:
    """A parcel; weight g, money VND."""

    tracking_no: str
    parcel_id: str
    weight_g: int
    cod_vnd: int


def print_manifest(heading: Heading, rows: Sequence[Row]) -> bytes:
    """A PDF; the same manifest gives the same bytes."""
    file = BytesIO()
    canvas = new_canvas(file, f"Bảng kê {heading.manifest_no}", A4_WIDTH, A4_HEIGHT)
    pages = max(1, -(-len(rows) // ON_A_PAGE))
    for page in range(pages):
        pen = Pen(canvas, A4_HEIGHT)
        _head(pen, heading, f"Trang {page + 1}/{pages}")
        first = page * ON_A_PAGE
        for number, row in enumerate(rows[first : first + ON_A_PAGE]):
            _row(pen, FIRST_ROW + number * ROW, first + number + 1, row)
        if page == pages - 1:
            _totals(pen, rows)
            _signatures(pen, heading)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def _head(pen: Pen, heading: Heading, page: str) -> None:
    pen.text(EDGE, 10, 110, "BẢNG KÊ BÀN GIAO BƯU GỬI", 16, BOLD)
    pen.text(EDGE, 18, 110, f"{heading.manifest_no} · {heading.carrier}", 12, BOLD)
    pen.text(EDGE, 24.5, 110, f"Bên gửi: {heading.seller} · {heading.phone}", 9)
    pen.block(EDGE, 29, 110, 8, f"Nơi gửi: {heading.origin}", 9)
    state = f"Đã bàn giao {clock(heading.closed_at)}" if heading.closed_at else "Chưa bàn giao"
    pen.text(EDGE, 37.5, 110, f"Lập {clock(heading.opened_at)} · {state}", 9)
    pen.code128(EDGE + INNER - 70, 10, 70, 16, heading.manifest_no)
    pen.right(EDGE + INNER - 70, 30, 70, page, 9)
    pen.text(EDGE + NUMBER, 44, 8, "STT", 8, BOLD)
    pen.text(EDGE + BARS, 44, 60, "Mã vận đơn", 8, BOLD)
    pen.text(EDGE + PARCEL, 44, 50, "Kiện", 8, BOLD)
    pen.right(EDGE + WEIGHT, 44, CASH - WEIGHT - 2, "Khối lượng", 8, BOLD)
    pen.right(EDGE + CASH, 44, INNER - CASH, "Thu hộ (COD)", 8, BOLD)
    pen.rule(FIRST_ROW - 1, EDGE, INNER)


def _row(pen: Pen, y: float, number: int, row: Row) -> None:
    pen.text(EDGE + NUMBER, y + 2.5, 8, str(number), 8)
    pen.code128(EDGE + BARS, y + 0.5, PARCEL - BARS - 4, 5.6, row.tracking_no)
    pen.text(EDGE + BARS + 6, y + 6.3, PARCEL - BARS - 10, row.tracking_no, 7.5, BOLD)
    pen.block(EDGE + PARCEL, y + 1.5, WEIGHT - PARCEL - 2, 7, row.parcel_id, 7.5)
    pen.right(EDGE + WEIGHT, y + 2.5, CASH - WEIGHT - 2, weight(row.weight_g), 8)
    pen.right(EDGE + CASH, y + 2.5, INNER - CASH, dong(row.cod_vnd), 8)
    pen.rule(y + ROW - 1, EDGE, INNER)


def _totals(pen: Pen, rows: Sequence[Row]) -> None:
    grams = sum(row.weight_g for row in rows)
    cash = sum(row.cod_vnd for row in rows)
    words = f"Tổng cộng: {len(rows)} kiện · {weight(grams)} · Thu hộ (COD): {dong(cash)}"
    pen.text(EDGE, LAST_ROW + 3, INNER, words, 12, BOLD)


def _signatures(pen: Pen, heading: Heading) -> None:
    half = INNER / 2
    for x, title, name in (
        (EDGE, "NGƯỜI GIAO (bên gửi)", heading.signed_by_seller),
        (EDGE + half, "NGƯỜI NHẬN (bưu tá)", heading.signed_by_courier),
    ):
        pen.text(x, LAST_ROW + 13, half - 6, title, 10, BOLD)
        pen.text(x, LAST_ROW + 18, half - 6, "(ký, ghi rõ họ tên, ngày giờ)", 8)
        pen.text(x, LAST_ROW + 39, half - 6, name, 11)
        pen.rule(LAST_ROW + 45, x, half - 10)


def clock(moment: datetime | None) -> str:
    """`08:15 02/10/2026`, Vietnam time."""
    return f"{moment.astimezone(VIETNAM):%H:%M %d/%m/%Y}" if moment else ""
