"""A Lazada order with its items, as `/order/get` and `/order/items/get` answer, understood. Pure.

In the log the two answers are one object: `{"order": …, "items": […]}`.

| ours | Lazada's |
|---|---|
| version, updated_at | `updated_at`, text with an offset, two forms |
| seller_ref | the seller whose token fetched it |
| line: sku, quantity, price | the items of one `sku` and `item_price` that are not `canceled`: one row a unit |
| place: province, commune | `address_shipping.address3`; `address5`, else `addressDsitrict` (sic), else `address4` |
| goods, shipping | `item_price` added up; `shipping_fee` |
| discount | `voucher` (of platform and seller together), or the two if that is 0 |
| COD | what is left, where `payment_method` is COD |
| platform: ship by, packages | the earliest `sla_time_stamp`; `package_id` |
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BeforeValidator, Field, StringConstraints

from schemas.ids import ORDER_NUMBER
from schemas.intake import Channel
from services.channels.effects import effect_of
from services.channels.invalid import understood
from services.channels.marketplace import cash_or_prepaid
from services.channels.neutral import (
    Buyer,
    Cancel,
    Line,
    NoticePayload,
    OrderPayload,
    Part,
    Platform,
    ShipTo,
    Totals,
)
from services.channels.numbers import Amount, TextTime, from_text
from services.channels.port import Effect, Nothing, PackageState, Reading, Unmapped

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

FORMAT: Final = "ocop.order/1"
CANCELLED: Final = "canceled"
MOST_ITEMS: Final = 1_000


def _as_text(given: object) -> object:
    """Ids come as long integers or as text."""
    return str(given) if isinstance(given, int) and not isinstance(given, bool) else given


def _no_blank(given: object) -> object:
    return "" if given is None else given


Words = Annotated[str, BeforeValidator(_no_blank), StringConstraints(max_length=500)]
Status = Annotated[str, StringConstraints(min_length=1, max_length=40)]
LongNumber = Annotated[
    str, BeforeValidator(_as_text), StringConstraints(pattern=f"^{ORDER_NUMBER.pattern}$")
]


class Address(Part):
    """`address3` province, `address4` city, `address5` third level; one field is misspelt."""

    first_name: Words = ""
    last_name: Words = ""
    phone: Words = ""
    address1: Words = ""
    address2: Words = ""
    address3: Words = ""
    address4: Words = ""
    address5: Words = ""
    district: Annotated[Words, Field(alias="addressDsitrict")] = ""


class Item(Part):
    """One unit."""

    sku: Words = ""
    shop_sku: Words = ""
    name: Words = ""
    variation: Words = ""
    item_price: Amount
    status: Status
    package_id: Annotated[Words, BeforeValidator(_as_text)] = ""
    shipment_provider: Words = ""
    sla_time_stamp: Words = ""
    is_fbl: Annotated[Words, BeforeValidator(_as_text)] = "0"

    @property
    def ours(self) -> str:
        """The seller's sku, else the listing's: `ocop registry` may know it by that."""
        return (self.sku.strip() or self.shop_sku.strip())[:64]


class Heading(Part):
    """The order itself; statuses live on its items."""

    order_id: LongNumber
    created_at: TextTime
    updated_at: TextTime
    payment_method: Words = ""
    shipping_fee: Amount = 0
    voucher: Amount = 0
    voucher_platform: Amount = 0
    voucher_seller: Amount = 0
    buyer_note: Words = ""
    is_cancel_pending: bool = False
    customer_first_name: Words = ""
    customer_last_name: Words = ""
    address_shipping: Address = Address()


class LazadaOrder(Part):
    """Both answers."""

    order: Heading
    items: Annotated[tuple[Item, ...], Field(min_length=1, max_length=MOST_ITEMS)]


FURTHEST_FIRST: Final = (
    Effect.HOLD,
    Effect.CANCEL_REQUEST,
    Effect.CREATE,
    Effect.WAIT,
    Effect.RETURN,
    Effect.INFO,
    Effect.CANCEL,
)
"""Items may stand differently: what still wants something of us decides for the order."""


def read_lazada(raw: bytes, shop: str) -> Reading:
    """What a raw order means. Raises PayloadInvalid."""
    found = parsed(raw)
    statuses = [item.status for item in found.items]
    for status in statuses:
        if effect_of(Channel.LAZADA, status) is None:
            return Unmapped(status)
    with understood():
        return _reading(found, _effect(found), shop)


def parsed(raw: bytes) -> LazadaOrder:
    """The fields we read. Raises PayloadInvalid."""
    with understood():
        return LazadaOrder.model_validate_json(raw)


def packages_of(found: LazadaOrder) -> tuple[PackageState, ...]:
    """The platform's parcels. The units of one move together."""
    statuses: dict[str, list[Item]] = {}
    for item in found.items:
        if item.package_id:
            units = statuses.setdefault(item.package_id, [])
            # A package is cancelled only with the last of its units.
            units.insert(0 if item.status != CANCELLED else len(units), item)
    at = found.order.updated_at
    return tuple(
        PackageState(number, items[0].status, at, items[0].shipment_provider)
        for number, items in statuses.items()
    )


def _effect(found: LazadaOrder) -> tuple[Effect, str]:
    by_effect = {effect_of(Channel.LAZADA, item.status): item.status for item in found.items}
    return next((effect, by_effect[effect]) for effect in FURTHEST_FIRST if effect in by_effect)


def _reading(found: LazadaOrder, decided: tuple[Effect, str], shop: str) -> Reading:
    effect, status = decided
    order = found.order
    heading: dict[str, Any] = {
        "format": FORMAT,
        "channel": Channel.LAZADA,
        "channel_order_no": order.order_id,
        "version": int(order.updated_at.timestamp()),
        "seller_ref": shop,
        "placed_at": order.created_at,
        "updated_at": order.updated_at,
    }
    match effect:
        case Effect.WAIT | Effect.INFO:
            return Nothing(effect, status)
        case Effect.CREATE | Effect.HOLD if any(item.is_fbl == "1" for item in found.items):
            return Nothing(Effect.INFO, "fulfilled by Lazada")
        case Effect.CREATE | Effect.HOLD:
            return OrderPayload(**heading, **_content(found), event="placed")
        case Effect.CANCEL | Effect.CANCEL_REQUEST:
            return NoticePayload(**heading, event="cancelled", cancel=Cancel(reason=status))
        case Effect.RETURN:
            return NoticePayload(**heading, event="returned", cancel=Cancel(reason=status))


def _content(found: LazadaOrder) -> dict[str, Any]:
    """What is left of the order: units that were cancelled are not in it any more."""
    units = [item for item in found.items if item.status != CANCELLED]
    order, totals = found.order, _totals(found.order, units)
    is_cod = order.payment_method.strip().upper() == "COD"
    address = order.address_shipping
    name = " ".join(filter(None, (address.first_name, address.last_name)))
    packages = tuple(dict.fromkeys(item.package_id for item in units if item.package_id))
    return {
        "buyer": Buyer(name=name, phone=address.phone),
        "ship_to": _ship_to(address),
        "lines": _lines(units),
        "totals": totals,
        "payment": cash_or_prepaid(totals.grand_total, is_cod=is_cod),
        "note": order.buyer_note,
        "platform": Platform(
            ship_by=_ship_by(units),
            packages=packages,
            as_of=int(order.updated_at.timestamp()),
        ),
        "fixed_carrier": Channel.LAZADA.value,
    }


def _lines(units: Sequence[Item]) -> tuple[Line, ...]:
    """Units of one sku and price are one line, in the order of their first units."""
    counts = Counter((item.ours, item.item_price) for item in units)
    names = {(item.ours, item.item_price): item for item in reversed(units)}
    return tuple(
        Line(
            line_no=number,
            sku=key[0],
            name=" – ".join(filter(None, (names[key].name, names[key].variation)))[:500],
            quantity=quantity,
            unit_price=key[1],
        )
        for number, (key, quantity) in enumerate(counts.items(), 1)
    )


def _totals(order: Heading, units: Sequence[Item]) -> Totals:
    """`price` of the order is as it was placed: what the units cost is added up anew."""
    goods = sum(item.item_price for item in units)
    voucher = order.voucher or order.voucher_platform + order.voucher_seller
    discount = min(voucher, goods + order.shipping_fee)
    return Totals(
        goods=goods,
        shipping=order.shipping_fee,
        discount=discount,
        grand_total=goods + order.shipping_fee - discount,
    )


def _ship_to(address: Address) -> ShipTo:
    return ShipTo(
        street=", ".join(filter(None, (address.address1, address.address2)))[:500],
        ward_name=address.address5 or address.district or address.address4 or None,
        province_name=address.address3 or None,
    )


def _ship_by(units: Sequence[Item]) -> datetime | None:
    """The earliest of the units' deadlines; one that cannot be read is none."""
    return min((moment for item in units if (moment := _moment(item.sla_time_stamp))), default=None)


def _moment(text: str) -> datetime | None:
    try:
        return from_text(text) if text else None
    except ValueError:
        return None
