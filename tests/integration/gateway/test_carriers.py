"""Carriers' webhooks through the gateway."""

from __future__ import annotations

import base64
import uuid
from typing import TYPE_CHECKING

import orjson
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from schemas.catalogue import TRACKING_RECEIVED
from services.store.credentials import trust_public_key

if TYPE_CHECKING:
    from tests.integration.gateway.conftest import Served

SECRET = "sample-partner-secret"
VIETTELPOST = "/v1/carriers/viettelpost/partner_v2/events"
VNPOST = "/v1/carriers/vnpost/myvnpost/events"


def a_viettelpost_event(number: str, token: str = SECRET) -> bytes:
    data = {
        "ORDER_NUMBER": number,
        "ORDER_REFERENCE": "OC-1",
        "ORDER_STATUS": 500,
        "ORDER_STATUSDATE": "07/10/2026 08:00:00",
    }
    return orjson.dumps({"DATA": data, "TOKEN": token})


async def post(served: Served, path: str, raw: bytes, **headers: str) -> int:
    async with served.session.post(served.url + path, data=raw, headers=headers) as answer:
        await answer.read()
        return answer.status


async def test_viettel_posts_secret_must_stand_in_header_and_body(served: Served) -> None:
    number = f"VTP{uuid.uuid4().hex[:9]}"
    raw = a_viettelpost_event(number)
    assert await post(served, VIETTELPOST, raw) == 401
    assert await post(served, VIETTELPOST, raw, Authorization="wrong") == 401
    forged = a_viettelpost_event(number, token="wrong")
    assert await post(served, VIETTELPOST, forged, Authorization=SECRET) == 401
    assert await served.records(TRACKING_RECEIVED, number.encode()) == []
    assert await post(served, VIETTELPOST, raw, Authorization=SECRET) == 200
    (record,) = await served.records(TRACKING_RECEIVED, number.encode())
    assert record.key == f"viettelpost:{number}".encode()
    assert record.value == raw
    headers = dict(record.headers)
    assert (headers["ocop_carrier"], headers["ocop_api"]) == (b"viettelpost", b"partner_v2")


async def test_an_unreadable_but_authentic_body_is_kept(served: Served) -> None:
    raw = orjson.dumps({"TOKEN": SECRET, "note": str(uuid.uuid4())})
    assert await post(served, VIETTELPOST, raw, Authorization=SECRET) == 200
    assert len(await served.records(TRACKING_RECEIVED, raw)) == 1


async def test_vietnam_post_is_known_by_its_rsa_key_and_only_what_it_signs_is_taken(
    served: Served,
) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    async with served.pool.acquire() as connection:
        assert await trust_public_key(connection, "vnpost", pem.decode())
        await served.parts.keyring.refresh(connection)
    number = f"CA{uuid.uuid4().int % 10**9:09d}VN"

    def body(items: int) -> bytes:
        sent = "2026-10-07 08:00:00"
        text = f"MYVNP{sent}{number}14".encode()
        signature = key.sign(text, padding.PKCS1v15(), hashes.SHA256())
        data = [{"itemCode": number, "status": "14"} for _ in range(items)]
        return orjson.dumps(
            {"data": data, "sendDate": sent, "signature": base64.b64encode(signature).decode()}
        )

    assert await post(served, VNPOST, body(1).replace(b'"14"', b'"19"')) == 401
    assert await post(served, VNPOST, body(2)) == 422
    assert await served.records(TRACKING_RECEIVED, number.encode()) == []
    assert await post(served, VNPOST, body(1)) == 200
    assert len(await served.records(TRACKING_RECEIVED, number.encode())) == 1


async def test_a_carrier_nobody_registered_is_not_found(served: Served) -> None:
    assert await post(served, "/v1/carriers/ghost/v1/events", b"{}") == 404
