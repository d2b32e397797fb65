"""An order as Shopee shows it: masked, in kg, with the fields that were asked for."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from services.sandbox import masking

if TYPE_CHECKING:
    from services.sandbox.market import PlainOrder, Sold

ALWAYS: Final = frozenset(
    {
        *("order_sn", "region", "currency", "cod", "order_status", "message_to_seller"),
        *("create_time", "update_time", "days_to_ship", "ship_by_date"),
    }
)
CARRIER: Final = "Giao Hàng Nhanh"
PACKAGES: Final = {
    "READY_TO_SHIP": "LOGISTICS_READY",
    "PROCESSED": "LOGISTICS_REQUEST_CREATED",
    "RETRY_SHIP": "LOGISTICS_PICKUP_RETRY",
    "SHIPPED": "LOGISTICS_PICKUP_DONE",
    "TO_CONFIRM_RECEIVE": "LOGISTICS_DELIVERY_DONE",
    "COMPLETED": "LOGISTICS_DELIVERY_DONE",
    "TO_RETURN": "LOGISTICS_DELIVERY_DONE",
    "CANCELLED": "LOGISTICS_REQUEST_CANCELED",
}
"""What it says of the package of an order that stands there."""
SHIP_WITHIN: Final = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Parts:
    """The order's status, its package's number, and the package's status."""

    status: str
    package: str
    logistics: str


def parts(sold: Sold) -> Parts:
    """What Shopee would say now."""
    status, _, logistics = sold.status.partition(":")
    digest = int.from_bytes(hashlib.sha256(sold.order.number.encode()).digest()[:7])
    package = f"OFG{digest % 10**15:015d}"
    return Parts(status, package, logistics or PACKAGES.get(status, "LOGISTICS_NOT_START"))


def detail(sold: Sold, fields: frozenset[str]) -> dict[str, Any]:
    """One order of `get_order_detail`."""
    whole = _whole(sold.order, sold, parts(sold))
    return {name: value for name, value in whole.items() if name in ALWAYS or name in fields}


def _whole(order: PlainOrder, sold: Sold, said: Parts) -> dict[str, Any]:
    total = order.goods + order.shipping - order.discount
    return {
        "order_sn": order.number,
        "region": "VN",
        "currency": "VND",
        "cod": bool(order.cod),
        "total_amount": total,
        "order_status": said.status,
        "shipping_carrier": CARRIER,
        "payment_method": "Cash on Delivery" if order.cod else "Credit Card",
        "estimated_shipping_fee": order.shipping,
        "reverse_shipping_fee": 0,
        "message_to_seller": "",
        "create_time": int(order.placed_at.timestamp()),
        "update_time": int(sold.at.timestamp()),
        "pay_time": None if order.cod else int(order.placed_at.timestamp()),
        "days_to_ship": SHIP_WITHIN.days,
        "ship_by_date": int((order.placed_at + SHIP_WITHIN).timestamp()),
        "fulfillment_flag": "fulfilled_by_local_seller",
        "split_up": False,
        "recipient_address": _address(order),
        "item_list": [
            _item(number, line, order) for number, line in enumerate(order.lines, start=1)
        ],
        "package_list": [
            {
                "package_number": said.package,
                "logistics_status": said.logistics,
                "shipping_carrier": CARRIER,
                "logistics_channel_id": 10_000,
            }
        ],
    }


def _address(order: PlainOrder) -> dict[str, Any]:
    return {
        "name": masking.name(order.buyer.name),
        "phone": masking.phone(order.buyer.phone),
        "town": "",
        "district": order.address.ward,
        "city": order.address.district,
        "state": order.address.province,
        "region": "VN",
        "zipcode": "",
        "full_address": masking.street(order.address.street),
    }


def _item(number: int, line: Any, order: PlainOrder) -> dict[str, Any]:
    serial = 20_000_000_000 + number
    return {
        "item_id": serial,
        "item_name": line.name,
        "item_sku": "",
        "model_id": serial + 10,
        "model_name": "",
        "model_sku": line.sku,
        "model_quantity_purchased": line.quantity,
        "model_original_price": line.price,
        "model_discounted_price": line.price,
        "weight": round(line.weight / 1000, 2),
        "order_item_id": serial,
        "product_location_id": [f"VN{len(order.lines):07d}"],
    }
