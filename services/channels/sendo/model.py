"""Sendo's order, as much of it as its clients agree on."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from services.channels.neutral import MOST_LINES, Part
from services.channels.numbers import Amount
from services.channels.values import Given

Seconds = Amount
"""Unix s."""


class Sku(Part):
    """A line: no price, and Sendo's own id of the variant instead of the seller's sku."""

    product_variant_id: Given
    product_name: Given = ""
    quantity: Amount


class SalesOrder(Part):
    """`payment_method` 1 is cash on delivery; `buyer_address` is one line of text."""

    order_number: Given
    order_status: Given
    order_date_time_stamp: Seconds
    receiver_name: Given = ""
    buyer_address: Given = ""
    buyer_phone: Given = ""
    sub_total: Amount = 0
    shipping_fee: Amount = 0
    payment_method: Given = ""


class Found(Part):
    """An order as the search and the single call give it. `seen_at` is ours: see `api.py`."""

    sales_order: SalesOrder
    sku_details: Annotated[tuple[Sku, ...], Field(max_length=MOST_LINES)] = ()
    seen_at: Seconds | None = None
