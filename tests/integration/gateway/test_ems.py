"""EMS's webhooks and the older Vietnam Post interface's through the gateway."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import orjson
import pytest

from schemas.catalogue import TRACKING_RECEIVED
from schemas.s10 import S10
from services.sandbox.key import new_key, signature
from services.sandbox.month.door import sign
from services.sandbox.month.onboarding import READ_PARTNERS, join_partner
from services.sandbox.options import Options
from services.sandbox.vnpost_legacy import VietnamPostLegacySandbox
from services.store.vault import Vault
from tests.integration.gateway.conftest import MASTER_KEY

if TYPE_CHECKING:
    from services.sandbox.serving import Joining
    from tests.integration.gateway.conftest import Served

SECRET = "sample-secret-in-the-url"
SIGNING = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
MERCHANTSITE = "/v1/carriers/ems/merchantsite/events"
LEGACY = "/v1/carriers/vnpost/legacy/events"


@pytest.fixture(autouse=True)
async def _joined(served: Served) -> None:
    given: Joining = {"secrets": [SECRET, SIGNING], "public_key": None}
    seal = Vault(MASTER_KEY).seal_secret
    async with served.pool.acquire() as connection:
        for row in await connection.fetch(READ_PARTNERS, "ems"):
            await join_partner(connection, seal, row, given)
        await served.parts.keyring.refresh(connection)


def a_number() -> str:
    return S10("EA", uuid.uuid4().int % 10**8).number


def a_body(number: str) -> bytes:
    body = {"tracking_code": number, "status_code": 4, "datetime": "07/10/2026 08:00:00"}
    return orjson.dumps(body)


async def post(
    served: Served, path: str, raw: bytes, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str]]:
    async with served.session.post(served.url + path, data=raw, headers=headers) as answer:
        return answer.status, await answer.json()


async def test_ems_gets_its_transaction_back_and_the_event_keeps_it_as_its_id(
    served: Served,
) -> None:
    number = a_number()
    status, echo = await post(
        served, f"{MERCHANTSITE}?key={SECRET}", a_body(number), {"ems-transaction": "T-1"}
    )
    assert (status, echo) == (200, {"code": "success", "transaction": "T-1"})
    (record,) = await served.records(TRACKING_RECEIVED, number.encode())
    headers = dict(record.headers)
    assert (headers["ocop_api"], headers["ocop_event_id"]) == (b"merchantsite", b"T-1")
    assert not any(SECRET.encode() in value for _name, value in record.headers)


@pytest.mark.parametrize("query", ["", "?key=wrong", f"?hash={SECRET}"])
async def test_without_the_urls_secret_ems_reads_an_error_in_its_own_form(
    served: Served, query: str
) -> None:
    number = a_number()
    headers = {"ems-transaction": "T-1"}
    status, told = await post(served, MERCHANTSITE + query, a_body(number), headers)
    assert (status, told) == (401, {"code": "error", "transaction": "T-1"})
    assert await served.records(TRACKING_RECEIVED, number.encode()) == []


async def test_an_operator_tells_of_ems_numbers_in_emsevt(served: Served) -> None:
    number = a_number()
    event = {
        "event_id": str(uuid.uuid4()),
        "tracking_no": number,
        "code": "EMI",
        "occurred_at": "2026-10-07T08:00:00+07:00",
    }
    stamp = "2026-10-07T08:00:01+07:00"
    raw = orjson.dumps({"type": "tracking.events", "timestamp": stamp, "data": event})
    status, _ = await post(served, "/v1/partners/ems-emsevt/events", raw, sign(SIGNING, raw))
    assert status == 200
    (record,) = await served.records(TRACKING_RECEIVED, number.encode())
    assert record.key == f"ems:{number}".encode()
    assert dict(record.headers)["ocop_api"] == b"emsevt_v3"
    path = f"/v1/carriers/ems/emsevt_v3/events?key={SECRET}"
    assert (await post(served, path, raw))[0] == 404


async def test_the_older_vietnam_post_is_known_by_modulus_and_exponent(served: Served) -> None:
    key = new_key()
    peer = VietnamPostLegacySandbox(Options(), key)
    async with served.pool.acquire() as connection:
        (row,) = await connection.fetch(READ_PARTNERS, "vnpost_legacy")
        await join_partner(connection, Vault(MASTER_KEY).seal_secret, row, peer.joining())
        await served.parts.keyring.refresh(connection)
    number, sent = S10("CA", uuid.uuid4().int % 10**8).number, "07/10/2026 08:00:05"
    data = orjson.dumps({"ItemCode": number, "OrderStatusId": 100}).decode()
    body = {"Data": data, "SendDate": sent, "SignData": signature(key, data + sent)}
    forged = body | {"Data": data.replace("100", "170")}
    assert (await post(served, LEGACY, orjson.dumps(forged)))[0] == 401
    assert (await post(served, LEGACY, orjson.dumps(body)))[0] == 200
    (record,) = await served.records(TRACKING_RECEIVED, number.encode())
    assert record.key == f"vnpost:{number}".encode()
