"""`ocop.tracking/1` (schemas/partner.py), read into the words of every carrier's events."""

from __future__ import annotations

from pydantic import ValidationError

from schemas.partner import FORMAT, PartnerEvent
from services.carriers.webhook import CarrierEvent, UnreadableWebhook
from services.channels.invalid import told
from services.reference.status_map import SHARED, normalised


def read_event(raw: bytes) -> PartnerEvent:
    """The event in `raw`; raises UnreadableWebhook, naming what is wrong without its value."""
    try:
        return PartnerEvent.model_validate_json(raw)
    except ValidationError as invalid:
        raise UnreadableWebhook("invalid_event", told(invalid)) from None


def sender_headers(carrier: str, api: str, partner_id: str) -> dict[str, str]:
    """What a record in `tracking.received` says of a partner that writes this form."""
    return {
        "ocop_carrier": carrier,
        "ocop_api": api,
        "ocop_partner": partner_id,
        "ocop_format": FORMAT,
    }


def carrier_event(event: PartnerEvent, carrier: str, api: str) -> CarrierEvent:
    """The event of one carrier and api."""
    return CarrierEvent(
        carrier=carrier,
        api=api,
        tracking_no=event.tracking_no,
        waybill_no=event.tracking_no,
        reference=event.reference,
        code=normalised(SHARED.get(api, carrier), event.code),
        reason_code=event.reason_code,
        at=int(event.occurred_at.timestamp()),
        raw_time=event.occurred_at.isoformat(),
        reported_at=None,
        facility=event.facility.code if event.facility else None,
        cod_collected_vnd=event.cod_collected_vnd,
        is_return_leg=False,
        event_id=event.event_id,
    )
