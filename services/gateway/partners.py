"""Partners without a format of their own: signed batches of the generic tracking event."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Annotated, Any, Final

import orjson
from fastapi import APIRouter, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from schemas.catalogue import TRACKING_RECEIVED
from schemas.ids import tracking_key
from schemas.partner import MOST_EVENTS, PartnerEvent
from services.carriers.generic import sender_headers
from services.channels.invalid import told
from services.gateway.bodies import partner_events
from services.gateway.ingest import trace_of
from services.gateway.limits import WEBHOOK_MAX_BYTES, read_body
from services.gateway.parts import Parts, Wired
from services.gateway.problems import Problem, unauthenticated

if TYPE_CHECKING:
    from services.gateway.keyring import Partner

router = APIRouter(prefix="/v1/partners", tags=["partners"])

STANDARD_WEBHOOKS: Final = "standard_webhooks"
"""`registry.partners.verification` of a partner that signs as Standard Webhooks v1."""
TYPE: Final = "tracking.events"


class Batch(BaseModel):
    """A Standard Webhooks payload: one event, or a list that is taken whole or not at all."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Annotated[str, Field(pattern=f"^{TYPE}$")]
    timestamp: AwareDatetime
    data: PartnerEvent | Annotated[list[PartnerEvent], Field(min_length=1, max_length=MOST_EVENTS)]

    @property
    def events(self) -> list[PartnerEvent]:
        """What it holds, as a list either way."""
        return self.data if isinstance(self.data, list) else [self.data]


@router.post("/{partner_id}/events", openapi_extra=partner_events())
async def receive_partner_events(request: Request, partner_id: str, parts: Wired) -> Response:
    """Store a partner's tracking events. 200: all of them are durable; 503: send all again.

    Signed as Standard Webhooks v1; a repeated `event_id` has no effect.
    """
    partner = parts.keyring.partners_by_id.get(partner_id)
    if partner is None or partner.verification != STANDARD_WEBHOOKS:
        raise Problem(404, "partner_unknown", f"no partner {partner_id} signs Standard Webhooks")
    parts.feed_limit.take(partner_id, time.monotonic())
    raw = await read_body(request, WEBHOOK_MAX_BYTES)
    if not parts.keyring.is_signed("partner", partner_id, raw, request.headers):
        raise unauthenticated("the signature, its timestamp or its key is not right")
    events = read_batch(raw).events
    await store_events(parts, partner, events, trace_of(request))
    return Response(orjson.dumps({"accepted": len(events)}), media_type="application/json")


def read_batch(raw: bytes) -> Batch:
    """The payload.

    Raises:
        Problem: 422 that names every event that is wrong; none is stored.
    """
    try:
        return Batch.model_validate_json(raw)
    except ValidationError as invalid:
        raise Problem(422, "invalid_events", told(invalid)) from None


async def store_events(
    parts: Parts, partner: Partner, events: list[PartnerEvent], trace: str | None
) -> None:
    """Append one record an event, keyed as every carrier's events are, all at once."""
    ours = sender_headers(partner.carrier, partner.api, partner.partner_id)
    appends: list[Any] = [
        parts.ingest.append(
            TRACKING_RECEIVED,
            tracking_key(partner.carrier, event.tracking_no),
            event.model_dump_json(exclude_none=True).encode(),
            ours,
            trace,
        )
        for event in events
    ]
    await asyncio.gather(*appends)
