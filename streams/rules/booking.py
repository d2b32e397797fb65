"""What is to be done about an order's parcels, given every fact about them.

The state of an attempt follows from its facts alone; `advance` compares what should be with what
was asked and told so far, and notes what it decides, so that deciding again changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from schemas.booking import BookingOutcome
from schemas.ids import booking_reference
from streams.rules.booking_attempt import LIVE, Attempt, State, Tracked
from streams.rules.booking_decisions import decisions
from streams.rules.booking_effects import (
    Call,
    Effect,
    TellBooked,
    TellRefused,
    TellVoided,
    TellVoidRefused,
)
from streams.rules.booking_platform import (
    PLATFORM_DECIDES,
    is_platforms,
    take_package,
    tell_of_shortage,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date, datetime

    from schemas.intake import Channel, DeliveryDecided
    from schemas.tracking import TrackingStatus


OURS: Final = "booking"
"""The stage whose holds do not hold booking itself up."""


@dataclass(slots=True)
class Shipment:
    """The service routing chose for a shipment; `api` empty: the carrier's first interface."""

    origin_id: str
    carrier: str
    service: str
    promised_on: date
    routed_at: datetime
    api: str = ""
    numbered_as: str = ""
    """The S10 service indicator of the numbers we give its parcels; empty: the carrier does."""


@dataclass(slots=True)
class Parcel:
    """A closed parcel and its attempts, oldest first."""

    parcel_id: str
    shipment_id: str
    channel: Channel
    seller_id: str
    packed_version: int
    packed_at: datetime
    pieces: int
    weight_g: int
    length_cm: int
    width_cm: int
    height_cm: int
    goods_vnd: int
    cod_vnd: int
    void_answered: int = 0
    void_versions: int = 0
    decision_versions: int = 0
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def last(self) -> Attempt | None:
        """The newest attempt: the only one that can be live."""
        return self.attempts[-1] if self.attempts else None


class Stands(NamedTuple):
    """Where tracking says a booking stands, and since when by the carrier's clock."""

    status: TrackingStatus
    since: datetime | None = None


@dataclass(slots=True)
class Order:
    """An order as booking sees it. `now` is the newest time in the records being handled.

    `asked`: decisions that came with them; `tracking`: by reference, loaded for those.
    """

    order_id: str
    now: datetime
    holds: dict[str, tuple[int, bool]] = field(default_factory=dict)
    void_version: int = 0
    void_why: str = ""
    recall_version: int = 0
    recall_why: str = ""
    cancelled: bool = False
    routed_version: int = 0
    decided_version: int = 0
    asked: list[DeliveryDecided] = field(default_factory=list)
    tracking: Mapping[str, Stands] = field(default_factory=dict)
    shipments: dict[str, Shipment] = field(default_factory=dict)
    parcels: dict[str, Parcel] = field(default_factory=dict)
    placed_at: datetime | None = None
    packages: tuple[str, ...] = ()
    packages_version: int = 0
    packages_at: datetime | None = None
    short: bool = False
    short_version: int = 0

    @property
    def held(self) -> bool:
        """Whether any other stage has a hold on it."""
        return any(held for stage, (_, held) in self.holds.items() if stage != OURS)


def advance(order: Order) -> Iterator[Effect]:
    """Everything to do now; what is decided is noted in the order at once."""
    for parcel in order.parcels.values():
        if parcel.last is not None:
            yield from _tell(order, parcel, parcel.last)
        yield from _void(order, parcel) if order.void_version else _book(order, parcel)
        yield from _recall(order, parcel)
    if not order.held:
        free = [parcel for parcel in order.parcels.values() if _is_free(parcel)]
        yield from tell_of_shortage(order, free)
    yield from decisions(order)


def _tell(order: Order, parcel: Parcel, attempt: Attempt) -> Iterator[Effect]:
    """Say once that an attempt was booked, and once that it came to nothing.

    A booking that is to be voided is told as well: tracking must know its number.
    """
    if attempt.told is None and attempt.tracking_no is not None:
        attempt.told = "booked"
        yield TellBooked(parcel, attempt)
    if attempt.told == "refused" or order.void_version or is_platforms(attempt):
        return
    if attempt.state is State.REFUSED:
        attempt.told = "refused"
        yield TellRefused(parcel, attempt, attempt.message or "refused")
    elif attempt.state is State.CARRIER_CANCELLED:
        attempt.told = "refused"
        yield TellRefused(parcel, attempt, "the carrier cancelled the booking")


def _book(order: Order, parcel: Parcel) -> Iterator[Effect]:
    """A new attempt, unless one is live, the order waits, or this service refused already."""
    shipment = order.shipments.get(parcel.shipment_id)
    if shipment is None or order.held or order.cancelled or not _is_free(parcel):
        return
    if is_platforms(shipment):
        attempt = _new_attempt(order, parcel, shipment)
        yield from take_package(order, parcel, attempt, shipment)
        return
    tried = {(attempt.carrier, attempt.service) for attempt in parcel.attempts}
    if (shipment.carrier, shipment.service) in tried:
        return
    attempt = _new_attempt(order, parcel, shipment)
    parcel.attempts.append(attempt)
    yield Call("book", attempt, 0)


def _is_free(parcel: Parcel) -> bool:
    """No attempt of it is live or was voided by us."""
    last = parcel.last
    return last is None or last.state in {State.REFUSED, State.CARRIER_CANCELLED}


def _new_attempt(order: Order, parcel: Parcel, shipment: Shipment) -> Attempt:
    number = parcel.last.attempt + 1 if parcel.last else 1
    return Attempt(
        reference=booking_reference(parcel.parcel_id, number),
        attempt=number,
        carrier=shipment.carrier,
        service=shipment.service,
        origin_id=shipment.origin_id,
        promised_on=shipment.promised_on,
        requested_at=max(parcel.packed_at, shipment.routed_at, order.now),
        api=shipment.api,
        numbered_as=shipment.numbered_as,
    )


def _void(order: Order, parcel: Parcel) -> Iterator[Effect]:
    """Answer the request for this parcel; while a call is open the answer waits for it."""
    if parcel.void_answered >= order.void_version:
        return
    attempt = parcel.last
    if attempt is None or attempt.state not in LIVE:
        parcel.void_answered = order.void_version
        yield TellVoided(parcel, attempt)
    elif attempt.state is State.BOOKED:
        yield from _void_booked(order, parcel, attempt)


def _void_booked(order: Order, parcel: Parcel, attempt: Attempt) -> Iterator[Effect]:
    if attempt.tracked is Tracked.CUSTODY:
        parcel.void_answered = order.void_version
        yield TellVoidRefused(parcel, attempt, "the carrier has the parcel")
    elif attempt.void_request == order.void_version:
        parcel.void_answered = order.void_version
        yield TellVoidRefused(parcel, attempt, attempt.message or "refused")
    else:
        attempt.void_request = order.void_version
        attempt.void_outcome = None
        if is_platforms(attempt):
            attempt.void_outcome = BookingOutcome.VOID_UNASKED
            attempt.message = PLATFORM_DECIDES
        else:
            yield Call("void", attempt, order.void_version)


def _recall(order: Order, parcel: Parcel) -> Iterator[Effect]:
    attempt = parcel.last
    if attempt is None or attempt.state is not State.BOOKED:
        return
    if attempt.recall_request < order.recall_version:
        attempt.recall_request = order.recall_version
        if is_platforms(attempt):
            attempt.return_outcome = BookingOutcome.RETURN_REFUSED
            attempt.message = PLATFORM_DECIDES
        else:
            yield Call("return", attempt, order.recall_version)
