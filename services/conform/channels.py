"""Channels and partners of our own formats as senders: facts/channels.md, standards.md section 7."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
import uuid
from typing import TYPE_CHECKING, Final

from services.conform.sender import Event, Sender, Wire, as_json, offset, replacing
from services.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Callable

WRONG: Final = b"not the secret that was agreed, but as long"
AN_HOUR_S: Final = 3600
ORDER_BYTES: Final = 128 * 1024


def partner(partner_id: str, secret: str) -> Sender:
    """`ocop.tracking/1`, signed as Standard Webhooks. A code we do not know is kept as unmapped."""

    def write(event: Event) -> bytes:
        told = {
            "event_id": f"{event.number}-{event.code}-{event.at:%s}",
            "tracking_no": event.number,
            "code": event.code,
            "occurred_at": offset(event.at),
        }
        return as_json({"type": "tracking.events", "timestamp": offset(event.at), "data": [told]})

    key = signing_key(secret)
    return Sender(
        *(partner_id, f"/v1/partners/{partner_id}/events", write),
        *(standard(key), standard(WRONG)),
        *("picked_up", "delivered", "abducted"),
        unreadable=422,
        undated=422,
        stale=standard(key, age_s=AN_HOUR_S),
        spoil_time=replacing("occurred_at", "2026-10-01T08:00:00"),
    )


def feed(channel: str, secret: str) -> Sender:
    """`ocop.order/1` of Postmart and Voso. `code` is the event, the version follows from it."""

    def write(event: Event) -> bytes:
        version = {"placed": 1, "cancelled": 2}.get(event.code, 3)
        head = {
            "format": "ocop.order/1",
            "channel": channel,
            "channel_order_no": event.number,
            "event": event.code,
            "version": version,
            "placed_at": offset(event.at),
            "updated_at": offset(event.at),
        }
        if event.code != "placed":
            return as_json(head | {"cancel": {"by": "buyer", "reason": "changed_mind"}})
        return as_json(head | AN_ORDER)

    key = signing_key(secret)
    return Sender(
        *(channel, f"/v1/channels/{channel}/orders", write, standard(key), standard(WRONG)),
        *("placed", "cancelled", "abducted"),
        accepted=202,
        unreadable=422,
        undated=202,
        stale=standard(key, age_s=AN_HOUR_S),
        spoil_time=replacing("updated_at", "2026-10-01 08:00:00"),
        most_bytes=ORDER_BYTES,
    )


AN_ORDER: Final = {
    "seller_ref": "HTX-MAU-01",
    "buyer": {"name": "Trần Thị B", "phone": "0900000002"},
    "ship_to": {
        "street": "Số 1 Đường Mẫu",
        "ward_code": "00166",
        "ward_name": "Phường Cầu Giấy",
        "province_code": "01",
        "province_name": "Hà Nội",
        "vintage": "2025-07",
    },
    "lines": [
        {
            "line_no": 1,
            "sku": "OCOP-TS-01-600",
            "name": "Trà sen OCOP 4 sao, hộp 600 g",
            "quantity": 2,
            "unit_price": 175_000,
            "weight_g": 600,
        }
    ],
    "totals": {
        "goods": 350_000,
        "shipping": 16_000,
        "discount": 0,
        "grand_total": 366_000,
        "currency": "VND",
    },
    "payment": {"method": "cod", "cod_amount": 366_000, "shipping_payer": "buyer"},
    "fixed_carrier": None,
    "note": "",
}
"""The sample order of facts/channels.md section 6: its seller is invented."""


def shopee(secret: str, push_url: str) -> Sender:
    """Section 1: `Authorization` = hex HMAC-SHA256(partner key, registered URL | raw body)."""

    def write(event: Event) -> bytes:
        seconds = int(event.at.timestamp())
        data = {
            "ordersn": event.number,
            "status": event.code,
            "update_time": seconds,
            "items": [],
            "completed_scenario": "",
        }
        return as_json({"shop_id": 100_001, "code": 3, "timestamp": seconds, "data": data})

    def sign(raw: bytes, key: bytes, url: str) -> Wire:
        digest = hmac.new(key, url.encode() + b"|" + raw, hashlib.sha256).hexdigest()
        return Wire(raw, {"Authorization": digest})

    key = secret.encode()
    return Sender(
        *("shopee", "/v1/channels/shopee/push", write),
        lambda raw: sign(raw, key, push_url),
        # The vendor's own trap: one slash more on the URL.
        lambda raw: sign(raw, key, push_url + "/"),
        *("READY_TO_SHIP", "SHIPPED", "ABDUCTED"),
        spoil_time=replacing("update_time", "yesterday"),
        most_bytes=ORDER_BYTES,
    )


def lazada(secret: str, app_key: str) -> Sender:
    """Section 2: `Authorization` = hex HMAC-SHA256(app secret, app key + raw body)."""

    def write(event: Event) -> bytes:
        seconds = int(event.at.timestamp())
        data = {
            "order_status": event.code,
            "trade_order_id": event.number,
            "trade_order_line_id": f"{event.number}1",
            "status_update_time": seconds,
            "buyer_id": "0",
        }
        return as_json(
            {
                "seller_id": "200000000001",
                "message_type": 0,
                "data": data,
                "timestamp": seconds,
                "site": "lazada_vn",
            }
        )

    def sign(raw: bytes, key: bytes) -> Wire:
        digest = hmac.new(key, app_key.encode() + raw, hashlib.sha256).hexdigest()
        return Wire(raw, {"Authorization": digest})

    return Sender(
        *("lazada", "/v1/channels/lazada/push", write),
        lambda raw: sign(raw, secret.encode()),
        lambda raw: sign(raw, WRONG),
        *("ready_to_ship", "shipped", "abducted"),
        spoil_time=replacing("status_update_time", "yesterday"),
        most_bytes=ORDER_BYTES,
    )


def standard(key: bytes, age_s: int = 0) -> Callable[[bytes], Wire]:
    """Standard Webhooks v1 over the raw body, `age_s` seconds old."""

    def sign(raw: bytes) -> Wire:
        webhook_id, stamp = f"msg_{uuid.uuid4().hex}", str(int(time.time()) - age_s)
        text = f"{webhook_id}.{stamp}.".encode() + raw
        digest = base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
        return Wire(
            raw,
            {
                "webhook-id": webhook_id,
                "webhook-timestamp": stamp,
                "webhook-signature": f"v1,{digest}",
            },
        )

    return sign


def signing_key(secret: str) -> bytes:
    """The bytes of a `whsec_…`. Raises OperatorError for anything else."""
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error:
        raise OperatorError("The secret is not a Standard Webhooks secret (whsec_…).") from None
