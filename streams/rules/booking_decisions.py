"""The seller's decision on a parcel that could not be delivered: deliver again, or bring it back.

A decision is a command: it is carried out or refused as things stand when it comes. The carrier has
the last word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from schemas.booking import BookingOutcome
from schemas.tracking import TrackingStatus
from streams.rules.booking_attempt import State
from streams.rules.booking_effects import Call, TellDecision
from streams.rules.booking_platform import PLATFORM_DECIDES, is_platforms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.intake import Decision, DeliveryDecided
    from streams.rules.booking import Order, Parcel
    from streams.rules.booking_attempt import Attempt
    from streams.rules.booking_effects import Effect

CALLS: Final[dict[Decision, Literal["redeliver", "approve_return"]]] = {
    "redeliver": "redeliver",
    "return": "approve_return",
}
AGREED: Final = frozenset({BookingOutcome.REDELIVERY_ACCEPTED, BookingOutcome.RETURN_ACCEPTED})
ENDED: Final = frozenset(
    {
        TrackingStatus.DELIVERED,
        TrackingStatus.RETURNING,
        TrackingStatus.RETURNED,
        TrackingStatus.WRITTEN_OFF,
        TrackingStatus.CANCELLED,
    }
)


class No(NamedTuple):
    """Why a decision is not passed on: a stable code and a sentence for the seller."""

    code: str
    reason: str


UNKNOWN_PARCEL: Final = No("unknown_parcel", "The order has no parcel of this name.")
NOTHING_AWAITS: Final = No(
    "nothing_awaits", "No parcel of the order awaits a decision: name one to ask all the same."
)
NOT_BOOKED: Final = No("not_booked", "No carrier has a booking of the parcel.")
UNDER_WAY: Final = No("under_way", "The carrier has not yet answered the last decision.")


def decisions(order: Order) -> Iterator[Effect]:
    """Answer what the batch's commands asked; tell what carriers said to earlier ones."""
    for parcel in order.parcels.values():
        for attempt in parcel.attempts:
            yield from _tell(parcel, attempt)
    asked, order.asked = order.asked, []
    for command in asked:
        yield from _take(order, command)


def _take(order: Order, command: DeliveryDecided) -> Iterator[Effect]:
    if command.parcel_id is not None:
        named = order.parcels.get(command.parcel_id)
        parcels = [named] if named else []
    else:
        parcels = [one for one in order.parcels.values() if _awaits(order, one)]
    if not parcels:
        yield _refuse(command, None, UNKNOWN_PARCEL if command.parcel_id else NOTHING_AWAITS)
    for parcel in parcels:
        yield _ask(order, command, parcel)


def _awaits(order: Order, parcel: Parcel) -> bool:
    stands = order.tracking.get(parcel.last.reference) if parcel.last else None
    return stands is not None and stands.status is TrackingStatus.RETURN_PENDING


def _ask(order: Order, command: DeliveryDecided, parcel: Parcel) -> Effect:
    attempt = parcel.last
    if attempt is None or attempt.state is not State.BOOKED:
        return _refuse(command, parcel, NOT_BOOKED)
    if is_platforms(attempt):
        return _refuse(command, parcel, No("platform", PLATFORM_DECIDES))
    stands = order.tracking.get(attempt.reference)
    if stands is not None and stands.status in ENDED:
        return _refuse(command, parcel, No("too_late", f"The parcel is {stands.status} already."))
    if attempt.decision_request > attempt.decision_told:
        return _refuse(command, parcel, UNDER_WAY)
    attempt.decision = command.decision
    attempt.decision_request = command.version
    attempt.decision_command = command.command_id
    attempt.decision_why = command.why
    attempt.decision_outcome = None
    if stands is not None and stands.since is not None:
        # By whichever clock: a decision is not older than what it is about.
        order.now = max(order.now, stands.since)
    return Call(CALLS[command.decision], attempt, command.version)


def _refuse(command: DeliveryDecided, parcel: Parcel | None, no: No) -> TellDecision:
    attempt = parcel.last if parcel else None
    return TellDecision(command.command_id, command.decision, parcel, attempt, *no)


def _tell(parcel: Parcel, attempt: Attempt) -> Iterator[Effect]:
    outcome, decision = attempt.decision_outcome, attempt.decision
    if decision is None or outcome is None or attempt.decision_told >= attempt.decision_request:
        return
    attempt.decision_told = attempt.decision_request
    no = No("", "") if outcome in AGREED else No("carrier_refused", attempt.decision_said)
    yield TellDecision(attempt.decision_command, decision, parcel, attempt, *no)
