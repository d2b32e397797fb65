"""What happened to a seller's orders: by page, or as a stream."""

from __future__ import annotations

from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Request, Response
from sse_starlette import EventSourceResponse

from services.gateway.parts import Wired
from services.gateway.problems import Problem
from services.gateway.stream import follow_feed, read_page

router = APIRouter(prefix="/v1/events", tags=["events"])

PING_S = 15


@router.get("")
async def read_events(
    request: Request, parts: Wired, after: Annotated[int, Query(ge=0)] = 0
) -> Response:
    """The next entries of the seller's feed after number `after`, 500 at most."""
    seller_id = parts.seller_of(request)
    page = await read_page(parts.pool, seller_id, after)
    return Response(
        orjson.dumps({"events": [entry.told() for entry in page]}), media_type="application/json"
    )


@router.get("/stream", response_class=EventSourceResponse)
async def stream_events(
    request: Request, parts: Wired, after: Annotated[int, Query(ge=0)] = 0
) -> EventSourceResponse:
    """The feed as server-sent events, resumed after `Last-Event-ID` (or `?after=`)."""
    seller_id = parts.seller_of(request)
    last = request.headers.get("last-event-id", str(after))
    if not last.isdecimal():
        raise Problem(400, "invalid_last_event_id", "Last-Event-ID must be a feed number")
    return EventSourceResponse(
        follow_feed(parts.pool, parts.tail, seller_id, int(last)), ping=PING_S
    )
