"""Carriers' webhooks in: verified the way each carrier signs, stored as they came."""

from __future__ import annotations

import asyncio
import hashlib
import time
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response

from schemas.catalogue import TRACKING_RECEIVED
from schemas.ids import tracking_key
from services.carriers.webhook import Trusted, UnreadableWebhook
from services.carriers.webhooks import ANSWERS, EVENT_ID_HEADERS, VERIFICATIONS, WEBHOOKS
from services.gateway.bodies import CARRIER_EVENTS
from services.gateway.ingest import trace_of
from services.gateway.limits import WEBHOOK_MAX_BYTES, read_body
from services.gateway.parts import Parts, Wired
from services.gateway.problems import Problem, problem_response, unauthenticated
from services.suspect import look_at

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.carriers.webhook import Verifier, WebhookFormat
    from services.gateway.keyring import Partner

router = APIRouter(prefix="/v1/carriers", tags=["carriers"])

UNREADABLE_NUMBER = "unreadable"
LONGEST_ID = 128
STORED = b'{"status":"stored"}'


@router.post("/{carrier}/{api}/events", openapi_extra=CARRIER_EVENTS)
async def receive_events(request: Request, carrier: str, api: str, parts: Wired) -> Response:
    """Store a carrier's webhook. 200: durable; 503: send it again.

    The carrier is the credential's, and one record is appended for each parcel the body speaks of.
    A body we cannot read is stored too and ends as a dead letter: most carriers never repeat it.
    """
    partner = parts.keyring.partners.get((carrier, api))
    if partner is None or partner.verification not in VERIFICATIONS:
        raise Problem(404, "carrier_unknown", f"there is no carrier {carrier} with api {api}")
    shape = ANSWERS.get((carrier, api))
    try:
        await _take(request, parts, partner)
    except Problem as problem:
        if shape is None:
            raise
        return _shaped(shape.failed(request.headers), problem_response(problem))
    if shape is None:
        return Response(STORED, media_type="application/json")
    return Response(shape.stored(request.headers), media_type="application/json")


async def _take(request: Request, parts: Parts, partner: Partner) -> None:
    parts.feed_limit.take(partner.partner_id, time.monotonic())
    raw = await read_body(request, WEBHOOK_MAX_BYTES)
    verifier = VERIFICATIONS[partner.verification]
    query = request.query_params
    if not verifier.verify(raw, request.headers, trusted(parts, partner), query):
        raise unauthenticated("the webhook is not signed as agreed with this carrier")
    items = items_of(WEBHOOKS[partner.carrier, partner.api], verifier, raw)
    for number, _ in items:
        if number != UNREADABLE_NUMBER:
            look_at(partner.carrier, number)
    event_id = event_id_of(partner, request.headers)
    await store_items(parts, partner, raw, items, trace_of(request), event_id=event_id)


def _shaped(body: bytes, answer: Response) -> Response:
    """The problem's status and headers with the body its reader understands."""
    kept = {name: text for name, text in answer.headers.items() if name == "retry-after"}
    return Response(body, answer.status_code, kept, "application/json")


def event_id_of(partner: Partner, headers: Mapping[str, str]) -> str | None:
    """The id the carrier gave this event in a header, if it has one; a long one as its hash."""
    name = EVENT_ID_HEADERS.get((partner.carrier, partner.api))
    found = headers.get(name, "").strip() if name else ""
    if len(found) > LONGEST_ID:
        return hashlib.sha256(found.encode("utf-8", "surrogatepass")).hexdigest()
    return found or None


def trusted(parts: Parts, partner: Partner) -> Trusted:
    """What this partner's bodies are checked against."""
    digests = parts.keyring.digests("partner", partner.partner_id)
    return Trusted(tuple(digests), (partner.public_key,) if partner.public_key else ())


def items_of(form: WebhookFormat, verifier: Verifier, raw: bytes) -> list[tuple[str, int]]:
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
    *,
    event_id: str | None = None,
) -> None:
    """Append the whole body once for each item, all at once."""
    named = {"ocop_event_id": event_id} if event_id else {}
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
                **named,
            },
            trace,
        )
        for number, item in items
    ]
    if len(appends) == 1:
        await appends[0]
    else:
        await asyncio.gather(*appends)
