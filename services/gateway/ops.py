"""What operators may do over HTTP, each with a key of their own: nothing is done without a name."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from schemas.catalogue import TRACKING_RECEIVED
from schemas.mending import KIND_HEADER
from schemas.mending import Request as Asked
from services.corrections import CorrectionInvalid, correction
from services.gateway.ingest import trace_of
from services.gateway.limits import read_body
from services.gateway.parts import Wired
from services.gateway.problems import Problem
from services.store.parcels import find_booking

router = APIRouter(prefix="/v1/ops", tags=["ops"])

CORRECTION_MAX_BYTES = 16 * 1024


@router.post("/parcels/{parcel_id:path}/corrections", status_code=202)
async def correct_parcel(request: Request, parcel_id: str, parts: Wired) -> Response:
    """Say what truly became of a parcel: `{state, detail?, occurred_at, why, evidence?, reference?}`.

    It is an event of the parcel's log with your name on it; nothing is edited. 202: stored. With
    an `Idempotency-Key` the same correction counts once.
    """
    operator = parts.keyring.owner_of(request.headers.get("authorization"), "ops")
    parts.seller_limit.take(f"ops:{operator.owner_id}", time.monotonic())
    said = said_in(await read_body(request, CORRECTION_MAX_BYTES))
    reference = said.pop("reference", None)
    async with parts.pool.acquire() as connection:
        found = await find_booking(connection, parcel_id, reference and str(reference))
    if found is None:
        raise Problem(404, "parcel_unknown", "no carrier has a parcel with this id")
    key = request.headers.get("idempotency-key")
    ours = {
        "correction_id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{parcel_id}|{key}"))
        if key
        else str(uuid.uuid4()),
        "parcel_id": parcel_id,
        "reference": found.reference,
        "by": f"ops:{operator.owner_id}",
    }
    try:
        made = correction({**said, **ours}, datetime.now(UTC))
    except CorrectionInvalid as invalid:
        raise Problem(422, "correction_invalid", str(invalid)) from invalid
    headers = {KIND_HEADER: Asked.CORRECTION.value}
    value = made.model_dump_json().encode()
    await parts.ingest.append(TRACKING_RECEIVED, found.waybill, value, headers, trace_of(request))
    answer = {
        "parcel_id": parcel_id,
        "reference": made.reference,
        "correction_id": made.correction_id,
    }
    return Response(orjson.dumps(answer), 202, media_type="application/json")


def said_in(raw: bytes) -> dict[str, Any]:
    """The body's fields.

    Raises:
        Problem: 422.
    """
    try:
        said = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Problem(422, "correction_invalid", f"the body is not JSON: {error}") from error
    if not isinstance(said, dict):
        raise Problem(422, "correction_invalid", "the body is not a JSON object")
    return said
