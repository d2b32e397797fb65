"""Packing stations: what to pack, and what was packed."""

from __future__ import annotations

import uuid
from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import ValidationError

from schemas.catalogue import PACKING_REPORTED
from schemas.packing import PackingReport
from services.channels.invalid import told
from services.gateway.ingest import trace_of
from services.gateway.limits import ORDER_MAX_BYTES, read_body
from services.gateway.orders import accepted, require_own
from services.gateway.parts import Wired
from services.gateway.problems import Problem
from services.store.pack_list import shipments_to_pack

router = APIRouter(prefix="/v1/packing", tags=["packing"])


@router.get("/shipments")
async def list_shipments(
    request: Request,
    parts: Wired,
    after: str = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Response:
    """The seller's shipments that wait to be packed, by id; `after` pages on."""
    seller_id = parts.seller_of(request)
    async with parts.pool.acquire() as connection:
        shipments = await shipments_to_pack(connection, seller_id, limit, after)
    return Response(
        orjson.dumps({"shipments": shipments}, default=str), media_type="application/json"
    )


@router.post("/reports", status_code=202)
async def report_packing(request: Request, parts: Wired) -> Response:
    """A station's report: started, parcel or finished. 202: stored; a refusal reaches the feed."""
    seller_id = parts.seller_of(request)
    raw = await read_body(request, ORDER_MAX_BYTES)
    report = readable_report(raw)
    require_own(report.order_id, seller_id)
    ours = {"ocop_actor": f"seller:{seller_id}", "ocop_command_id": str(uuid.uuid4())}
    await parts.ingest.append(PACKING_REPORTED, report.order_id, raw, ours, trace_of(request))
    return accepted(orjson.dumps({"report_id": report.report_id}))


def readable_report(raw: bytes) -> PackingReport:
    """The report.

    Raises:
        Problem: 422 with everything that is wrong.
    """
    try:
        return PackingReport.model_validate_json(raw)
    except ValidationError as invalid:
        raise Problem(422, "invalid_report", told(invalid)) from invalid
