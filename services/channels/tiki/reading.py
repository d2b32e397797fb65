"""A Tiki order as ours.

| Tiki | ours |
|---|---|
| `code` | number; each part of a split order (`children`, `siblings`) has one of its own |
| `relation_code` | what ties those parts together |
| `created_at`, `updated_at` (local, UTC+7) | placed, updated; updated in Unix s is the version |
| `items[].product.sku`, `qty`, `price` | the seller's sku, quantity, price of a unit; no weight |
| `invoice.subtotal`, `shipping_amount_after_discount`, `discount_amount`, `grand_total` | totals |
| `invoice.collectible_amount` | cash on delivery; 0: paid to Tiki |
| a shipping amount over 0 | the buyer pays shipping, else the seller |
| `shipping.address.ward`, `region` | commune, province; Tiki's codes are not the state's |
| `shipping.tracking_code` | Tiki's carrier takes it: its package number |
| `status` | `channel_status_map.csv` |
| `cancel_info.reason_code` | why it was cancelled |
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, assert_never

from schemas.intake import Channel
from services.channels.effects import effect_of
from services.channels.invalid import understood
from services.channels.marketplace import NOTICES
from services.channels.neutral import NoticePayload, OrderPayload
from services.channels.port import Effect, Nothing, Unmapped
from services.channels.tiki.model import Heading, Order
from services.channels.values import word

if TYPE_CHECKING:
    from services.channels.port import Reading

PLATFORM: Final = Channel.TIKI.value


def read_tiki(raw: bytes, shop: str) -> Reading:
    """Understand a fetched order. See services.channels.port.Read."""
    with understood():
        return _read(raw, shop)


def _read(raw: bytes, shop: str) -> Reading:
    heading = Heading.model_validate_json(raw)
    effect = effect_of(Channel.TIKI, heading.status)
    match effect:
        case None:
            return Unmapped(heading.status)
        case Effect.WAIT | Effect.INFO:
            return Nothing(effect, heading.status)
        case Effect.CREATE | Effect.HOLD:
            held = heading.status if effect is Effect.HOLD else ""
            return _order(Order.model_validate_json(raw), shop, held)
        case Effect.CANCEL | Effect.CANCEL_REQUEST | Effect.RETURN:
            return _notice(heading, shop, NOTICES[effect])
        case _:
            assert_never(effect)


def _order(order: Order, shop: str, held: str) -> OrderPayload:
    invoice, address = order.invoice, order.shipping.address
    cod = invoice.collectible_amount
    return OrderPayload.model_validate(
        {
            **_heading(order, shop),
            "event": "placed",
            "buyer": {"name": address.full_name, "phone": address.phone},
            "ship_to": {
                "street": address.street,
                "ward_name": address.ward or None,
                "province_name": address.region or None,
            },
            "lines": [
                {
                    "line_no": number,
                    "sku": item.product.sku,
                    "name": item.product.name,
                    "quantity": item.qty,
                    "unit_price": item.price,
                }
                for number, item in enumerate(order.items, start=1)
            ],
            "totals": {
                "goods": invoice.subtotal,
                "shipping": invoice.shipping_amount_after_discount,
                "discount": invoice.discount_amount,
                "grand_total": invoice.grand_total,
            },
            "payment": {
                "method": "cod" if cod else _paid_by(order.payment.method),
                "cod_amount": cod,
                "shipping_payer": "buyer" if invoice.shipping_amount_after_discount else "seller",
            },
            "channel_hold": held,
            "related_no": order.relation_code,
            **_platform(order),
        }
    )


def _platform(order: Order) -> dict[str, Any]:
    """Only the tracking code says that Tiki's own carrier takes the parcel."""
    number = order.shipping.tracking_code
    if not number:
        return {}
    platform = {"packages": (number,), "as_of": _version(order)}
    return {"fixed_carrier": PLATFORM, "platform": platform}


def _notice(order: Heading, shop: str, event: str) -> NoticePayload:
    reason = word(order.cancel_info.reason_code) if order.cancel_info else ""
    return NoticePayload.model_validate(
        {**_heading(order, shop), "event": event, "cancel": {"by": "channel", "reason": reason}}
    )


def _heading(order: Heading, shop: str) -> dict[str, Any]:
    return {
        "format": "ocop.order/1",
        "channel": Channel.TIKI,
        "channel_order_no": order.code,
        "version": _version(order),
        "seller_ref": shop,
        "placed_at": order.created_at,
        "updated_at": order.updated_at or order.created_at,
    }


def _version(order: Heading) -> int:
    return int((order.updated_at or order.created_at).timestamp())


def _paid_by(method: str) -> str:
    """Tiki collected it: even what it calls cod is paid when there is nothing to collect."""
    said = word(method)
    return "prepaid" if said in {"", "cod"} else said
