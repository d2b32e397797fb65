"""Payloads of the neutral format for tests: the two worked cases and builders upon them."""

from __future__ import annotations

import json
from typing import Any, Final

PLACED: Final = """
{"format":"ocop.order/1","channel":"postmart","channel_order_no":"PM-0000001","event":"placed",
"version":1,"placed_at":"2026-07-01T07:00:00+07:00","updated_at":"2026-07-01T07:00:00+07:00",
"seller_ref":"HTX-MAU-01","buyer":{"name":"Trần Thị B","phone":"0900000002"},
"ship_to":{"street":"Số 1 Đường Mẫu","ward_code":"00166","ward_name":"Phường Cầu Giấy",
"province_code":"01","province_name":"Hà Nội","vintage":"2025-07","postcode":null},
"lines":[{"line_no":1,"sku":"OCOP-TS-01-600","name":"Trà sen OCOP 4 sao, hộp 600 g","quantity":2,
"unit_price":175000,"weight_g":600,"ocop":{"star":4,"certificate_no":"OCOP-MAU-0001",
"certificate_expires_on":"2028-06-30","group":"beverage"},"lot":"L2606","best_before":"2027-06-01",
"handling":["dry"]}],
"totals":{"goods":350000,"shipping":16000,"discount":0,"grand_total":366000,"currency":"VND"},
"payment":{"method":"cod","cod_amount":366000,"shipping_payer":"buyer"},"fixed_carrier":null,
"note":""}
""".encode()
"""The order of the format's description (facts/channels.md, section 6)."""

CANCELLED: Final = b"""
{"format":"ocop.order/1","channel":"voso","channel_order_no":"VS-0000001","event":"cancelled",
"version":2,"placed_at":"2026-07-01T07:05:00+07:00","updated_at":"2026-07-01T07:45:00+07:00",
"cancel":{"by":"buyer","reason":"changed_mind"}}
"""
"""A cancellation that names neither its seller nor its lines."""

SELLER: Final = "HTX-MAU-01"
SKU: Final = "OCOP-TS-01-600"
NUMBER: Final = "PM-0000001"
ORDER_ID: Final = f"postmart:{SELLER}:{NUMBER}"


def an_order(**changes: Any) -> dict[str, Any]:
    """The worked order as a dictionary; parts that are given as dictionaries are merged."""
    order: dict[str, Any] = json.loads(PLACED)
    for name, change in changes.items():
        merged = isinstance(change, dict) and isinstance(order.get(name), dict)
        order[name] = order[name] | change if merged else change
    return order


def an_amendment(version: int = 2, **changes: Any) -> dict[str, Any]:
    """The same order, changed an hour later for every version."""
    updated = f"2026-07-01T{6 + version:02d}:00:00+07:00"
    return an_order(event="amended", version=version, updated_at=updated, **changes)


def a_cancellation(version: int = 2, **changes: Any) -> dict[str, Any]:
    """The worked order is cancelled by its buyer; no seller, no lines."""
    cancelled: dict[str, Any] = json.loads(CANCELLED)
    return (
        cancelled
        | {"channel": "postmart", "channel_order_no": NUMBER, "version": version}
        | changes
    )


def a_line(**changes: Any) -> dict[str, Any]:
    """The worked order's line."""
    line: dict[str, Any] = an_order()["lines"][0]
    return line | changes


def body(payload: dict[str, Any]) -> bytes:
    """As a channel would send it."""
    return json.dumps(payload, ensure_ascii=False).encode()


def a_command(order_id: str = ORDER_ID, **fields: Any) -> dict[str, Any]:
    """The body of a command, two hours after the order."""
    return {
        "order_id": order_id,
        "why": "agreed with the buyer",
        "at": "2026-07-01T09:00:00+07:00",
    } | fields
