"""What booking decided, said as events; each takes the next version of what it speaks of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never

from schemas.booking import (
    BookingDecisionAnswered,
    BookingRefused,
    BookingVoided,
    BookingVoidRefused,
    ShipmentBooked,
)
from schemas.event import next_version
from schemas.ids import seller_of
from services.carriers.directory import api_of
from streams.booking_holds import order_held, order_released
from streams.rules.booking_effects import (
    Call,
    TellBooked,
    TellDecision,
    TellEnough,
    TellRefused,
    TellShort,
    TellVoided,
    TellVoidRefused,
)

if TYPE_CHECKING:
    from schemas.event import Event
    from streams.rules.booking import Order, Parcel
    from streams.rules.booking_attempt import Attempt
    from streams.rules.booking_effects import Effect


def event_of(order: Order, effect: Effect, era: int) -> Event:
    """The event that tells it. A call is none: TypeError."""
    match effect:
        case TellBooked(parcel, attempt):
            return _shipment_booked(order, parcel, attempt, era)
        case TellRefused(parcel, attempt, reason):
            return _booking_refused(order, parcel, attempt, reason, era)
        case TellVoided(parcel, attempt):
            return _booking_voided(order, parcel, attempt, era)
        case TellVoidRefused(parcel, attempt, reason):
            return _void_refused(order, parcel, attempt, reason, era)
        case TellShort(detail):
            return order_held(order, detail, era)
        case TellEnough():
            return order_released(order, era)
        case TellDecision():
            return _decision_answered(order, effect, era)
        case Call():
            raise TypeError("a call is a job, not an event")
        case _:
            assert_never(effect)


def _shipment_booked(order: Order, parcel: Parcel, attempt: Attempt, era: int) -> ShipmentBooked:
    attempt.version = next_version(attempt.version, era)
    return ShipmentBooked(
        version=attempt.version,
        occurred_at=attempt.booked_at or order.now,
        api=attempt.api or api_of(attempt.carrier),
        tracking_no=attempt.tracking_no or "",
        weight_g=parcel.weight_g,
        freight_vnd=attempt.freight_vnd or 0,
        cod_vnd=parcel.cod_vnd,
        promised_on=attempt.promised_on,
        expected_on=attempt.expected_on,
        **_identity(order, parcel, attempt),
    )


def _booking_refused(
    order: Order, parcel: Parcel, attempt: Attempt, reason: str, era: int
) -> BookingRefused:
    attempt.version = next_version(attempt.version, era)
    return BookingRefused(
        version=attempt.version,
        occurred_at=order.now,
        reason=reason,
        **_identity(order, parcel, attempt),
    )


def _booking_voided(
    order: Order, parcel: Parcel, attempt: Attempt | None, era: int
) -> BookingVoided:
    return BookingVoided(
        **_void(order, parcel, era),
        reference=attempt.reference if attempt else None,
        carrier=attempt.carrier if attempt else None,
        tracking_no=attempt.tracking_no if attempt else None,
        why=order.void_why,
    )


def _void_refused(
    order: Order, parcel: Parcel, attempt: Attempt, reason: str, era: int
) -> BookingVoidRefused:
    return BookingVoidRefused(
        **_void(order, parcel, era),
        reference=attempt.reference,
        carrier=attempt.carrier,
        tracking_no=attempt.tracking_no or "",
        reason=reason,
    )


def _decision_answered(order: Order, told: TellDecision, era: int) -> BookingDecisionAnswered:
    parcel, attempt = told.parcel, told.attempt
    version = next_version(parcel.decision_versions if parcel else 0, era)
    if parcel is not None:
        parcel.decision_versions = version
    return BookingDecisionAnswered(
        version=version,
        occurred_at=order.now,
        order_id=order.order_id,
        seller_id=seller_of(order.order_id),
        command_id=told.command_id,
        decision=told.decision,
        accepted=not told.code,
        parcel_id=parcel.parcel_id if parcel else None,
        reference=attempt.reference if attempt else None,
        carrier=attempt.carrier if attempt else None,
        code=told.code,
        reason=told.reason,
    )


def _void(order: Order, parcel: Parcel, era: int) -> dict[str, Any]:
    """What every word about a void holds; voids of a parcel are counted together."""
    parcel.void_versions = next_version(parcel.void_versions, era)
    return {
        "version": parcel.void_versions,
        "occurred_at": order.now,
        "order_id": order.order_id,
        "seller_id": parcel.seller_id,
        "shipment_id": parcel.shipment_id,
        "parcel_id": parcel.parcel_id,
    }


def _identity(order: Order, parcel: Parcel, attempt: Attempt) -> dict[str, Any]:
    return {
        "order_id": order.order_id,
        "channel": parcel.channel,
        "seller_id": parcel.seller_id,
        "shipment_id": parcel.shipment_id,
        "parcel_id": parcel.parcel_id,
        "reference": attempt.reference,
        "attempt": attempt.attempt,
        "carrier": attempt.carrier,
        "service": attempt.service,
    }
