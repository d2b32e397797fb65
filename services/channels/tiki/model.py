"""Tiki's order, as much of it as we read; everything else stays in the raw payload.

Inside `items[]` the shape, and the names of `discount_*`, are unconfirmed.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from services.channels.neutral import MOST_LINES, Part
from services.channels.numbers import Amount
from services.channels.values import Given, Local


def _none_is_empty(given: object) -> object:
    return {} if given is None else given


class Product(Part):
    """`sku` is the seller's own."""

    sku: Given = ""
    name: Given = ""


class Item(Part):
    """`price` in VND, of one unit."""

    product: Product
    qty: Amount
    price: Amount


class Address(Part):
    """Three levels; the Tiki codes beside them are Tiki's own and not read."""

    full_name: Given = ""
    phone: Given = ""
    street: Given = ""
    ward: Given = ""
    district: Given = ""
    region: Given = ""


class Shipping(Part):
    """A tracking code means that one of Tiki's carriers takes the parcel."""

    partner_name: Given = ""
    tracking_code: Given = ""
    status: Given = ""
    address: Annotated[Address, BeforeValidator(_none_is_empty)] = Address()


class Payment(Part):
    """How it is paid."""

    method: Given = ""
    is_prepaid: bool | None = None


class Invoice(Part):
    """VND. `collectible_amount` is what the courier collects."""

    subtotal: Amount
    grand_total: Amount
    collectible_amount: Amount = 0
    discount_amount: Amount = 0
    shipping_amount_after_discount: Amount = 0


class CancelInfo(Part):
    """Why it was cancelled."""

    reason_code: Given = ""


class Heading(Part):
    """What is read of every order, whatever its status."""

    code: Given
    status: Given
    created_at: Local
    updated_at: Local | None = None
    cancel_info: CancelInfo | None = None


class Order(Heading):
    """The whole order. Split orders have a code each; `relation_code` ties them together."""

    relation_code: Given = ""
    items: Annotated[tuple[Item, ...], Field(max_length=MOST_LINES)]
    shipping: Shipping
    payment: Payment = Payment()
    invoice: Invoice
