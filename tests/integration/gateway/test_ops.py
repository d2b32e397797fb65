"""Operators at the gateway: with a key of their own, under their own name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from schemas.catalogue import TRACKING_RECEIVED
from schemas.mending import Correction
from services.store.credentials import issue_key

if TYPE_CHECKING:
    from tests.integration.gateway.conftest import Served

PARCEL = "direct:S68-01:D-77/1/1"
BODY = {"state": "delivered", "occurred_at": "2026-10-06T08:00:00+07:00", "why": "seen by us"}
BOOKED = """
INSERT INTO tracking.bookings (reference, waybill, order_id, parcel_id)
VALUES ('OCAAAAAAAAAAAAAAAA-1', 'ems:EA000000059VN', 'direct:S68-01:D-77', $1)
"""


@pytest.fixture
async def lan(served: Served) -> dict[str, str]:
    """An operator's key."""
    async with served.pool.acquire() as connection:
        key = await issue_key(connection, "ops", "lan")
        await connection.execute(BOOKED, PARCEL)
        await served.parts.keyring.refresh(connection)
    return {"Authorization": f"Bearer {key}"}


async def post(served: Served, parcel: str, body: object, headers: dict[str, str]) -> Any:
    url = f"{served.url}/v1/ops/parcels/{parcel}/corrections"
    async with served.session.post(url, json=body, headers=headers) as answer:
        return answer.status, await answer.json()


async def test_a_correction_is_stored_under_the_key_of_its_number(
    served: Served, lan: dict[str, str]
) -> None:
    status, told = await post(served, PARCEL, BODY, lan)
    assert status == 202
    (record,) = await served.records(TRACKING_RECEIVED, told["correction_id"].encode())
    assert record.key == b"ems:EA000000059VN"
    assert dict(record.headers)["ocop_kind"] == b"correction"
    said = Correction.model_validate_json(record.value)
    assert (said.by, said.state, said.reference) == (
        "ops:lan",
        "delivered",
        "OCAAAAAAAAAAAAAAAA-1",
    )


async def test_one_idempotency_key_is_one_correction(served: Served, lan: dict[str, str]) -> None:
    headers = {**lan, "Idempotency-Key": "call-4711"}
    answers = [(await post(served, PARCEL, BODY, headers))[1] for _ in range(2)]
    assert answers[0]["correction_id"] == answers[1]["correction_id"]


async def test_nobody_else_corrects_and_nobody_signs_for_others(
    served: Served, lan: dict[str, str]
) -> None:
    seller = served.bearer(next(iter(served.keys.sellers)))
    assert (await post(served, PARCEL, BODY, {}))[0] == 401
    assert (await post(served, PARCEL, BODY, seller))[0] == 401
    status, told = await post(served, PARCEL, {**BODY, "by": "ops:minh"}, lan)
    assert (status, told["correction_id"] != "") == (202, True)
    (record,) = await served.records(TRACKING_RECEIVED, told["correction_id"].encode())
    assert Correction.model_validate_json(record.value).by == "ops:lan"


async def test_what_cannot_be_is_answered_with_a_sentence(
    served: Served, lan: dict[str, str]
) -> None:
    assert (await post(served, "direct:S68-01:D-78/1/1", BODY, lan))[0] == 404
    status, told = await post(served, PARCEL, {**BODY, "state": "unmapped"}, lan)
    assert (status, told["code"]) == (422, "correction_invalid")
    assert (await post(served, PARCEL, [], lan))[0] == 422
    assert (await post(served, PARCEL, {"state": "delivered"}, lan))[0] == 422
