"""An order as Lazada shows it: masked, one row a unit, numbers and times in whatever form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from services.sandbox import masking
from services.sandbox.options import VIETNAM_TIME

if TYPE_CHECKING:
    from datetime import datetime

    from services.sandbox.market import Line, Sold

CANCELED: Final = "canceled"
WITH_PACKAGE: Final = frozenset(
    {"packed", "ready_to_ship", "shipped", "delivered", "lost_by_3pl", CANCELED}
)


@dataclass(slots=True)
class Units:
    """How many units were ordered, and how many of them, from the last, cancelled one by one."""

    ordered: int
    canceled: int = 0


def line_ids(sold: Sold) -> list[int]:
    """The id of each unit's row."""
    first = 400_000_000_000_000 + sold.serial * 1_000
    return [first + unit for unit in range(sum(line.quantity for line in sold.order.lines))]


def heading(sold: Sold, units: Units) -> dict[str, Any]:
    """One order of `/orders/get`, and all of `/order/get`."""
    order, oddly = sold.order, bool(sold.serial % 2)
    place = {"address5": order.address.ward, "addressDsitrict": ""}
    if oddly:
        place = {"address5": "", "addressDsitrict": order.address.ward}
    statuses = [sold.status] if not units.canceled else [sold.status, CANCELED]
    return {
        "order_id": _long(order.number),
        "order_number": _long(order.number),
        "created_at": _time(order.placed_at, iso=oddly),
        "updated_at": _time(sold.at, iso=oddly),
        "price": f"{order.goods}.00",
        "payment_method": "COD" if order.cod else "MIXEDCARD",
        "items_count": units.ordered,
        "statuses": list(dict.fromkeys(statuses)),
        "shipping_fee": _number(order.shipping, as_text=oddly),
        "voucher": _number(order.discount, as_text=not oddly),
        "voucher_platform": 0.0,
        "voucher_seller": "0",
        "buyer_note": "",
        "customer_first_name": masking.name(order.buyer.name),
        "customer_last_name": "",
        "is_cancel_pending": False,
        "address_shipping": {
            "first_name": masking.name(order.buyer.name),
            "last_name": "",
            "phone": masking.phone(order.buyer.phone),
            "phone2": "",
            "address1": masking.street(order.address.street),
            "address2": "",
            "address3": order.address.province,
            "address4": order.address.district,
            **place,
            "city": order.address.district,
            "post_code": "",
            "country": "Vietnam",
        },
    }


def items(sold: Sold, units: Units) -> list[dict[str, Any]]:
    """All of `/order/items/get`."""
    lines = [line for line in sold.order.lines for _ in range(line.quantity)]
    left = units.ordered - units.canceled
    return [
        _item(sold, line, row, sold.status if number < left else CANCELED)
        for number, (line, row) in enumerate(zip(lines, line_ids(sold), strict=True))
    ]


def _item(sold: Sold, line: Line, row: int, status: str) -> dict[str, Any]:
    package = f"FP{sold.serial:09d}" if sold.status in WITH_PACKAGE else ""
    return {
        "order_item_id": row,
        "order_id": _long(sold.order.number),
        "sku": line.sku,
        "shop_sku": f"{row}_VNAMZ",
        "name": line.name,
        "variation": "",
        "item_price": _number(line.price, as_text=bool(row % 2)),
        "paid_price": _number(line.price, as_text=False),
        "voucher_platform": "0",
        "voucher_seller": 0,
        "tax_amount": 0.0,
        "status": status,
        "reason": "",
        "package_id": package,
        "tracking_code": "",
        "shipment_provider": "",
        "shipping_type": "Dropshipping",
        "sla_time_stamp": "",
        "is_digital": "0",
        "is_fbl": "0",
        "currency": "VND",
        "created_at": _time(sold.order.placed_at, iso=False),
    }


def _long(number: str) -> int | str:
    """A long integer; a sample order may have a name."""
    return int(number) if number.isdecimal() else number


def _number(amount: int, *, as_text: bool) -> float | str:
    return f"{amount}.00" if as_text else float(amount)


def _time(at: datetime, *, iso: bool) -> str:
    local = at.astimezone(VIETNAM_TIME)
    return local.isoformat(timespec="seconds") if iso else f"{local:%Y-%m-%d %H:%M:%S %z}"
