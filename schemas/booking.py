"""Booking: a parcel's contract with a carrier, one attempt at a time."""

from datetime import date
from enum import StrEnum
from typing import ClassVar, Literal

from typing_extensions import override

from schemas.intake import Channel, Decision, OrderEvent
from schemas.units import Dong, Grams, PositiveInt


class BookingOutcome(StrEnum):
    """What a carrier answered, or that nobody knows."""

    BOOKED = "booked"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    VOIDED = "voided"
    VOID_REFUSED = "void_refused"
    VOID_PENDING = "void_pending"
    VOID_UNASKED = "void_unasked"
    """The carrier has no call to cancel: a person has to ask it, or its own news settle it."""
    RETURN_ACCEPTED = "return_accepted"
    RETURN_REFUSED = "return_refused"
    REDELIVERY_ACCEPTED = "redelivery_accepted"
    REDELIVERY_REFUSED = "redelivery_refused"


class BookingEvent(OrderEvent):
    """An event about one booking attempt of one parcel; counted by our reference."""

    channel: Channel
    seller_id: str
    shipment_id: str
    parcel_id: str
    reference: str
    attempt: PositiveInt
    carrier: str
    service: str

    @property
    @override
    def entity(self) -> str:
        return self.reference


class BookingResulted(OrderEvent):
    """A job's result: what the carrier answered to a call. `version` counts a reference's results.

    `request` tells repeated calls of one kind apart; None in older events.
    """

    topic_name: ClassVar[str] = "booking.resulted.v1"

    parcel_id: str
    reference: str
    kind: Literal["book", "void", "return", "redeliver", "approve_return"]
    request: int | None = None
    outcome: BookingOutcome
    message: str = ""
    tracking_no: str | None = None
    carrier_ref: str | None = None
    freight_vnd: Dong | None = None
    expected_on: date | None = None
    sort_code: str | None = None

    @property
    @override
    def entity(self) -> str:
        return f"{self.reference}|{self.kind}"


class ShipmentBooked(BookingEvent):
    """The carrier accepted a parcel: its number, what it will cost and collect, the promise."""

    topic_name: ClassVar[str] = "shipment.booked.v1"

    api: str
    tracking_no: str
    weight_g: Grams
    freight_vnd: Dong
    cod_vnd: Dong
    promised_on: date
    """The original promise of the routing decision."""
    expected_on: date | None = None
    """The carrier's own date, if it gave one."""


class BookingRefused(BookingEvent):
    """The carrier will not carry the parcel; routing decides again without that service."""

    topic_name: ClassVar[str] = "booking.refused.v1"

    reason: str


class BookingVoided(OrderEvent):
    """A parcel has no live booking any more, or never had one (`reference` None)."""

    topic_name: ClassVar[str] = "booking.voided.v1"

    seller_id: str
    shipment_id: str
    parcel_id: str
    reference: str | None = None
    carrier: str | None = None
    tracking_no: str | None = None
    why: str

    @property
    @override
    def entity(self) -> str:
        return self.parcel_id


class BookingVoidRefused(OrderEvent):
    """The carrier keeps the booking: too late to cancel."""

    topic_name: ClassVar[str] = "booking.void_refused.v1"

    seller_id: str
    shipment_id: str
    parcel_id: str
    reference: str
    carrier: str
    tracking_no: str
    reason: str

    @property
    @override
    def entity(self) -> str:
        return self.parcel_id


class BookingDecisionAnswered(OrderEvent):
    """What came of a seller's decision on a parcel; `version` counts a parcel's answers.

    `parcel_id` None: no parcel was found that it could be about. `code` and `reason` are empty
    where the carrier does as it was told.
    """

    topic_name: ClassVar[str] = "booking.decision_answered.v1"

    seller_id: str
    command_id: str
    decision: Decision
    accepted: bool
    parcel_id: str | None = None
    reference: str | None = None
    carrier: str | None = None
    code: str = ""
    reason: str = ""

    @property
    @override
    def entity(self) -> str:
        return f"{self.command_id}|{self.parcel_id or ''}"
