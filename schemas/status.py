"""Status: what a seller sees of an order, derived from every fact about it."""

from enum import StrEnum
from typing import ClassVar, Literal

from pydantic import AwareDatetime, NonNegativeInt
from typing_extensions import override

from schemas.event import Value
from schemas.intake import (
    Channel,
    Decision,
    Hold,
    OrderEvent,
    ReturnCondition,
    ReturnOutcome,
)
from schemas.place import CountryCode
from schemas.tracking import CodState, TrackingStatus


class Fulfilment(StrEnum):
    """Our own axis: strict, moved by commands and by four kinds of tracking facts."""

    RECEIVED = "received"
    VALIDATED = "validated"
    ALLOCATED = "allocated"
    PACKING = "packing"
    PACKED = "packed"
    LABEL_READY = "label_ready"
    AWAITING_HANDOVER = "awaiting_handover"
    HANDED_OVER = "handed_over"
    DELIVERED = "delivered"
    CLOSED = "closed"
    ON_HOLD = "on_hold"
    CANCEL_REQUESTED = "cancel_requested"
    CANCELLED = "cancelled"
    RETURNED_TO_STOCK = "returned_to_stock"


class ParcelStatus(Value):
    """A parcel as its seller sees it."""

    parcel_id: str
    carrier: str | None = None
    tracking_no: str | None = None
    status: TrackingStatus | None = None
    detail: str | None = None
    attributed_to: str | None = None
    provisional: bool = False
    attempt_no: NonNegativeInt = 0
    cod_state: CodState = CodState.NOT_APPLICABLE
    flags: tuple[str, ...] = ()
    """Late, delayed, stale."""
    late_by: str | None = None
    """Who a late parcel is put down to."""
    decide_by: AwareDatetime | None = None
    """Until when the carrier waits for `redeliver` or `return`; after that it does as it likes."""
    decided: Decision | None = None
    """What the carrier was told to do with it, and agreed to."""


class ShipmentStatus(Value):
    """A shipment and its parcels."""

    shipment_id: str
    fulfilment: Fulfilment
    carrier: str | None = None
    service: str | None = None
    parcels: tuple[ParcelStatus, ...] = ()


class ReturnState(StrEnum):
    """How far goods are on their way back."""

    ANNOUNCED = "announced"
    RETURNING = "returning"
    RETURNED = "returned"
    """The carrier says that it handed them back."""
    RECEIVED = "received"
    """The seller, a warehouse or ops say that they have them."""


class ReturnShipment(Value):
    """The leg on which a parcel comes back, with the number the carrier gave it.

    `outcome` and `condition` are what was said when it was received.
    """

    return_id: str
    parcel_id: str
    carrier: str
    tracking_no: str
    state: ReturnState
    detail: str | None = None
    returned_at: AwareDatetime | None = None
    received_at: AwareDatetime | None = None
    outcome: ReturnOutcome | None = None
    condition: ReturnCondition | None = None


class Task(Value):
    """Something a person has to do about a parcel."""

    kind: Literal["receive_back", "claim"]
    parcel_id: str


class RefusedCommand(Value):
    """A command or a packing report that was not carried out."""

    command_id: str
    command: str
    code: str
    reason: str


class OrderStatusChanged(OrderEvent):
    """The order's derived status.

    `status` is the seller-facing word: a fulfilment state until hand-over, then the tracking state of the least advanced live parcel.
    `as_of` is the time of the newest fact that formed it.
    """

    topic_name: ClassVar[str] = "order.status_changed.v1"

    channel: Channel
    seller_id: str
    status: str
    fulfilment: Fulfilment
    as_of: AwareDatetime
    flags: tuple[str, ...] = ()
    holds: tuple[Hold, ...] = ()
    shipments: tuple[ShipmentStatus, ...] = ()
    returns: tuple[ReturnShipment, ...] = ()
    tasks: tuple[Task, ...] = ()
    country: CountryCode | None = None
    """The country abroad it goes to; None: Vietnam, or not known yet."""
    refused: RefusedCommand | None = None
    """Set only in the version that tells of a refusal."""

    @property
    @override
    def key(self) -> str:
        return self.seller_id


class OrderQuiet(OrderEvent):
    """Nothing has happened to a finished order since `occurred_at`, and it was waited long enough.

    Its version is that time in microseconds: it rises, and is the same whoever tells it.
    """

    topic_name: ClassVar[str] = "order.quiet.v1"

    seller_id: str


class OrderCancelled(OrderEvent):
    """The order ended before delivery; nothing of it may be packed or booked any more."""

    topic_name: ClassVar[str] = "order.cancelled.v1"

    channel: Channel
    seller_id: str
    by: str
    why: str


class BookingVoidRequested(OrderEvent):
    """Booking is asked to void every booking of the order, present and coming."""

    topic_name: ClassVar[str] = "booking.void_requested.v1"

    seller_id: str
    why: str


class OrderRecallRequested(OrderEvent):
    """The goods are with the carrier: it is asked to bring them back."""

    topic_name: ClassVar[str] = "order.recall_requested.v1"

    seller_id: str
    why: str
