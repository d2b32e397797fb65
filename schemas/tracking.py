"""Tracking: what carriers say of parcels, in one vocabulary."""

from enum import StrEnum
from typing import ClassVar

from pydantic import AwareDatetime, NonNegativeInt
from typing_extensions import override

from schemas.event import Event, Value
from schemas.ids import tracking_key
from schemas.intake import Channel, OrderEvent
from schemas.units import Dong


class TrackingStatus(StrEnum):
    """The fifteen states and two mapping results of the tracking axis."""

    CREATED = "created"
    PICKUP_IN_PROGRESS = "pickup_in_progress"
    PICKUP_FAILED = "pickup_failed"
    PICKED_UP = "picked_up"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    AVAILABLE_FOR_PICKUP = "available_for_pickup"
    DELIVERY_FAILED = "delivery_failed"
    EXCEPTION = "exception"
    RETURN_PENDING = "return_pending"
    RETURNING = "returning"
    DELIVERED = "delivered"
    RETURNED = "returned"
    WRITTEN_OFF = "written_off"
    CANCELLED = "cancelled"
    INFO = "info"
    UNMAPPED = "unmapped"


class CodState(StrEnum):
    """The money axis of a parcel (facts/cod_states.csv).

    A carrier's word knows only the first five; the others are the ledger's (schemas/cod.py).
    """

    NOT_APPLICABLE = "not_applicable"
    EXPECTED = "expected"
    COLLECTED = "collected"
    REMITTED = "remitted"
    VOID = "void"
    RECONCILED = "reconciled"
    PAID_OUT = "paid_out"
    SHORT = "short"
    DISPUTED = "disputed"


class MoneyWord(Value):
    """What a carrier said of the cash of a booking, and the event that said it.

    `vnd` is the amount as of then. `event_key`: the event in the log (R1), as 32 hex digits.
    """

    said: CodState
    vnd: Dong
    at: AwareDatetime
    event_key: str


class Remapped(Value):
    """That events were read again: the versions of the status map before, and now."""

    was: str
    now: str


class ShipmentStatusChanged(OrderEvent):
    """The whole tracking state of one booking after its log was folded; counted by reference.

    Times are the carrier's claims. `handed_over_at` is the first firm custody scan,
    `first_attempt_at` the first counted failure or the firm delivery. Implied and provisional
    events set none of them.
    """

    topic_name: ClassVar[str] = "shipment.status_changed.v1"

    channel: Channel
    seller_id: str
    shipment_id: str
    parcel_id: str
    reference: str
    carrier: str
    api: str
    tracking_no: str
    status: TrackingStatus
    status_since: AwareDatetime | None = None
    """When the parcel came to this status; None in older events and for a booking without any."""
    detail: str | None = None
    attributed_to: str
    postponed_by: str | None = None
    """Who is said to have made the first attempt wait: the attribution (consignee, weather, …) of the
    newest firm event before it that names one; None where nobody is named."""
    provisional: bool = False
    implied: bool = False
    partial: bool = False
    moved_after_terminal: bool = False
    attempt_no: NonNegativeInt = 0
    counted_failures: NonNegativeInt = 0
    handed_over_at: AwareDatetime | None = None
    first_attempt_at: AwareDatetime | None = None
    delivered_at: AwareDatetime | None = None
    returned_at: AwareDatetime | None = None
    written_off_at: AwareDatetime | None = None
    cod_state: CodState = CodState.NOT_APPLICABLE
    cod_vnd: Dong = 0
    money: tuple[MoneyWord, ...] = ()
    """Every change of `cod_state` and `cod_vnd` since the booking, in the order of the log."""
    return_no: str | None = None
    """The number of the leg on which the carrier brings the parcel back, as it writes it."""
    events: NonNegativeInt = 0
    """How many different events the log holds."""
    flags: tuple[str, ...] = ()
    """Late, delayed, stale, and what is odd about the log: never part of the status."""
    remapped: Remapped | None = None
    """Set where this state follows from reading old events with another version of the map."""

    @property
    @override
    def entity(self) -> str:
        return self.reference


class TrackingUnmapped(Event):
    """A carrier's code without a certain meaning: kept, counted, shown, never guessed."""

    topic_name: ClassVar[str] = "tracking.unmapped.v1"

    carrier: str
    api: str
    tracking_no: str
    code: str
    reason_code: str | None = None
    event_key: str
    mapping_version: str

    @property
    @override
    def key(self) -> str:
        return tracking_key(self.carrier, self.tracking_no)

    @property
    @override
    def entity(self) -> str:
        return self.event_key
