"""Mending: what our own people and clocks ask of tracking, as records beside the carriers' own.

They are values of `tracking.received`, with the key of the number they are about and a header
`ocop_kind` that says which of them it is. A carrier's webhook has no such header.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, StringConstraints

from schemas.event import Value
from schemas.tracking import TrackingStatus

KIND_HEADER = "ocop_kind"

Said = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
"""A few words of a person about a parcel; never about a buyer."""


class Request(StrEnum):
    """The header's values."""

    REMAP = "remap"
    CORRECTION = "correction"
    CHECK = "check"


class Correction(Value):
    """Ops know better than the carrier's events: an event of the log like any other (R8).

    `occurred_at` is when it happened in the world. `detail` is one of reasons.csv. The same
    `correction_id` counts once, however often it comes.
    """

    correction_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    parcel_id: str
    reference: str
    state: TrackingStatus
    detail: str | None = None
    occurred_at: AwareDatetime
    by: Said
    why: Said
    evidence: Said | None = None
