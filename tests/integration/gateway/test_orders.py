"""Orders through the gateway: authenticated, durable, once."""

from __future__ import annotations

import hashlib
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson

from schemas.catalogue import ORDER_RECEIVED, PACKING_REPORTED
from services.gateway.limits import RateLimit
from services.sandbox.month.door import sign

if TYPE_CHECKING:
    from tests.integration.gateway.conftest import Served


def an_order(number: str, seller_id: str = "S68-01", channel: str = "direct") -> dict[str, Any]:
    return {
        "format": "ocop.order/1",
        "channel": channel,
        "channel_order_no": number,
        "event": "placed",
        "version": 1,
        "placed_at": "2026-10-05T08:00:00+07:00",
        "updated_at": "2026-10-05T08:00:00+07:00",
        "seller_ref": seller_id if channel == "direct" else f"{channel[0].upper()}-{seller_id}",
        "buyer": {"name": "Trần Thị B", "phone": "0900000002"},
        "ship_to": {
            "street": "Số 1 Đường Mẫu",
            "ward_code": "00166",
            "ward_name": "Phường Cầu Giấy",
            "province_code": "01",
            "province_name": "Hà Nội",
            "vintage": "2025-07",
            "postcode": None,
        },
        "lines": [
            {
                "line_no": 1,
                "sku": f"{seller_id}-01",
                "name": "Rau",
                "quantity": 1,
                "unit_price": 185000,
            }
        ],
        "totals": {
            "goods": 185000,
            "shipping": 0,
            "discount": 0,
            "grand_total": 185000,
            "currency": "VND",
        },
        "payment": {"method": "cod", "cod_amount": 185000, "shipping_payer": "seller"},
        "fixed_carrier": None,
        "note": "",
    }


def a_number() -> str:
    return f"T-{uuid.uuid4().hex[:12]}"


async def post(served: Served, path: str, body: bytes, **headers: str) -> tuple[int, Any, Any]:
    async with served.session.post(served.url + path, data=body, headers=headers) as answer:
        return answer.status, await answer.json(content_type=None), answer.headers


async def test_an_accepted_order_lies_in_the_topic_byte_for_byte(served: Served) -> None:
    number = a_number()
    raw = orjson.dumps(an_order(number), option=orjson.OPT_INDENT_2)
    key = {"Idempotency-Key": "k1", **served.bearer("S68-01")}
    status, answer, _ = await post(served, "/v1/orders", raw, **key)
    assert status == 202
    assert answer["order_id"] == f"direct:S68-01:{number}"
    (record,) = await served.records(ORDER_RECEIVED, number.encode())
    headers = {name: value.decode() for name, value in record.headers}
    assert record.value == raw
    assert record.key == f"direct:{number}".encode()
    assert headers["ocop_seller"] == "S68-01"
    assert headers["ocop_kind"] == "order"
    assert headers["ce_id"] == answer["command_id"]


async def test_a_repeat_gets_the_first_answer_and_no_second_record(served: Served) -> None:
    number = a_number()
    raw = orjson.dumps(an_order(number))
    key = {"Idempotency-Key": "again", **served.bearer("S68-01")}
    first = await post(served, "/v1/orders", raw, **key)
    second = await post(served, "/v1/orders", raw, **key)
    assert first[:2] == second[:2]
    assert len(await served.records(ORDER_RECEIVED, number.encode())) == 1


async def test_a_key_used_for_another_order_is_refused(served: Served) -> None:
    key = {"Idempotency-Key": "one", **served.bearer("S68-01")}
    await post(served, "/v1/orders", orjson.dumps(an_order(a_number())), **key)
    status, problem, _ = await post(served, "/v1/orders", orjson.dumps(an_order(a_number())), **key)
    assert (status, problem["code"]) == (422, "idempotency_key_reused")


async def test_a_request_whose_gateway_died_under_it_may_soon_be_sent_again(
    served: Served,
) -> None:
    raw = orjson.dumps(an_order(a_number()))
    key = {"Idempotency-Key": "orphan", **served.bearer("S68-01")}
    claim = """
        INSERT INTO gateway.idempotency_keys (owner_id, key, fingerprint, started_at)
        VALUES ('S68-01', 'orphan', $1, now() - $2::interval)
    """
    digest = hashlib.sha256(raw).digest()
    await served.pool.execute(claim, digest, timedelta(seconds=10))
    status, problem, headers = await post(served, "/v1/orders", raw, **key)
    assert (status, problem["code"], headers["Retry-After"]) == (409, "in_progress", "1")
    await served.pool.execute("DELETE FROM gateway.idempotency_keys")
    await served.pool.execute(claim, digest, timedelta(seconds=16))
    assert (await post(served, "/v1/orders", raw, **key))[0] == 202


async def test_without_an_idempotency_key_nothing_is_taken(served: Served) -> None:
    raw = orjson.dumps(an_order(a_number()))
    status, problem, _ = await post(served, "/v1/orders", raw, **served.bearer("S68-01"))
    assert (status, problem["code"]) == (400, "idempotency_key_missing")


async def test_an_order_of_another_seller_is_refused_and_may_be_sent_again(
    served: Served,
) -> None:
    raw = orjson.dumps(an_order(a_number(), "S66-01"))
    key = {"Idempotency-Key": "two", **served.bearer("S68-01")}
    for _ in range(2):
        status, problem, _ = await post(served, "/v1/orders", raw, **key)
        assert (status, problem["code"]) == (422, "wrong_seller")


async def test_an_unknown_key_is_refused_before_the_body_is_looked_at(served: Served) -> None:
    status, problem, headers = await post(
        served, "/v1/orders", b"{", Authorization="Bearer ocop_000000000000_x"
    )
    assert (status, problem["code"]) == (401, "unauthenticated")
    assert headers["Content-Type"] == "application/problem+json"


async def test_a_channel_that_signs_is_heard_and_one_that_does_not_is_not(served: Served) -> None:
    number = a_number()
    raw = orjson.dumps(an_order(number, channel="postmart"))
    good = sign(served.keys.channels["postmart"], raw)
    other = sign(served.keys.channels["voso"], raw)
    path = "/v1/channels/postmart/orders"
    assert (await post(served, path, raw, **other))[0] == 401
    assert (await post(served, path, raw + b" ", **good))[0] == 401
    assert (await post(served, path, raw, **{**good, "webhook-signature": "v1,%%"}))[0] == 401
    assert await served.records(ORDER_RECEIVED, number.encode()) == []
    assert (await post(served, path, raw, **good))[0] == 202
    assert len(await served.records(ORDER_RECEIVED, number.encode())) == 1


async def test_a_signed_payload_we_cannot_read_is_told_so_and_kept(served: Served) -> None:
    raw = f"not an order {uuid.uuid4()}".encode()
    headers = sign(served.keys.channels["voso"], raw)
    status, problem, _ = await post(served, "/v1/channels/voso/orders", raw, **headers)
    assert (status, problem["code"]) == (422, "unreadable")
    assert len(await served.records(ORDER_RECEIVED, raw)) == 1


async def test_a_seller_commands_its_own_orders_only(served: Served) -> None:
    number = a_number()
    body = orjson.dumps({"why": "khách đổi ý", "at": "2026-10-06T08:00:00+07:00"})
    own = f"/v1/orders/postmart:S68-01:{number}/cancel"
    other = f"/v1/orders/postmart:S66-01:{number}/cancel"
    assert (await post(served, other, body, **served.bearer("S68-01")))[0] == 404
    status, answer, _ = await post(served, own, body, **served.bearer("S68-01"))
    assert status == 202
    (record,) = await served.records(ORDER_RECEIVED, number.encode())
    assert record.key == f"postmart:{number}".encode()
    assert dict(record.headers)["ocop_kind"] == b"cancel"
    assert dict(record.headers)["ocop_command_id"].decode() == answer["command_id"]
    assert orjson.loads(record.value)["why"] == "khách đổi ý"


async def test_a_decision_may_name_its_parcel_and_no_other_command_may(served: Served) -> None:
    number = a_number()
    order = f"postmart:S68-01:{number}"
    parcel = f"{order}/1/2"
    body = orjson.dumps({"why": "khách hẹn lại", "parcel_id": parcel})
    bearer = served.bearer("S68-01")
    status, problem, _ = await post(served, f"/v1/orders/{order}/cancel", body, **bearer)
    assert (status, problem["code"]) == (422, "invalid_command")
    assert (await post(served, f"/v1/orders/{order}/redeliver", body, **bearer))[0] == 202
    (record,) = await served.records(ORDER_RECEIVED, number.encode())
    assert dict(record.headers)["ocop_kind"] == b"redeliver"
    assert orjson.loads(record.value)["parcel_id"] == parcel


async def test_only_a_receipt_names_parcels(served: Served) -> None:
    number = a_number()
    parcel = {"parcel_id": f"postmart:S68-01:{number}/1/1", "outcome": "written_off"}
    body = orjson.dumps({"why": "hỏng", "parcels": [parcel]})
    path = f"/v1/orders/postmart:S68-01:{number}"
    status, problem, _ = await post(served, f"{path}/hold", body, **served.bearer("S68-01"))
    assert (status, problem["code"]) == (422, "invalid_command")
    assert (await post(served, f"{path}/receive_back", body, **served.bearer("S68-01")))[0] == 202
    (record,) = await served.records(ORDER_RECEIVED, number.encode())
    assert orjson.loads(record.value)["parcels"] == [{**parcel, "condition": None}]


async def test_a_packing_report_is_checked_for_form_and_stored(served: Served) -> None:
    shipment = f"direct:S68-01:{a_number()}/1"
    report = {
        "report_id": str(uuid.uuid4()),
        "shipment_id": shipment,
        "station": "S68-01-T1",
        "kind": "started",
        "reported_at": "2026-10-05T09:00:00+07:00",
    }
    path, bearer = "/v1/packing/reports", served.bearer("S68-01")
    status, problem, _ = await post(
        served, path, orjson.dumps({**report, "kind": "ended"}), **bearer
    )
    assert (status, problem["code"]) == (422, "invalid_report")
    assert (await post(served, path, orjson.dumps(report), **bearer))[0] == 202
    (record,) = await served.records(PACKING_REPORTED, shipment.encode())
    assert record.key == shipment.removesuffix("/1").encode()


async def test_a_body_over_the_limit_is_refused(served: Served) -> None:
    raw = b"x" * (128 * 1024 + 1)
    status, problem, _ = await post(
        served, "/v1/orders", raw, **{"Idempotency-Key": "big", **served.bearer("S68-01")}
    )
    assert (status, problem["code"]) == (413, "too_large")


async def test_a_seller_over_its_rate_is_told_when_to_come_back(served: Served) -> None:
    served.parts.seller_limit = RateLimit(rate=0.01, burst=2)
    url = f"{served.url}/v1/orders/direct:S66-01:none"
    answers = []
    for _ in range(3):
        async with served.session.get(url, headers=served.bearer("S68-02")) as answer:
            answers.append((answer.status, int(answer.headers.get("Retry-After", "0"))))
    assert [status for status, _ in answers] == [404, 404, 429]
    assert answers[-1][1] > 10
    async with served.session.get(url, headers=served.bearer("S66-01")) as other:
        assert other.status == 404
