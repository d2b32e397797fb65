"""Return legs as shipments of their own, and the tasks that ends open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schemas.intake import ReceivedParcel
from schemas.tracking import CodState, TrackingStatus
from services.reference.fulfilment import fulfilment_transitions
from streams.rules.status.standing import standing
from tests.order_facts import (
    ORDER,
    PARCEL,
    SHIPMENT,
    a_booking,
    a_cash_state,
    a_delivery,
    a_parcel,
    a_placed_order,
    a_routing,
    a_tracking_state,
    at,
)
from tests.status_facts import goods_received_back, known

if TYPE_CHECKING:
    from schemas.event import Event
    from streams.rules.status.standing import Visible

TRANSITIONS = fulfilment_transitions()
S = TrackingStatus
OTHER = f"{SHIPMENT}/2"
BOOKED = (a_placed_order(), a_routing(), a_parcel(), a_booking())
HOME = {"handed_over_at": at(2, 10), "return_no": "TN11P1"}


def seen(*events: Event) -> Visible:
    return standing(ORDER, known(events), TRANSITIONS).visible


def coming_back(status: TrackingStatus, version: int = 9, **changes: Any) -> Event:
    returned_at = at(8) if status is S.RETURNED else None
    return a_tracking_state(
        status, at(8), version, **{**HOME, "returned_at": returned_at, **changes}
    )


RETURNED = coming_back(S.RETURNED)


def received(*parcels: tuple[str, str, str], by: str = "seller:HTX-MAU-01", day: int = 9) -> Event:
    named = tuple(
        ReceivedParcel(parcel_id=parcel, outcome=outcome, condition=condition)  # type: ignore[arg-type]
        for parcel, outcome, condition in parcels
    )
    return goods_received_back(by=by, when=at(day), parcels=named)


def test_a_parcel_on_its_way_back_is_a_shipment_with_a_number_of_its_own() -> None:
    (leg,) = seen(*BOOKED, coming_back(S.RETURNING)).returns
    assert (leg.return_id, leg.tracking_no, leg.state) == (f"{PARCEL}/R", "TN11P1", "returning")
    assert seen(*BOOKED, *a_delivery()).returns == ()


def test_a_leg_goes_from_announced_to_received() -> None:
    states = [
        seen(*BOOKED, *news).returns[0].state.value
        for news in (
            (coming_back(S.RETURN_PENDING, return_no=None),),
            (coming_back(S.RETURNING),),
            (RETURNED,),
            (RETURNED, received()),
        )
    ]
    assert states == ["announced", "returning", "returned", "received"]


def test_what_was_returned_waits_to_be_received_and_is_a_task_until_then() -> None:
    (task,) = seen(*BOOKED, RETURNED).tasks
    assert (task.kind, task.parcel_id) == ("receive_back", PARCEL)
    assert seen(*BOOKED, RETURNED, received()).tasks == ()


def test_spoilt_goods_are_written_off_when_they_are_received() -> None:
    back = received((PARCEL, "written_off", "spoiled"))
    visible = seen(*BOOKED, RETURNED, back)
    (leg,) = visible.returns
    assert (leg.outcome, leg.condition, leg.received_at) == ("written_off", "spoiled", at(9))
    assert visible.status == "returned_to_stock"


def test_goods_received_without_more_words_are_restocked() -> None:
    (leg,) = seen(*BOOKED, RETURNED, received()).returns
    assert (leg.outcome, leg.condition) == ("restocked", None)


def test_only_the_parcel_that_is_named_is_back() -> None:
    both = (*BOOKED, a_parcel(OTHER, parcel_count=2), a_booking(OTHER))
    home = (RETURNED, coming_back(S.RETURNED, parcel=OTHER))
    visible = seen(*both, *home, received((OTHER, "restocked", "intact")))
    assert [(leg.parcel_id, leg.state.value) for leg in visible.returns] == [
        (PARCEL, "returned"),
        (OTHER, "received"),
    ]
    assert [task.parcel_id for task in visible.tasks] == [PARCEL]


def test_a_named_parcel_waits_for_the_carriers_word_unless_ops_vouch() -> None:
    early = (*BOOKED, coming_back(S.RETURNING))
    named = (PARCEL, "restocked", "opened")
    assert seen(*early, received(named)).returns[0].state == "returning"
    assert "receive_back_waiting" in seen(*early, received(named)).flags
    assert seen(*early, received(named, by="ops:an")).returns[0].state == "received"


def test_a_buyer_may_bring_back_one_delivered_parcel() -> None:
    events = (*BOOKED, *a_delivery(), received((PARCEL, "restocked", "opened"), day=3))
    assert seen(*events).returns[0].outcome == "restocked"


def test_lost_goods_are_a_claim_until_they_are_paid_for() -> None:
    lost = a_tracking_state(S.WRITTEN_OFF, at(6), 9, handed_over_at=at(2), written_off_at=at(6))
    claim = a_cash_state(CodState.VOID, exceptions=("claim_open",), collected_vnd=0)
    paid = a_cash_state(CodState.VOID, 2, compensation_vnd=100_000, collected_vnd=0)
    assert [task.kind for task in seen(*BOOKED, lost, claim).tasks] == ["claim"]
    assert seen(*BOOKED, lost, claim, paid).tasks == ()
