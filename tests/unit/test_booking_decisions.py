"""The seller's decision on a parcel that could not be delivered."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from schemas.booking import BookingOutcome, BookingResulted
from schemas.ids import booking_reference
from schemas.intake import DeliveryDecided
from schemas.tracking import TrackingStatus
from streams.rules.booking import Order, Stands, advance
from streams.rules.booking_effects import Call, TellDecision
from streams.rules.booking_facts import apply
from tests.booking_facts import ORDER, PARCEL, SHIPMENT, VTK, packed, resulted, routed

if TYPE_CHECKING:
    from schemas.intake import Decision
    from streams.rules.booking_effects import Effect

SECOND = f"{SHIPMENT}/2"
NOON = datetime(2026, 10, 5, 5, tzinfo=UTC)


def a_decision(
    decision: Decision = "redeliver", parcel: str | None = None, version: int = 5
) -> DeliveryDecided:
    return DeliveryDecided(
        version=version,
        occurred_at=NOON,
        order_id=ORDER,
        seller_id="HTX-MAU-01",
        by="seller:HTX-MAU-01",
        why="khách hẹn lại",
        command_id=f"c-{version}",
        decision=decision,
        parcel_id=parcel,
    )


def an_answer(outcome: BookingOutcome, request: int = 5, **more: Any) -> BookingResulted:
    told = {"message": "", "parcel_id": PARCEL, "kind": "redeliver", **more}
    return BookingResulted.model_validate(
        {
            "version": 1,
            "occurred_at": NOON,
            "order_id": ORDER,
            "reference": booking_reference(told["parcel_id"], 1),
            "request": request,
            "outcome": outcome,
            **told,
        }
    )


def a_booked_order(*parcels: str, awaiting: tuple[str, ...] = (PARCEL,)) -> Order:
    """Booked with Viettel Post, which awaits a decision on some of the parcels."""
    order = Order(ORDER, datetime(1, 1, 1, tzinfo=UTC))
    for fact in (routed(VTK), *(packed(one) for one in parcels or (PARCEL,))):
        apply(order, fact)
    list(advance(order))
    for parcel in parcels or (PARCEL,):
        apply(order, resulted(BookingOutcome.BOOKED, parcel=parcel))
    list(advance(order))
    order.tracking = {
        booking_reference(one, 1): Stands(
            TrackingStatus.RETURN_PENDING if one in awaiting else TrackingStatus.DELIVERED
        )
        for one in parcels or (PARCEL,)
    }
    return order


def done(order: Order, *facts: Any) -> list[Effect]:
    for fact in facts:
        apply(order, fact)
    return list(advance(order))


def the_no(effects: list[Effect]) -> str:
    (told,) = effects
    assert isinstance(told, TellDecision)
    assert told.reason
    return told.code


def test_a_decision_is_one_call_about_the_parcel_that_awaits_it() -> None:
    order = a_booked_order(PARCEL, SECOND)
    (call,) = done(order, a_decision())
    assert isinstance(call, Call)
    assert (call.kind, call.request) == ("redeliver", 5)
    assert call.attempt.reference == booking_reference(PARCEL, 1)
    assert done(order, a_decision()) == []


def test_a_return_is_approved_and_is_no_recall() -> None:
    (call,) = done(a_booked_order(), a_decision("return"))
    assert isinstance(call, Call)
    assert call.kind == "approve_return"
    assert call.attempt.recall_request == 0


def test_the_carriers_yes_and_its_no_are_told_under_the_command() -> None:
    order = a_booked_order()
    done(order, a_decision())
    (told,) = done(order, an_answer(BookingOutcome.REDELIVERY_ACCEPTED))
    assert isinstance(told, TellDecision)
    assert (told.command_id, told.code) == ("c-5", "")
    done(order, a_decision("return", version=6))
    no = an_answer(BookingOutcome.RETURN_REFUSED, 6, kind="approve_return", message="Trễ")
    (refused,) = done(order, no)
    assert isinstance(refused, TellDecision)
    assert (refused.command_id, refused.code, refused.reason) == ("c-6", "carrier_refused", "Trễ")


def test_an_answer_to_an_earlier_decision_is_not_taken_for_the_newest() -> None:
    order = a_booked_order()
    done(order, a_decision())
    late = an_answer(BookingOutcome.REDELIVERY_ACCEPTED)
    done(order, late)
    done(order, a_decision(version=6))
    assert done(order, late) == []
    assert len(done(order, an_answer(BookingOutcome.REDELIVERY_ACCEPTED, 6, version=2))) == 1


def test_a_decision_is_not_older_than_what_it_is_about() -> None:
    order = a_booked_order()
    later = NOON.replace(day=9)
    pending = Stands(TrackingStatus.RETURN_PENDING, later)
    order.tracking = {booking_reference(PARCEL, 1): pending}
    done(order, a_decision())
    assert order.now == later


def test_a_second_decision_waits_for_the_answer_to_the_first() -> None:
    order = a_booked_order()
    done(order, a_decision())
    assert the_no(done(order, a_decision("return", version=6))) == "under_way"


def test_nothing_is_decided_where_nothing_awaits_it() -> None:
    order = a_booked_order(awaiting=())
    assert the_no(done(order, a_decision())) == "nothing_awaits"
    assert the_no(done(order, a_decision(parcel=PARCEL, version=6))) == "too_late"
    assert the_no(done(order, a_decision(parcel=f"{SHIPMENT}/9", version=7))) == "unknown_parcel"


def test_a_parcel_that_is_named_is_asked_for_before_the_carrier_has_given_up() -> None:
    order = a_booked_order()
    order.tracking = {booking_reference(PARCEL, 1): Stands(TrackingStatus.DELIVERY_FAILED)}
    (call,) = done(order, a_decision(parcel=PARCEL))
    assert isinstance(call, Call)


def test_a_parcel_that_nobody_has_booked_cannot_be_decided_on() -> None:
    order = Order(ORDER, datetime(1, 1, 1, tzinfo=UTC))
    apply(order, packed())
    assert the_no(done(order, a_decision(parcel=PARCEL))) == "not_booked"
