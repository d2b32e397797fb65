"""A carrier's weekly statement of the cash it collected, as our neutral CSV; with its mistakes.

What a real statement looks like nobody published. Fees, compensation and mistakes are invented.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from services.sandbox.yard import Parcel, Yard

HEADING: Final = (
    *("carrier", "statement_no", "line_no", "tracking_no", "reference", "cod_vnd", "fee_vnd"),
    *("fee_kind", "net_vnd", "transferred_on"),
)
FEE_VND: Final = 5_500
RETURN_FEE_VND: Final = 5_000
PAID_BACK: Final = 4
"""Lost goods are paid for with so many times the freight."""
MISSING: Final = 0.03
SHORT: Final = 0.03
DOUBLE: Final = 0.02
SHORT_VND: Final = 10_000


@dataclass(frozen=True, slots=True)
class Ends:
    """The codes of a carrier that end in money, and the prefix of its statements' numbers."""

    prefix: str = ""
    delivered: frozenset[str] = frozenset()
    partly: frozenset[str] = frozenset()
    returned: frozenset[str] = frozenset()
    lost: frozenset[str] = frozenset()


NO_ENDS: Final = Ends()
"""Of a carrier that pays nobody."""


class Item(NamedTuple):
    """What a statement says of a parcel: cash, fee and its kind, and what was paid."""

    parcel: Parcel
    at: datetime
    cod_vnd: int
    fee_vnd: int
    fee_kind: str
    net_vnd: int


def statement(yard: Yard, ends: Ends) -> str:
    """Every week so far, Monday to Sunday, each paid on the Monday after it."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(HEADING)
    lines: Counter[str] = Counter()
    items = [item for parcel in yard.by_number.values() for item in _items(yard, parcel, ends)]
    for item in sorted(items, key=lambda item: (item.at, item.parcel.number)):
        monday = paid_on(item.at.date())
        number = f"{ends.prefix}-{monday:%Y%m%d}"
        lines[number] += 1
        names = (item.parcel.number, item.parcel.reference)
        amounts = (item.cod_vnd, item.fee_vnd, item.fee_kind, item.net_vnd)
        writer.writerow(("", number, lines[number], *names, *amounts, monday.isoformat()))
    return text.getvalue()


def paid_on(day: date) -> date:
    """The Monday after a day's week."""
    return day + timedelta(days=7 - day.weekday())


def _items(yard: Yard, parcel: Parcel, ends: Ends) -> Iterator[Item]:
    """What is to be said of a parcel: nothing, a line, or by mistake two."""
    codes = {code: at for at, code in parcel.history}
    if lost := codes.keys() & ends.lost:
        paid = PAID_BACK * parcel.freight_vnd
        yield Item(parcel, codes[min(lost)], 0, 0, "compensation", paid)
    elif done := codes.keys() & (ends.delivered | ends.partly):
        if parcel.cod_vnd:
            partly = bool(codes.keys() & ends.partly)
            yield from _cash(yard, parcel, codes[min(done)], partly=partly)
    elif back := codes.keys() & ends.returned:
        yield Item(parcel, codes[min(back)], 0, RETURN_FEE_VND, "return", -RETURN_FEE_VND)


def _cash(yard: Yard, parcel: Parcel, at: datetime, *, partly: bool) -> Iterator[Item]:
    mistake = yard.chance(parcel.number, "statement").random()
    cod = parcel.cod_vnd // 2 if partly else parcel.cod_vnd
    if mistake < MISSING:
        return
    short = SHORT_VND if mistake < MISSING + SHORT else 0
    item = Item(parcel, at, cod, FEE_VND, "cod", cod - FEE_VND - short)
    yield item
    if MISSING + SHORT <= mistake < MISSING + SHORT + DOUBLE:
        yield item
