"""A Shopee order, as `get_order_detail` answers it, understood. Pure.

| ours | Shopee's |
|---|---|
| version, updated_at | `update_time`, Unix s |
| seller_ref | the shop whose token fetched it |
| line: sku, price, weight | `model_sku` else `item_sku` else the listing; `model_discounted_price`; `weight`, kg |
| place: province, commune | `recipient_address.state`, `.district` (`.city` may hold an old district) |
| grand total, COD | `total_amount`; all of it where `cod` |
| shipping, discount | `estimated_shipping_fee`; what is left between goods and total |
| platform: ship by, packages | `ship_by_date`; `package_list`, without those that were cancelled |
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field, StringConstraints

from schemas.intake import Channel
from services.channels.effects import effect_of
from services.channels.invalid import understood
from services.channels.marketplace import NOTICES, cash_or_prepaid
from services.channels.neutral import (
    MOST_LINES,
    Buyer,
    Cancel,
    Line,
    NoticePayload,
    Number,
    OrderPayload,
    Part,
    Platform,
    ShipTo,
    Totals,
)
from services.channels.numbers import (  # noqa: TC001 (pydantic reads them)
    Amount,
    GramsFromKg,
    MaybeUnixTime,
    UnixTime,
)
from services.channels.port import Effect, Nothing, PackageState, Reading, Unmapped

FORMAT: Final = "ocop.order/1"
CANCELLED_PACKAGES: Final = frozenset(
    {"LOGISTICS_INVALID", "LOGISTICS_REQUEST_CANCELED", "LOGISTICS_COD_REJECTED"}
)
"""Packages that will not be shipped; the order may have others."""

Words = Annotated[str, StringConstraints(max_length=500)]


class Address(Part):
    """Levels from the top: `state`, `city`, `district`."""

    name: Words = ""
    phone: Words = ""
    district: Words = ""
    city: Words = ""
    state: Words = ""
    full_address: Words = ""


class Item(Part):
    """One model of one listing."""

    item_id: int = 0
    model_id: int = 0
    item_name: Words = ""
    item_sku: Words = ""
    model_name: Words = ""
    model_sku: Words = ""
    model_quantity_purchased: int
    model_discounted_price: Amount
    weight: GramsFromKg | None = None

    @property
    def sku(self) -> str:
        """The seller's own, else the listing's id: `ocop registry` may know it by that."""
        return self.model_sku.strip() or self.item_sku.strip() or str(self.model_id or self.item_id)


class Package(Part):
    """The platform's own parcel."""

    package_number: Annotated[str, StringConstraints(max_length=64)] = ""
    logistics_status: Annotated[str, StringConstraints(max_length=64)] = ""
    shipping_carrier: Words = ""


class ShopeeOrder(Part):
    """The fields we read; all others stay in the log."""

    order_sn: Number
    order_status: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    cod: bool = False
    currency: Literal["VND"] = "VND"
    total_amount: Amount
    estimated_shipping_fee: Amount = 0
    message_to_seller: Words | None = ""
    shipping_carrier: Words | None = ""
    create_time: UnixTime
    update_time: UnixTime
    ship_by_date: MaybeUnixTime = None
    recipient_address: Address = Address()
    item_list: Annotated[tuple[Item, ...], Field(max_length=MOST_LINES)] = ()
    package_list: Annotated[tuple[Package, ...], Field(max_length=MOST_LINES)] = ()


def read_shopee(raw: bytes, shop: str) -> Reading:
    """What a raw order means. Raises PayloadInvalid."""
    order = parsed(raw)
    effect = effect_of(Channel.SHOPEE, order.order_status)
    if effect is None:
        return Unmapped(order.order_status)
    with understood():
        return _reading(order, effect, shop)


def parsed(raw: bytes) -> ShopeeOrder:
    """The fields we read. Raises PayloadInvalid."""
    with understood():
        return ShopeeOrder.model_validate_json(raw)


def packages_of(order: ShopeeOrder) -> tuple[PackageState, ...]:
    """The platform's parcels and what it says of them, as of the order's own time."""
    return tuple(
        PackageState(
            one.package_number, one.logistics_status, order.update_time, one.shipping_carrier
        )
        for one in order.package_list
        if one.package_number and one.logistics_status
    )


def _reading(order: ShopeeOrder, effect: Effect, shop: str) -> Reading:
    heading: dict[str, Any] = {
        "format": FORMAT,
        "channel": Channel.SHOPEE,
        "channel_order_no": order.order_sn,
        "version": int(order.update_time.timestamp()),
        "seller_ref": shop,
        "placed_at": order.create_time,
        "updated_at": order.update_time,
    }
    match effect:
        case Effect.WAIT | Effect.INFO:
            return Nothing(effect, order.order_status)
        case Effect.CREATE | Effect.HOLD:
            hold = order.order_status if effect is Effect.HOLD else ""
            return OrderPayload(**heading, **_content(order), event="placed", channel_hold=hold)
        case _:
            cancel = Cancel(reason=order.order_status.lower())
            return NoticePayload(**heading, event=NOTICES[effect], cancel=cancel)


def _content(order: ShopeeOrder) -> dict[str, Any]:
    return {
        "buyer": Buyer(name=order.recipient_address.name, phone=order.recipient_address.phone),
        "ship_to": _ship_to(order.recipient_address),
        "lines": tuple(_line(number, item) for number, item in enumerate(order.item_list, 1)),
        "totals": _totals(order),
        "payment": cash_or_prepaid(order.total_amount, is_cod=order.cod),
        "note": order.message_to_seller or "",
        "platform": platform_of(order),
        "fixed_carrier": None if platform_of(order) is None else Channel.SHOPEE.value,
    }


def platform_of(order: ShopeeOrder) -> Platform | None:
    """Shopee ships what it has a carrier or a package for."""
    live = [one for one in order.package_list if one.logistics_status not in CANCELLED_PACKAGES]
    numbers = tuple(one.package_number for one in live if one.package_number)
    if not numbers and not order.shipping_carrier:
        return None
    version = int(order.update_time.timestamp())
    return Platform(ship_by=order.ship_by_date, packages=numbers, as_of=version)


def _ship_to(address: Address) -> ShipTo:
    return ShipTo(
        street=address.full_address,
        ward_name=address.district or address.city or None,
        province_name=address.state or None,
    )


def _line(number: int, item: Item) -> Line:
    return Line(
        line_no=number,
        sku=item.sku,
        name=" – ".join(filter(None, (item.item_name, item.model_name)))[:500],
        quantity=item.model_quantity_purchased,
        unit_price=item.model_discounted_price,
        weight_g=item.weight,
    )


def _totals(order: ShopeeOrder) -> Totals:
    """Shopee estimates the fee and does not name the vouchers: what is between goods and total."""
    goods = sum(
        one.model_quantity_purchased * one.model_discounted_price for one in order.item_list
    )
    shipping = max(order.estimated_shipping_fee, order.total_amount - goods)
    return Totals(
        goods=goods,
        shipping=shipping,
        discount=goods + shipping - order.total_amount,
        grand_total=order.total_amount,
        currency=order.currency,
    )
