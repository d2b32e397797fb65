"""Partners without a format of their own, through the gateway."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from schemas.catalogue import TRACKING_RECEIVED
from services.sandbox.month.door import sign
from services.store.credentials import issue_signing_secret
from services.store.vault import Vault
from tests.integration.gateway.conftest import MASTER_KEY

if TYPE_CHECKING:
    from tests.integration.gateway.conftest import Served

PATH = "/v1/partners/rural-post/events"


@pytest.fixture
async def secret(served: Served) -> str:
    """The secret of a partner that has just joined."""
    async with served.pool.acquire() as connection:
        await connection.execute(
            """INSERT INTO registry.partners (partner_id, carrier, api, verification)
               VALUES ('rural-post', 'ruralpost', 'generic', 'standard_webhooks')"""
        )
        seal = Vault(MASTER_KEY).seal_secret
        made = await issue_signing_secret(connection, "partner", "rural-post", seal)
        await served.parts.keyring.refresh(connection)
    return made


def an_event(number: str, **changes: Any) -> dict[str, Any]:
    return {
        "event_id": str(uuid.uuid4()),
        "tracking_no": number,
        "code": "out_for_delivery",
        "occurred_at": "2026-10-23T08:00:00+07:00",
    } | changes


def a_payload(data: Any) -> bytes:
    return orjson.dumps(
        {"type": "tracking.events", "timestamp": "2026-10-23T08:00:01+07:00", "data": data}
    )


async def post(served: Served, raw: bytes, headers: dict[str, str], path: str = PATH) -> Any:
    async with served.session.post(served.url + path, data=raw, headers=headers) as answer:
        return answer.status, await answer.json()


async def test_one_event_is_stored_under_the_partners_carrier(served: Served, secret: str) -> None:
    number = f"RP{uuid.uuid4().hex[:9]}"
    raw = a_payload(an_event(number))
    assert await post(served, raw, sign(secret, raw)) == (200, {"accepted": 1})
    (record,) = await served.records(TRACKING_RECEIVED, number.encode())
    assert record.key == f"ruralpost:{number}".encode()
    assert dict(record.headers)["ocop_carrier"] == b"ruralpost"


async def test_a_batch_with_one_mistake_is_refused_whole(served: Served, secret: str) -> None:
    number = f"RP{uuid.uuid4().hex[:9]}"
    good = [an_event(number) for _ in range(3)]
    raw = a_payload([*good, an_event(number, occurred_at="2026-10-23T08:00:00")])
    status, problem = await post(served, raw, sign(secret, raw))
    assert status == 422
    assert "3.occurred_at" in problem["detail"]
    assert await served.records(TRACKING_RECEIVED, number.encode()) == []
    whole = a_payload(good)
    assert await post(served, whole, sign(secret, whole)) == (200, {"accepted": 3})
    assert len(await served.records(TRACKING_RECEIVED, number.encode())) == 3


async def test_five_hundred_events_are_taken_and_one_more_is_not(
    served: Served, secret: str
) -> None:
    number = f"RP{uuid.uuid4().hex[:9]}"
    raw = a_payload([an_event(number)] * 500)
    assert (await post(served, raw, sign(secret, raw)))[0] == 200
    more = a_payload([an_event(number)] * 501)
    assert (await post(served, more, sign(secret, more)))[0] == 422


async def test_a_partner_cannot_name_another_carrier(served: Served, secret: str) -> None:
    raw = a_payload(an_event("RP1", carrier="viettelpost"))
    assert (await post(served, raw, sign(secret, raw)))[0] == 422


async def test_what_is_not_signed_with_its_secret_is_refused(served: Served, secret: str) -> None:
    raw = a_payload(an_event("RP1"))
    other = served.keys.channels["postmart"]
    assert (await post(served, raw, sign(other, raw)))[0] == 401
    assert (await post(served, raw + b" ", sign(secret, raw)))[0] == 401
    assert (await post(served, raw, {}))[0] == 401
    stale = sign(secret, raw) | {"webhook-timestamp": "1782867600"}
    assert (await post(served, raw, stale))[0] == 401


async def test_a_carrier_with_a_format_of_its_own_has_no_generic_door(served: Served) -> None:
    raw = a_payload(an_event("RP1"))
    path = "/v1/partners/viettelpost/events"
    assert (await post(served, raw, {}, path))[0] == 404
