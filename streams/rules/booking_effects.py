"""What booking decides to do: calls to make and things to tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from schemas.intake import Decision
    from streams.rules.booking import Parcel
    from streams.rules.booking_attempt import Attempt


@dataclass(frozen=True, slots=True)
class Call:
    """A job of this kind; `request` tells repeated requests apart."""

    kind: Literal["book", "void", "return", "redeliver", "approve_return"]
    attempt: Attempt
    request: int


@dataclass(frozen=True, slots=True)
class TellBooked:
    """The carrier accepted the parcel."""

    parcel: Parcel
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class TellRefused:
    """The carrier will not carry it, or not any more."""

    parcel: Parcel
    attempt: Attempt
    reason: str


@dataclass(frozen=True, slots=True)
class TellVoided:
    """No live booking of the parcel is left, or there never was one."""

    parcel: Parcel
    attempt: Attempt | None


@dataclass(frozen=True, slots=True)
class TellVoidRefused:
    """The carrier keeps the booking."""

    parcel: Parcel
    attempt: Attempt
    reason: str


@dataclass(frozen=True, slots=True)
class TellShort:
    """The platform has issued fewer package numbers than parcels are packed."""

    detail: str


@dataclass(frozen=True, slots=True)
class TellEnough:
    """Every parcel has its package number."""


@dataclass(frozen=True, slots=True)
class TellDecision:
    """What came of a seller's decision. `code` and `reason`: why not, empty where it is accepted.

    Without a parcel there was none it could be about.
    """

    command_id: str
    decision: Decision
    parcel: Parcel | None
    attempt: Attempt | None
    code: str = ""
    reason: str = ""


Effect: TypeAlias = (
    Call
    | TellBooked
    | TellRefused
    | TellVoided
    | TellVoidRefused
    | TellShort
    | TellEnough
    | TellDecision
)
