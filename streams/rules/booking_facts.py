"""How each fact changes what booking knows of an order. Older versions change nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from schemas.booking import BookingOutcome, BookingResulted
from schemas.intake import DeliveryDecided, OrderHeld, OrderPackagesNamed, OrderReleased
from schemas.packing import ParcelPacked
from schemas.routing import OrderRouted
from schemas.status import BookingVoidRequested, OrderCancelled, OrderRecallRequested
from schemas.tracking import ShipmentStatusChanged, TrackingStatus
from streams.rules.booking import Parcel, Shipment
from streams.rules.booking_attempt import Tracked

if TYPE_CHECKING:
    from schemas.intake import OrderEvent
    from streams.rules.booking import Order
    from streams.rules.booking_attempt import Attempt


@dataclass(frozen=True, slots=True)
class Refusal:
    """A fact that cannot be placed anywhere: a stable code and a sentence."""

    code: str
    reason: str


Outcome: TypeAlias = bool | Refusal
"""True: something changed. False: known before."""


def apply(order: Order, event: OrderEvent) -> Outcome:
    """Note a fact."""
    order.now = max(order.now, event.occurred_at)
    match event:
        case ParcelPacked():
            return _packed(order, event)
        case OrderRouted():
            return _routed(order, event)
        case OrderHeld() | OrderReleased():
            return _hold(order, event)
        case OrderPackagesNamed():
            return _packages_named(order, event)
        case OrderCancelled():
            known, order.cancelled = order.cancelled, True
            return not known
        case BookingVoidRequested() | OrderRecallRequested() | DeliveryDecided():
            return _asked(order, event)
        case BookingResulted() | ShipmentStatusChanged():
            return _of_attempt(order, event)
        case _:
            return Refusal("unexpected_event", f"booking does not read {event.topic_name}")


def custody(event: ShipmentStatusChanged) -> Tracked | None:
    """What tracking's state means for the booking: ended early, with the carrier, or nothing yet."""
    if event.handed_over_at is not None:
        return Tracked.CUSTODY
    return Tracked.CANCELLED if event.status is TrackingStatus.CANCELLED else None


def _packed(order: Order, event: ParcelPacked) -> bool:
    known = order.parcels.get(event.parcel_id)
    if known is not None and event.version <= known.packed_version:
        return False
    order.parcels[event.parcel_id] = Parcel(
        parcel_id=event.parcel_id,
        shipment_id=event.shipment_id,
        channel=event.channel,
        seller_id=event.seller_id,
        packed_version=event.version,
        packed_at=event.occurred_at,
        pieces=sum(line.quantity for line in event.contents),
        weight_g=event.weight_g,
        length_cm=event.length_cm,
        width_cm=event.width_cm,
        height_cm=event.height_cm,
        goods_vnd=event.goods_vnd,
        cod_vnd=event.cod_vnd,
        void_answered=known.void_answered if known else 0,
        void_versions=known.void_versions if known else 0,
        attempts=known.attempts if known else [],
    )
    return True


def _routed(order: Order, event: OrderRouted) -> bool:
    if event.version <= order.routed_version:
        return False
    order.routed_version = event.version
    order.placed_at = event.placed_at
    order.shipments = {
        shipment.shipment_id: Shipment(
            origin_id=shipment.origin_id,
            carrier=shipment.chosen.carrier,
            service=shipment.chosen.service,
            promised_on=shipment.promised_on,
            routed_at=event.occurred_at,
            api=shipment.chosen.api,
            numbered_as=shipment.chosen.numbered_as,
        )
        for shipment in event.shipments
    }
    return True


def _hold(order: Order, event: OrderHeld | OrderReleased) -> bool:
    version, _held = order.holds.get(event.stage, (-1, False))
    if event.version <= version:
        return False
    order.holds[event.stage] = (event.version, isinstance(event, OrderHeld))
    return True


def _packages_named(order: Order, event: OrderPackagesNamed) -> bool:
    if event.version <= order.packages_version:
        return False
    order.packages_version, order.packages_at = event.version, event.occurred_at
    order.packages = event.packages
    return True


def _asked(
    order: Order, event: BookingVoidRequested | OrderRecallRequested | DeliveryDecided
) -> bool:
    if isinstance(event, DeliveryDecided):
        return _decided(order, event)
    if isinstance(event, BookingVoidRequested):
        if event.version <= order.void_version:
            return False
        order.void_version, order.void_why = event.version, event.why
        return True
    if event.version <= order.recall_version:
        return False
    order.recall_version, order.recall_why = event.version, event.why
    return True


def _decided(order: Order, event: DeliveryDecided) -> bool:
    if event.version <= order.decided_version:
        return False
    order.decided_version = event.version
    order.asked.append(event)
    return True


def _of_attempt(order: Order, event: BookingResulted | ShipmentStatusChanged) -> Outcome:
    parcel = order.parcels.get(event.parcel_id)
    attempts = parcel.attempts if parcel else []
    attempt = next((one for one in attempts if one.reference == event.reference), None)
    if attempt is None:
        return Refusal("unknown_reference", f"no booking has the reference {event.reference}")
    if isinstance(event, ShipmentStatusChanged):
        return _tracked(attempt, event)
    match event.kind:
        case "book":
            return _book_resulted(attempt, event)
        case "void":
            return _void_resulted(attempt, event)
        case "return":
            return _return_resulted(attempt, event)
        case "redeliver" | "approve_return":
            return _decision_resulted(attempt, event)


def _book_resulted(attempt: Attempt, event: BookingResulted) -> bool:
    if event.version <= attempt.book_version:
        return False
    attempt.book_version = event.version
    attempt.book_outcome = event.outcome
    attempt.message = event.message
    if event.outcome is BookingOutcome.BOOKED:
        attempt.tracking_no = event.tracking_no
        attempt.carrier_ref = event.carrier_ref
        attempt.freight_vnd = event.freight_vnd
        attempt.expected_on = event.expected_on
        attempt.sort_code = event.sort_code
        attempt.booked_at = event.occurred_at
    return True


def _void_resulted(attempt: Attempt, event: BookingResulted) -> bool:
    if event.version <= attempt.void_version:
        return False
    attempt.void_version = event.version
    attempt.void_outcome = event.outcome
    attempt.message = event.message
    return True


def _return_resulted(attempt: Attempt, event: BookingResulted) -> bool:
    if event.version <= attempt.return_version:
        return False
    attempt.return_version = event.version
    attempt.return_outcome = event.outcome
    attempt.message = event.message
    return True


def _decision_resulted(attempt: Attempt, event: BookingResulted) -> bool:
    """Only the newest decision's answer counts; a decision waits for the answer to the last."""
    if event.request != attempt.decision_request or attempt.decision_outcome is not None:
        return False
    attempt.decision_version = event.version
    attempt.decision_outcome = event.outcome
    attempt.decision_said = event.message or "refused"
    return True


def _tracked(attempt: Attempt, event: ShipmentStatusChanged) -> bool:
    """Tracking may know the number of a booking whose answer was lost: carriers name our reference."""
    if event.version <= attempt.tracked_version:
        return False
    attempt.tracked_version = event.version
    attempt.tracked = custody(event)
    if attempt.tracking_no is None:
        attempt.tracking_no = event.tracking_no
        attempt.booked_at = event.occurred_at
    return True
