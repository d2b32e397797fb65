"""Orders of Tiki and Sendo in the documented shape (facts/channels.md), and builders upon them."""

from __future__ import annotations

import json
from typing import Any, Final

from hypothesis import strategies as st

TIKI: Final = """
{"id":100000001,"code":"100000001","linked_code":null,"original_code":null,
"relation_code":"100000001","type":"NORMAL","platform":"frontend","fulfillment_type":"dropship",
"status":"queueing","main_state":"awaiting_confirmation","main_substate":"awaiting_confirmation",
"inventory_status":"backorder","is_rma":false,"is_virtual":false,"has_backorder_items":false,
"created_at":"2026-07-01 07:00:00","updated_at":"2026-07-01 08:00:12",
"tiki_warehouse":{"id":1,"name":"HN","code":"hn"},
"seller_warehouse":{"id":2,"name":"Kho HTX Mẫu","code":"MAU","contact_phone":"0900000001",
"street":"Thôn 1","region_code":"VN000","district_code":"VN000000","ward_code":"VN000000000"},
"items":[{"id":1,"product":{"sku":"OCOP-TS-01-600","name":"Trà sen OCOP 4 sao, hộp 600 g"},
"qty":2,"price":175000}],
"status_histories":[{"id":1,"status":"queueing","created_at":"2026-07-01 07:00:05"}],
"payment":{"method":"cod","is_prepaid":false,"status":"","description":""},
"shipping":{"partner_id":"","partner_name":"","tracking_code":"","status":"",
"plan":{"id":1,"name":"Giao tiết kiệm","is_free_shipping":false,
"promised_delivery_date":"2026-07-04"},
"address":{"full_name":"Trần Thị B","street":"Số 1 Đường Mẫu","ward":"Phường Cầu Giấy",
"ward_tiki_code":"VN000000000","district":"Cầu Giấy","district_tiki_code":"VN000000",
"region":"Hà Nội","region_tiki_code":"VN000","country":"Việt Nam","country_id":"VN","email":"",
"phone":"0900000002"},"pickup_shipping_code":"","return_shipping_code":"",
"delivery_shipping_code":""},
"invoice":{"items_count":1,"items_quantity":2,"subtotal":350000,"grand_total":366000,
"collectible_amount":366000,"discount_amount":0,"shipping_amount_after_discount":16000,
"shipping_discount_amount":0,"handling_fee":0,"total_seller_fee":0,"total_seller_income":350000,
"purchased_at":"2026-07-01 07:00:00"},
"customer":{"id":1,"full_name":"Trần Thị B"},"cancel_info":null,
"delivery":{"delivery_confirmed":false,"delivery_confirmed_at":null},
"boxes":[],"labels":[],"children":[],"siblings":[]}
"""
SENDO: Final = """
{"sales_order":{"order_number":"10000000001","order_status":2,"receiver_name":"Trần Thị B",
"buyer_address":"Số 1 Đường Mẫu, Phường Cầu Giấy, Hà Nội","buyer_phone":"0900000002",
"sub_total":350000,"shipping_fee":16000,"payment_method":1,"order_date_time_stamp":1782860000},
"sku_details":[{"product_variant_id":"30000000001",
"product_name":"Trà sen OCOP 4 sao, hộp 600 g","quantity":2}]}
"""
JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inside: st.lists(inside) | st.dictionaries(st.text(), inside),
    max_leaves=8,
)
"""Anything that JSON can say."""


def merged(order: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Dictionaries are merged, everything else is replaced."""
    for name, change in changes.items():
        inside = order.get(name)
        both = isinstance(change, dict) and isinstance(inside, dict)
        order[name] = merged(inside, change) if both else change  # type: ignore[arg-type] # just checked
    return order


def a_tiki_order(**changes: Any) -> bytes:
    """The documented order, changed."""
    return json.dumps(merged(json.loads(TIKI), changes), ensure_ascii=False).encode()


def a_sendo_order(**changes: Any) -> bytes:
    """The documented order, its parts changed."""
    return json.dumps(merged(json.loads(SENDO), changes), ensure_ascii=False).encode()
