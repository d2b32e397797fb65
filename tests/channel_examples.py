"""Payloads of the documented shapes (facts/channels.md), with invented values."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any, Final

from hypothesis import strategies as st

PARTNER_KEY: Final = "sample-partner-key"
PUSH_URL: Final = "https://ocop.example/hooks/shopee"
APP_SECRET: Final = "sample-app-secret"
SHOPEE_NO: Final = "260701TESTAA01"
LAZADA_NO: Final = "400000000000001"

SHOPEE_PUSH: Final = (
    b'{"shop_id":100001,"code":3,"timestamp":1782867600,"data":{"ordersn":"260701TESTAA01",'
    b'"status":"READY_TO_SHIP","update_time":1782867595,"items":[],"completed_scenario":""}}'
)
LAZADA_PUSH: Final = (
    b'{"seller_id":"200000000001","message_type":0,"data":{"order_status":"ready_to_ship",'
    b'"trade_order_id":"400000000000001","trade_order_line_id":"400000000000101",'
    b'"status_update_time":1782867612,"buyer_id":"0"},"timestamp":1782867613,"site":"lazada_vn"}'
)

_SHOPEE: Final[dict[str, Any]] = json.loads("""
{"order_sn":"260701TESTAA01","region":"VN","currency":"VND","cod":true,"total_amount":366000,
"order_status":"READY_TO_SHIP","shipping_carrier":"Giao Hàng Nhanh",
"payment_method":"Cash on Delivery","estimated_shipping_fee":16000,"reverse_shipping_fee":0,
"message_to_seller":"","create_time":1782860000,"update_time":1782867595,"pay_time":null,
"days_to_ship":2,"ship_by_date":1783036800,"pickup_done_time":0,"buyer_user_id":0,
"buyer_username":"","note":"","fulfillment_flag":"fulfilled_by_local_seller","split_up":false,
"recipient_address":{"name":"T******B","phone":"******02","town":"","district":"Phường Cầu Giấy",
"city":"","state":"Hà Nội","region":"VN","zipcode":"","full_address":"S******"},
"item_list":[{"item_id":20000000001,"item_name":"Trà sen OCOP 4 sao, hộp 600 g",
"item_sku":"OCOP-TS-01","model_id":20000000011,"model_name":"Hộp 600 g",
"model_sku":"OCOP-TS-01-600","model_quantity_purchased":2,"model_original_price":190000,
"model_discounted_price":175000,"weight":0.6,"order_item_id":20000000001,"promotion_type":"",
"product_location_id":["VN0000001"]}],
"package_list":[{"package_number":"OFG000000000000001","logistics_status":"LOGISTICS_READY",
"shipping_carrier":"Giao Hàng Nhanh","logistics_channel_id":10000,
"parcel_chargeable_weight_gram":1200,"sorting_group":"North"}]}
""")

_LAZADA: Final[dict[str, Any]] = json.loads("""
{"order_id":400000000000001,"order_number":400000000000001,
"created_at":"2026-07-01 07:00:00 +0700","updated_at":"2026-07-01 08:00:12 +0700",
"price":"350000.00","payment_method":"COD","items_count":2,"statuses":["ready_to_ship"],
"shipping_fee":16000.0,"shipping_fee_original":16000.0,"shipping_fee_discount_seller":0.0,
"shipping_fee_discount_platform":0.0,"voucher":0.0,"voucher_platform":0.0,"voucher_seller":0.0,
"warehouse_code":"dropshipping","promised_shipping_times":"","customer_first_name":"T********B",
"customer_last_name":"","buyer_note":"","delivery_info":"","tax_code":"","gift_option":false,
"need_cancel_confirm":false,"is_cancel_pending":false,
"address_shipping":{"first_name":"T********B","last_name":"","phone":"84*********02","phone2":"",
"address1":"S******","address2":"","address3":"Hà Nội","address4":"Cầu Giấy",
"address5":"Phường Cầu Giấy","addressDsitrict":"","city":"Cầu Giấy","post_code":"",
"country":"Vietnam"}}
""")

_LAZADA_ITEM: Final[dict[str, Any]] = json.loads("""
{"order_item_id":400000000000101,"order_id":400000000000001,"sku":"OCOP-TS-01-600",
"shop_sku":"100000001_VNAMZ-100000011","name":"Trà sen OCOP 4 sao, hộp 600 g","variation":"",
"item_price":175000.0,"paid_price":175000.0,"voucher_platform":"0","voucher_seller":0,
"tax_amount":0.0,"shipping_amount":8000.0,"status":"ready_to_ship","reason":"","reason_detail":"",
"package_id":"FP000000001","tracking_code":"","shipment_provider":"",
"shipping_type":"Dropshipping","shipping_provider_type":"standard","promised_shipping_time":"",
"sla_time_stamp":"2026-07-03T00:00:00+07:00","warehouse_code":"dropshipping","is_digital":"0",
"is_fbl":"0","cancel_return_initiator":"","currency":"VND","product_id":"100000001",
"sku_id":"100000011","created_at":"2026-07-01 07:00:00 +0700"}
""")


def a_shopee_order(**changes: Any) -> dict[str, Any]:
    """As `get_order_detail` answers it."""
    return deepcopy(_SHOPEE) | changes


def a_lazada_item(number: int = 1, **changes: Any) -> dict[str, Any]:
    """One unit, as `/order/items/get` answers it."""
    return deepcopy(_LAZADA_ITEM) | {"order_item_id": 400000000000100 + number} | changes


def a_lazada_order(*items: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Both answers as they are in the log; two units if no item is given."""
    order = deepcopy(_LAZADA) | changes
    return {"order": order, "items": list(items) or [a_lazada_item(1), a_lazada_item(2)]}


def raw(order: dict[str, Any]) -> bytes:
    """As it is in the log."""
    return json.dumps(order, ensure_ascii=False).encode()


JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
PUSHED_BODIES: Final = (
    st.binary()
    | JSON.map(
        lambda data: raw({"shop_id": 1, "seller_id": 1, "code": 3, "message_type": 0, "data": data})
    )
    | st.dictionaries(
        st.sampled_from(["shop_id", "seller_id", "code", "message_type", "data"]), JSON
    ).map(raw)
)
"""Bodies that may be pushed at us, of Shopee's shape, of Lazada's, and of none."""
