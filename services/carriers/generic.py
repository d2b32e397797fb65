"""The tracking event of partners without a format of their own: `ocop.tracking/1`, ours.

One JSON object an event (DOMAIN.md, "The generic tracking event"). Its carrier is the credential's
or the topic's, never the payload's.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from schemas.place import WardCode
from services.carriers.webhook import TEXT_LIMIT, TRACKING_NO, CarrierEvent, UnreadableWebhook
from services.channels.neutral import told
from services.reference.status_map import normalised

FORMAT: Final = "ocop.tracking/1"
API: Final = "generic"
"""The api of a partner whose codes are our canonical statuses: it has no map of its own."""
MOST_EVENTS: Final = 500
"""In one request."""

Short = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=TEXT_LIMIT)
]
TrackingNo = Annotated[str, StringConstraints(pattern=f"^{TRACKING_NO.pattern}$")]


class Part(BaseModel):
    """A piece of what a partner writes; a field we do not know is refused, so that none is lost."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Facility(Part):
    """Where it happened, down to the ward at most."""

    code: Short | None = None
    name: Annotated[str, StringConstraints(max_length=200)] | None = None
    ward_code: WardCode | None = None


class PartnerEvent(Part):
    """One tracking event. `code`: a canonical status, or the partner's own where it has a map.

    `event_id` stays the same over repeats; `occurred_at` has an offset; amounts in VND, weights in g.
    """

    event_id: Short
    tracking_no: TrackingNo
    code: Short
    reason_code: Short | None = None
    occurred_at: AwareDatetime
    facility: Facility | None = None
    note: Annotated[str, StringConstraints(max_length=500)] | None = None
    cod_collected_vnd: Annotated[int, Field(ge=0, le=10**12)] | None = None
    weight_g: Annotated[int, Field(ge=0, le=10**9)] | None = None
    reference: Short | None = None
    """Our booking reference, where the partner keeps it."""


def read_event(raw: bytes) -> PartnerEvent:
    """The event in `raw`; raises UnreadableWebhook, naming what is wrong without its value."""
    try:
        return PartnerEvent.model_validate_json(raw)
    except ValidationError as invalid:
        raise UnreadableWebhook("invalid_event", told(invalid)) from None


def carrier_event(event: PartnerEvent, carrier: str, api: str) -> CarrierEvent:
    """The event in the words every carrier's events are read into."""
    return CarrierEvent(
        carrier=carrier,
        api=api,
        tracking_no=event.tracking_no,
        waybill_no=event.tracking_no,
        reference=event.reference,
        code=normalised(carrier, event.code),
        reason_code=event.reason_code,
        at=int(event.occurred_at.timestamp()),
        raw_time=event.occurred_at.isoformat(),
        reported_at=None,
        facility=event.facility.code if event.facility else None,
        cod_collected_vnd=event.cod_collected_vnd,
        is_return_leg=False,
        event_id=event.event_id,
    )
