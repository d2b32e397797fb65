"""An order as Tiki shows it: the documented model, as far as a buyer and a seller fill it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.sandbox.options import VIETNAM_TIME

if TYPE_CHECKING:
    from datetime import datetime

    from services.sandbox.market import PlainOrder, Sold


def tiki_order(sold: Sold) -> dict[str, Any]:
    """The order as the list and the single call show it."""
    order = sold.order
    cancelled = {"reason_code": sold.reason, "reason_text": "", "comment": ""}
    return {
        "id": sold.serial,
        "code": order.number,
        "relation_code": order.number,
        "type": "NORMAL",
        "fulfillment_type": "dropship",
        "status": sold.status,
        "created_at": _local(sold.history[0][0]),
        "updated_at": _local(sold.at),
        "items": [
            {
                "id": number,
                "product": {"sku": line.sku, "name": line.name},
                "qty": line.quantity,
                "price": line.price,
            }
            for number, line in enumerate(order.lines, start=1)
        ],
        "status_histories": [
            {"id": number, "status": status, "created_at": _local(at)}
            for number, (at, status) in enumerate(sold.history, start=1)
        ],
        "payment": {"method": "cod" if order.cod else "cybersource", "is_prepaid": not order.cod},
        "shipping": _shipping(sold),
        "invoice": _invoice(order),
        "cancel_info": cancelled if sold.status == "canceled" else None,
        "children": [],
        "siblings": [],
    }


def _shipping(sold: Sold) -> dict[str, Any]:
    order = sold.order
    return {
        "partner_name": "TikiNOW" if sold.tracking_no else "",
        "tracking_code": sold.tracking_no,
        "status": "",
        "address": {
            "full_name": order.buyer.name,
            "phone": order.buyer.phone,
            "street": order.address.street,
            "ward": order.address.ward,
            "district": order.address.district,
            "region": order.address.province,
            "country_id": "VN",
        },
    }


def _invoice(order: PlainOrder) -> dict[str, Any]:
    return {
        "subtotal": order.goods,
        "grand_total": order.goods + order.shipping - order.discount,
        "collectible_amount": order.cod,
        "discount_amount": order.discount,
        "shipping_amount_after_discount": order.shipping,
    }


def _local(at: datetime) -> str:
    return f"{at.astimezone(VIETNAM_TIME):%Y-%m-%d %H:%M:%S}"
