"""The tracking event of partners without a format of their own: `ocop.tracking/1`, ours.

Its carrier is the credential's or the topic's, never the payload's.
"""

from typing import Annotated, Final

from pydantic import AwareDatetime, Field, StringConstraints

from schemas.event import Value
from schemas.place import WardCode

FORMAT: Final = "ocop.tracking/1"
MOST_EVENTS: Final = 500
"""In one request."""

Short = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
TrackingNo = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class Facility(Value):
    """Where it happened, down to the ward at most."""

    code: Short | None = None
    name: Annotated[str, StringConstraints(max_length=200)] | None = None
    ward_code: WardCode | None = None


class PartnerEvent(Value):
    """One tracking event. `code`: a canonical status, or the partner's own where it has a map.

    `event_id` stays the same over repeats; `occurred_at` has an offset. A field we do not know is
    refused, so that none is lost unseen.
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
