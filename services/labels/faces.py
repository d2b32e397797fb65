"""The faces of a label, each 105 × 148 mm: the label itself, and customs data where there are."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from services.labels.pen import BOLD, REGULAR
from services.labels.words import cash, freight, marks, weight
from services.reference.countries import country_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TypeAlias

    from services.carriers.port import Party
    from services.labels.content import Customs, CustomsItem, Label
    from services.labels.pen import Pen

    Face: TypeAlias = Callable[[Pen], None]

WIDTH: Final = 105.0
HEIGHT: Final = 148.0
EDGE: Final = 4.0
INNER: Final = WIDTH - 2 * EDGE
RIGHT: Final = 34.0
"""The column at the right edge: sort code, QR."""
LEFT: Final = INNER - RIGHT
CUSTOMS_ITEMS: Final = 5
"""Kinds of goods a customs face has lines for; more are on a further face."""
COLUMNS: Final = (0.0, 14.0, 33.0, 60.0, 81.0)
"""Where the columns begin, in mm."""
HEADINGS: Final = (
    "SL / Qty",
    "KL tịnh / Net",
    "Trị giá / Value",
    "Mã HS / HS",
    "Gốc / Origin",
)
CERTIFIED: Final = (
    "Tôi cam đoan khai đúng. / I certify that the particulars given here are correct."
)


def faces_of(label: Label) -> Iterator[Face]:
    """What is printed for a parcel, in order."""
    yield lambda pen: draw_label(pen, label)
    if (customs := label.customs) is not None:
        for first in range(0, len(customs.items), CUSTOMS_ITEMS):
            items = customs.items[first : first + CUSTOMS_ITEMS]
            yield lambda pen, items=items: draw_customs(pen, label, customs, items)  # type: ignore[misc]


def draw_label(pen: Pen, label: Label) -> None:
    """The label. Fixed bands, so that a sorter finds each thing where it always is."""
    _head(pen, label)
    pen.code128(EDGE, 17.5, INNER, 15, label.tracking_no)
    pen.text(EDGE + 2, 33, 60, label.tracking_no, 12, BOLD)
    pen.right(EDGE, 33.6, INNER - 2, f"Kiện {label.parcel_no}/{label.parcel_count}", 11, BOLD)
    pen.rule(39, EDGE, INNER)
    _sender(pen, label)
    _recipient(pen, label)
    _goods(pen, label)
    _money(pen, label)
    _foot(pen, label)
    pen.box(EDGE, EDGE, INNER, HEIGHT - 2 * EDGE)


def _head(pen: Pen, label: Label) -> None:
    pen.text(EDGE + 2, 5, LEFT - 4, label.carrier, 15, BOLD)
    pen.text(EDGE + 2, 11.2, LEFT - 4, label.service, 8)
    if label.sort_code:
        pen.right(EDGE + LEFT, 5, RIGHT - 2, label.sort_code, 20, BOLD)
    pen.rule(16, EDGE, INNER)


def _sender(pen: Pen, label: Label) -> None:
    pen.text(EDGE + 2, 40, LEFT - 4, "NGƯỜI GỬI", 6.5, BOLD)
    sender = label.sender
    pen.text(EDGE + 2, 43, LEFT - 4, f"{sender.name} · {sender.phone}", 8, BOLD)
    pen.block(EDGE + 2, 47, LEFT - 4, 11, address(sender), 7.5)
    pen.text(EDGE + 2, 60, LEFT - 4, f"Mã tham chiếu: {label.reference}", 7)
    pen.text(EDGE + 2, 63.6, LEFT - 4, label.parcel_id, 6.5)
    pen.qr(EDGE + LEFT + 4, 39.5, 28, label.scanned_as)
    pen.rule(68, EDGE, INNER)


def _recipient(pen: Pen, label: Label) -> None:
    pen.text(EDGE + 2, 69, INNER - 4, "NGƯỜI NHẬN", 7, BOLD)
    recipient = label.recipient
    taken = pen.block(EDGE + 2, 72.2, INNER - 4, 11, recipient.name, 12, BOLD)
    pen.text(EDGE + 2, 72.4 + taken, INNER - 4, recipient.phone, 12, BOLD)
    pen.block(EDGE + 2, 78 + taken, INNER - 4, 17.5 - taken + 2, address(recipient), 10)
    pen.rule(98, EDGE, INNER)


def _goods(pen: Pen, label: Label) -> None:
    pen.block(EDGE + 2, 99, INNER - 4, 9.5, f"Nội dung: {label.contents}", 8)
    line = f"Khối lượng: {weight(label.weight_g)} · Số lượng: {label.pieces}"
    pen.text(EDGE + 2, 109, INNER - 4, line, 8.5, BOLD)
    if words := marks(label.handling):
        pen.inverted(EDGE + 2, 113.3, INNER - 4, " · ".join(words), 9)
    pen.rule(119, EDGE, INNER)


def _money(pen: Pen, label: Label) -> None:
    pen.text(EDGE + 2, 119.4, INNER - 4, cash(label.cod_vnd), 17, BOLD)
    pen.rule(127, EDGE, INNER)


def _foot(pen: Pen, label: Label) -> None:
    if label.freight_vnd is not None:
        words = freight(label.freight_vnd, is_sample=label.freight_is_sample)
        pen.text(EDGE + 2, 127.4, INNER - 4, words, 6.5)
    if label.sscc is not None:
        pen.gs1_128(EDGE, 130.8, INNER, 8.6, f"00{label.sscc}")
        pen.text(EDGE + 2, 140, INNER - 4, f"SSCC (00) {label.sscc}", 7)


def draw_customs(pen: Pen, label: Label, customs: Customs, items: Sequence[CustomsItem]) -> None:
    """Customs content data. Not a form of the postal union: what such a form asks for."""
    pen.box(EDGE, EDGE, INNER, HEIGHT - 2 * EDGE)
    pen.text(EDGE + 2, 5, INNER - 4, "KHAI HẢI QUAN / CUSTOMS CONTENT DATA", 11, BOLD)
    country = country_name(customs.destination_country)
    route = f"VN – {customs.destination_country} ({country}) · Bán hàng / Sale of goods"
    pen.text(EDGE + 2, 10.5, INNER - 4, f"{label.tracking_no}   {route}", 8.5, BOLD)
    pen.code128(EDGE, 15, INNER, 10, label.tracking_no)
    pen.rule(26, EDGE, INNER)
    _columns(pen, 26.5, HEADINGS, 6)
    pen.rule(30, EDGE, INNER)
    y = 31.0
    for item in items:
        pen.block(EDGE + 2, y, INNER - 4, 7, item.description, 8.5, BOLD)
        _columns(pen, y + 7.5, declared(item), 8)
        y += 13
        pen.rule(y - 1, EDGE, INNER)
    grams = sum(item.net_weight_g for item in customs.items)
    total = f"{grams} g net · {label.weight_g} g gross · {totals(customs)}"
    pen.text(EDGE + 2, y + 0.5, INNER - 4, f"Tổng / Total: {total}", 8.5, BOLD)
    _undersigned(pen, label, customs)


def _columns(pen: Pen, y: float, texts: Sequence[str], size: float) -> None:
    edges = (*COLUMNS[1:], INNER - 2)
    for x, end, text in zip(COLUMNS, edges, texts, strict=True):
        pen.text(EDGE + 2 + x, y, end - x - 1, text, size, REGULAR)


def _undersigned(pen: Pen, label: Label, customs: Customs) -> None:
    foot = HEIGHT - EDGE
    pen.rule(foot - 30, EDGE, INNER)
    if customs.papers:
        papers = f"Giấy tờ kèm theo / Papers: {', '.join(customs.papers)}"
        pen.text(EDGE + 2, foot - 29, INNER - 4, papers, 7)
    sender = f"Người gửi / Sender: {label.sender.name}, {address(label.sender)}, VIETNAM"
    pen.block(EDGE + 2, foot - 25, INNER - 4, 7, sender, 7)
    pen.text(EDGE + 2, foot - 17, INNER - 4, CERTIFIED, 6.5)
    pen.text(EDGE + 2, foot - 12, INNER - 4, "Ngày, chữ ký / Date, signature:", 8)
    pen.rule(foot - 3, EDGE + 44, INNER - 48)


def address(party: Party) -> str:
    """Street, ward, province, as written in Vietnam; abroad the town and, in capitals, the country."""
    if party.is_abroad:
        town = " ".join(part for part in (party.postcode, party.city) if part)
        parts = (party.street, town, country_name(party.country).upper())
    else:
        parts = (party.street, party.ward, party.province)
    return ", ".join(part for part in parts if part)


def declared(item: CustomsItem) -> tuple[str, ...]:
    """Quantity, net weight, value, tariff number and origin of goods of one kind."""
    return (
        f"{item.quantity}",
        f"{item.net_weight_g} g",
        money(item.value, item.currency),
        item.hs_code or "–",
        item.origin_country,
    )


def totals(customs: Customs) -> str:
    """The value of everything, by currency."""
    values: dict[str, Decimal] = {}
    for item in customs.items:
        values[item.currency] = values.get(item.currency, Decimal(0)) + item.value
    return " + ".join(money(value, currency) for currency, value in sorted(values.items()))


def money(value: Decimal, currency: str) -> str:
    """`480 000 VND`: a comma or a point would be read differently here and there."""
    return f"{value:,} {currency}".replace(",", " ")
