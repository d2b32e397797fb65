"""Carriers' webhooks in: verified the way each carrier signs, stored as they came."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response

from schemas.catalogue import TRACKING_RECEIVED
from schemas.ids import tracking_key
from services.carriers.webhook import Trusted, UnreadableWebhook
from services.carriers.webhooks import VERIFICATIONS, WEBHOOKS
from services.gateway.ingest import trace_of
from services.gateway.limits import WEBHOOK_MAX_BYTES, read_body
from services.gateway.parts import Parts, Wired
from services.gateway.problems import Problem, unauthenticated

if TYPE_CHECKING:
    from services.carriers.webhook import WebhookFormat
    from services.gateway.keyring import Partner

router = APIRouter(prefix="/v1/carriers", tags=["carriers"])

UNREADABLE_NUMBER = "unreadable"
STORED = b'{"status":"stored"}'


@router.post("/{carrier}/{api}/events")
async def receive_events(request: Request, carrier: str, api: str, parts: Wired) -> Response:
    """Store a carrier's webhook. 200: durable; 503: send it again.

    The carrier is the credential's, and one record is appended for each parcel the body speaks of.
    A body we cannot read is stored too and ends as a dead letter: most carriers never repeat it.
    """
    partner = parts.keyring.partners.get((carrier, api))
    if partner is None:
        raise Problem(404, "carrier_unknown", f"there is no carrier {carrier} with api {api}")
    parts.feed_limit.take(partner.partner_id, time.monotonic())
    raw = await read_body(request, WEBHOOK_MAX_BYTES)
    verifier = VERIFICATIONS[partner.verification]
    query = request.query_params
    if not verifier.verify(raw, request.headers, trusted(parts, partner), query):
        raise unauthenticated("the webhook is not signed as agreed with this carrier")
    items = items_of(WEBHOOKS[carrier, api], verifier, raw)
    await store_items(parts, partner, raw, items, trace_of(request))
    return Response(STORED, media_type="application/json")


def trusted(parts: Parts, partner: Partner) -> Trusted:
    """What this partner's bodies are checked against."""
    digests = parts.keyring.digests("partner", partner.partner_id)
    return Trusted(tuple(digests), (partner.public_key,) if partner.public_key else ())


def items_of(form: WebhookFormat, verifier: WebhookFormat, raw: bytes) -> list[tuple[str, int]]:
    """Tracking number and place of each item the check covers.

    Raises:
        Problem: 422 if the body holds items that no signature covers.
    """
    try:
        items = form.keys(raw)
    except UnreadableWebhook:
        return [(UNREADABLE_NUMBER, 0)]
    covered = verifier.signed_items
    if covered is not None and len(items) > covered:
        detail = f"the signature covers {covered} of {len(items)} items: send the others alone"
        raise Problem(422, "unsigned_items", detail)
    return items


async def store_items(
    parts: Parts,
    partner: Partner,
    raw: bytes,
    items: list[tuple[str, int]],
    trace: str | None,
) -> None:
    """Append the whole body once for each item, all at once."""
    appends = [
        parts.ingest.append(
            TRACKING_RECEIVED,
            tracking_key(partner.carrier, number),
            raw,
            {
                "ocop_carrier": partner.carrier,
                "ocop_api": partner.api,
                "ocop_partner": partner.partner_id,
                "ocop_item": str(item),
            },
            trace,
        )
        for number, item in items
    ]
    if len(appends) == 1:
        await appends[0]
    else:
        await asyncio.gather(*appends)
