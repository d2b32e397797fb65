"""A Sendo order as ours.

| Sendo | ours |
|---|---|
| `order_number` | number |
| `order_date_time_stamp` (Unix s) | placed |
| when we saw this state first, which the fetch adds | updated, and in Unix s the version |
| `sku_details[].product_variant_id`, `quantity` | a listing of the seller's (`listings.csv`) or its sku, quantity |
| `sub_total` | goods; lines have no price of their own, so it is shared out by unit |
| `shipping_fee` | the buyer pays it; without one the seller pays shipping |
| `payment_method` 1 | cash on delivery of goods and shipping; else paid |
| `buyer_address` (one line) | street, commune, province; not certain: held |
| `order_status` | `channel_status_map.csv` |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, assert_never

from schemas.intake import Channel
from services.channels.address_line import LineConfidence, read_address_line
from services.channels.contact import ContactProblem
from services.channels.effects import effect_of
from services.channels.invalid import understood
from services.channels.marketplace import NOTICES
from services.channels.neutral import NoticePayload, OrderPayload
from services.channels.port import Effect, Nothing, Unmapped
from services.channels.sendo.model import Found

if TYPE_CHECKING:
    from services.channels.port import Reading

CASH_ON_DELIVERY: Final = "1"


def read_sendo(raw: bytes, shop: str) -> Reading:
    """Understand a fetched order. See services.channels.port.Read."""
    with understood():
        return _read(Found.model_validate_json(raw), shop)


def _read(found: Found, shop: str) -> Reading:
    status = found.sales_order.order_status
    effect = effect_of(Channel.SENDO, status)
    match effect:
        case None:
            return Unmapped(status)
        case Effect.WAIT | Effect.INFO:
            return Nothing(effect, status)
        case Effect.CREATE | Effect.HOLD:
            return _order(found, shop, f"status_{status}" if effect is Effect.HOLD else "")
        case Effect.CANCEL | Effect.CANCEL_REQUEST | Effect.RETURN:
            return _notice(found, shop, NOTICES[effect])
        case _:
            assert_never(effect)


def _order(found: Found, shop: str, held: str) -> OrderPayload:
    order = found.sales_order
    total = order.sub_total + order.shipping_fee
    is_cod = order.payment_method == CASH_ON_DELIVERY
    line = read_address_line(order.buyer_address)
    unsure = line.ward_name is not None and line.confidence is not LineConfidence.CERTAIN
    return OrderPayload.model_validate(
        {
            **_heading(found, shop),
            "event": "placed",
            "buyer": {"name": order.receiver_name, "phone": order.buyer_phone},
            "ship_to": {
                "street": line.street,
                "ward_name": line.ward_name,
                "province_name": line.province_name,
            },
            "lines": list(_lines(found)),
            "totals": {
                "goods": order.sub_total,
                "shipping": order.shipping_fee,
                "grand_total": total,
            },
            "payment": {
                "method": "cod" if is_cod else "prepaid",
                "cod_amount": total if is_cod else 0,
                "shipping_payer": "buyer" if order.shipping_fee else "seller",
            },
            "channel_hold": held,
            "doubts": (ContactProblem.COMMUNE_UNSURE,) if unsure else (),
        }
    )


def _lines(found: Found) -> list[dict[str, Any]]:
    """Every unit is worth the same, to the đồng; what is left over is on one unit of its own."""
    units = sum(sku.quantity for sku in found.sku_details)
    price, left = divmod(found.sales_order.sub_total, units) if units > 0 else (0, 0)
    lines: list[dict[str, Any]] = []
    for sku in found.sku_details:
        prices, before = [(sku.quantity, price)], len(lines)
        if left and not lines:
            prices = [(1, price + left), (sku.quantity - 1, price)]
        lines.extend(
            {
                "line_no": before + number,
                "sku": sku.product_variant_id,
                "name": sku.product_name,
                "quantity": quantity,
                "unit_price": unit_price,
            }
            for number, (quantity, unit_price) in enumerate(prices, start=1)
            if quantity or sku.quantity <= 0
        )
    return lines


def _notice(found: Found, shop: str, event: str) -> NoticePayload:
    return NoticePayload.model_validate(
        {**_heading(found, shop), "event": event, "cancel": {"by": "channel"}}
    )


def _heading(found: Found, shop: str) -> dict[str, Any]:
    order = found.sales_order
    seen_at = found.seen_at or order.order_date_time_stamp
    return {
        "format": "ocop.order/1",
        "channel": Channel.SENDO,
        "channel_order_no": order.order_number,
        "version": seen_at,
        "seller_ref": shop,
        "placed_at": order.order_date_time_stamp,
        "updated_at": seen_at,
    }
