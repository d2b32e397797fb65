"""What a seller sees of an order, case by case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from schemas.intake import HoldReason
from schemas.status import BookingVoidRequested, OrderCancelled, OrderRecallRequested
from schemas.tracking import CodState, TrackingStatus
from services.reference.fulfilment import fulfilment_transitions
from streams.rules.status.cancel import Decided, Decisions, decide, no_decisions
from streams.rules.status.standing import Standing, standing
from tests.order_facts import (
    ORDER,
    PARCEL,
    SHIPMENT,
    a_booking,
    a_cash_state,
    a_delivery,
    a_parcel,
    a_placed_order,
    a_routed_shipment,
    a_routing,
    a_tracking_state,
    a_void,
    an_amended_order,
    at,
)
from tests.status_facts import (
    a_cancel_request,
    a_packing_start,
    a_refused_booking,
    a_refused_void,
    goods_received_back,
    holds,
    known,
    releases,
)

if TYPE_CHECKING:
    from schemas.event import Event

TRANSITIONS = fulfilment_transitions()
S = TrackingStatus
OTHER_SHIPMENT = f"{ORDER}/2"
OTHER_PARCEL = f"{SHIPMENT}/2"
TO_LABEL: tuple[Event, ...] = (
    a_placed_order(),
    a_routing(),
    a_packing_start(),
    a_parcel(),
    a_booking(),
)
TWO_PARCELS: tuple[Event, ...] = (
    a_placed_order(),
    a_routing(),
    a_parcel(PARCEL, parcel_count=2),
    a_parcel(OTHER_PARCEL, parcel_count=2),
    a_booking(PARCEL),
    a_booking(OTHER_PARCEL),
)
WITH_CARRIER: tuple[Event, ...] = (*TO_LABEL, *a_delivery()[:2])


def stands(*events: Event) -> Standing:
    return standing(ORDER, known(events), TRANSITIONS)


def shown(*events: Event) -> tuple[str, str, tuple[str, ...]]:
    visible = stands(*events).visible
    return visible.status, visible.fulfilment.value, visible.flags


def decided(*events: Event, before: Decisions | None = None) -> Decided:
    facts = known(events)
    found = standing(ORDER, facts, TRANSITIONS)
    return decide(ORDER, facts, found, before or no_decisions(), era=0)


def tracked(status: TrackingStatus, version: int = 9, **changes: Any) -> Event:
    changes = {"handed_over_at": at(2, 10), **changes}
    return a_tracking_state(status, at(5), version, **changes)


@pytest.mark.parametrize(
    ("events", "word"),
    [
        ((releases(),), "received"),
        ((a_placed_order(),), "validated"),
        ((a_placed_order(), a_routing()), "allocated"),
        ((a_placed_order(), a_routing(), an_amended_order()), "validated"),
        ((a_placed_order(), a_routing(), a_packing_start()), "packing"),
        (TO_LABEL[:4], "packed"),
        ((*TO_LABEL[:4], a_refused_booking()), "packed"),
        (TO_LABEL, "label_ready"),
        ((*TO_LABEL, a_tracking_state(S.PICKUP_FAILED, at(2), 1)), "label_ready"),
        (WITH_CARRIER, "in_transit"),
        ((*TO_LABEL, *a_delivery()), "delivered"),
        ((*WITH_CARRIER, tracked(S.WRITTEN_OFF)), "written_off"),
        ((*WITH_CARRIER, tracked(S.RETURNED)), "returned"),
        ((*WITH_CARRIER, tracked(S.RETURNED), goods_received_back()), "returned_to_stock"),
    ],
)
def test_the_word_is_ours_until_hand_over_and_then_the_carriers(
    events: tuple[Event, ...], word: str
) -> None:
    assert stands(*events).visible.status == word


def test_a_courier_who_says_delivered_hands_nothing_over_and_delivers_nothing() -> None:
    said = tracked(S.DELIVERED, provisional=True, handed_over_at=None)
    assert shown(*TO_LABEL, said)[:2] == ("label_ready", "label_ready")
    assert shown(*WITH_CARRIER, tracked(S.DELIVERED, provisional=True)) == (
        "delivered",
        "handed_over",
        ("provisional",),
    )
    assert not stands(*WITH_CARRIER, tracked(S.DELIVERED, provisional=True)).finished


def test_a_settlement_that_implies_delivery_delivers_without_a_time() -> None:
    implied = a_tracking_state(S.DELIVERED, at(9), 9, implied=True)
    assert stands(*TO_LABEL, implied).finished


def test_goods_that_come_back_from_the_buyer_stay_delivered_until_the_seller_has_them() -> None:
    back = tracked(S.RETURNING, delivered_at=at(4))
    assert shown(*WITH_CARRIER, back)[:2] == ("returning", "delivered")
    assert not stands(*WITH_CARRIER, back).finished


def test_a_shipment_is_packed_when_its_last_parcel_is_known() -> None:
    assert shown(*TWO_PARCELS[:3]) == ("packing", "packing", ("partially_packed",))
    assert shown(*TWO_PARCELS[:4]) == ("packed", "packed", ())


def test_an_order_stands_where_its_least_advanced_shipment_stands() -> None:
    routed = a_routing(a_routed_shipment(SHIPMENT), a_routed_shipment(OTHER_SHIPMENT))
    events = (a_placed_order(), routed, a_parcel(), a_booking(), *a_delivery())
    assert shown(*events) == (
        "allocated",
        "allocated",
        ("partially_packed", "partially_delivered"),
    )


def test_an_order_is_delivered_when_every_parcel_that_is_not_lost_is() -> None:
    lost = tracked(S.WRITTEN_OFF, parcel=OTHER_PARCEL)
    assert shown(*TWO_PARCELS, *a_delivery(), lost) == (
        "delivered",
        "delivered",
        ("partially_delivered",),
    )


def test_one_parcel_returned_and_one_delivered_are_flagged_as_parts() -> None:
    returned = tracked(S.RETURNED, parcel=OTHER_PARCEL)
    seen = stands(*TWO_PARCELS, *a_delivery(), returned)
    assert seen.visible.status == "returned"
    assert seen.visible.flags == ("partially_delivered", "partially_returned")
    assert seen.finished


def test_receiving_goods_back_waits_for_the_carriers_word() -> None:
    waiting = (*WITH_CARRIER, tracked(S.RETURNING), goods_received_back())
    assert shown(*waiting) == ("returning", "handed_over", ("receive_back_waiting",))
    assert shown(*waiting, tracked(S.RETURNED, 10))[0] == "returned_to_stock"


def test_ops_may_vouch_for_goods_that_no_carrier_speaks_of() -> None:
    by_ops = goods_received_back(by="ops:an")
    assert shown(*WITH_CARRIER, tracked(S.EXCEPTION), by_ops)[0] == "returned_to_stock"


def test_receiving_back_takes_the_returned_parcel_and_leaves_the_delivered_one() -> None:
    returned = tracked(S.RETURNED, parcel=OTHER_PARCEL)
    events = (*TWO_PARCELS, *a_delivery(), returned, goods_received_back(when=at(9)))
    assert shown(*events) == (
        "delivered",
        "delivered",
        ("partially_delivered", "partially_returned"),
    )


def test_the_buyer_may_bring_delivered_goods_back_but_not_before_they_came() -> None:
    delivered = (*TO_LABEL, *a_delivery())
    assert shown(*delivered, goods_received_back(when=at(9)))[0] == "returned_to_stock"
    assert shown(*delivered, goods_received_back(when=at(3)))[0] == "delivered"


def test_holds_of_all_stages_stack_and_the_last_release_frees_the_order() -> None:
    address = holds("intake", 2, HoldReason.ADDRESS_INCORRECT)
    carrier = holds("routing", 1, HoldReason.NO_ELIGIBLE_CARRIER)
    seen = stands(a_placed_order(), address, carrier)
    assert [hold.reason.value for hold in seen.visible.holds] == [
        "address_incorrect",
        "no_eligible_carrier",
    ]
    assert shown(a_placed_order(), address, carrier, releases("intake", 3))[0] == "on_hold"
    freed = (a_placed_order(), address, carrier, releases("intake", 3), releases("routing", 2))
    assert shown(*freed) == ("validated", "validated", ())


def test_a_hold_does_not_hide_where_a_travelling_parcel_is() -> None:
    assert shown(*WITH_CARRIER, holds("intake", 5)) == ("in_transit", "handed_over", ("on_hold",))


def test_a_release_that_overtakes_its_hold_leaves_nothing_held() -> None:
    assert shown(releases(version=2), holds(version=1)) == ("received", "received", ())


def test_a_carrier_that_cancels_before_custody_leaves_the_goods_packed() -> None:
    cancelled = a_tracking_state(S.CANCELLED, at(2), 1)
    assert shown(*TO_LABEL, cancelled)[0] == "packed"
    assert shown(*TO_LABEL, cancelled, a_booking(attempt=2))[0] == "label_ready"


def test_a_parcel_that_travels_on_a_cancelled_booking_is_followed_there() -> None:
    moved = tracked(S.PICKED_UP, moved_after_terminal=True)
    seen = stands(*TO_LABEL, a_booking(attempt=2, carrier="vnpost"), moved)
    assert seen.visible.flags == ("moved_after_terminal",)
    assert seen.visible.shipments[0].parcels[0].carrier == "viettelpost"


def test_a_parcel_shows_its_carrier_its_state_and_its_money() -> None:
    parcel = stands(*TO_LABEL).visible.shipments[0].parcels[0]
    assert (parcel.carrier, parcel.status, parcel.cod_state) == (
        "viettelpost",
        S.CREATED,
        CodState.EXPECTED,
    )
    delivered = (*TO_LABEL, *a_delivery(), a_cash_state())
    parcel = stands(*delivered).visible.shipments[0].parcels[0]
    assert (parcel.attempt_no, parcel.cod_state) == (1, CodState.COLLECTED)


@pytest.mark.parametrize(
    "before",
    [
        (a_placed_order(),),
        (holds(),),
        (a_placed_order(), a_routing()),
        (a_placed_order(), a_routing(), a_packing_start()),
        (a_placed_order(), a_routing(), holds("packing")),
    ],
)
def test_an_order_of_which_nothing_is_packed_is_cancelled_at_once(
    before: tuple[Event, ...],
) -> None:
    assert shown(*before, a_cancel_request())[0] == "cancelled"
    (cancelled,) = decided(*before, a_cancel_request()).events
    assert isinstance(cancelled, OrderCancelled)
    assert (cancelled.by, cancelled.why) == ("seller:HTX-MAU-01", "sold out")


@pytest.mark.parametrize("before", [TO_LABEL[:4], TO_LABEL])
def test_a_packed_order_is_cancelled_when_every_booking_is_voided(
    before: tuple[Event, ...],
) -> None:
    asked = (*before, a_cancel_request())
    first = decided(*asked)
    assert shown(*asked)[0] == "cancel_requested"
    assert [type(event) for event in first.events] == [BookingVoidRequested]
    voided = (*asked, a_void(attempt=None))
    assert shown(*voided)[0] == "cancelled"
    second = decided(*voided, before=first.decisions)
    assert [type(event) for event in second.events] == [OrderCancelled]
    assert decided(*voided, before=second.decisions).events == ()


def test_one_voided_parcel_of_two_does_not_cancel_the_order() -> None:
    assert shown(*TWO_PARCELS, a_cancel_request(), a_void())[0] == "cancel_requested"
    both = (*TWO_PARCELS, a_cancel_request(), a_void(), a_void(OTHER_PARCEL))
    assert shown(*both)[0] == "cancelled"


def test_a_parcel_packed_after_the_cancellation_is_voided_too() -> None:
    first = decided(a_placed_order(), a_routing(), a_cancel_request())
    late = (a_placed_order(), a_routing(), a_cancel_request(), a_parcel())
    (again,) = decided(*late, before=first.decisions).events
    assert isinstance(again, BookingVoidRequested)
    assert shown(*late)[0] == "cancel_requested"
    assert shown(*late, a_void(attempt=None))[0] == "cancelled"


def test_every_parcel_that_comes_later_raises_the_version_of_the_void_request() -> None:
    first = decided(*TWO_PARCELS[:3], a_cancel_request())
    (again,) = decided(*TWO_PARCELS[:4], a_cancel_request(), before=first.decisions).events
    assert (again.version, first.events[0].version) == (2, 1)


def test_a_refused_void_calls_the_goods_back() -> None:
    asked = decided(*TO_LABEL, a_cancel_request())
    kept = (*TO_LABEL, a_cancel_request(), a_refused_void())
    (recall,) = decided(*kept, before=asked.decisions).events
    assert isinstance(recall, OrderRecallRequested)
    assert shown(*kept) == ("label_ready", "label_ready", ("recall_requested",))


def test_goods_already_with_the_carrier_are_called_back_and_still_followed() -> None:
    asked = (*WITH_CARRIER, a_cancel_request())
    (recall,) = decided(*asked).events
    assert isinstance(recall, OrderRecallRequested)
    assert shown(*asked) == ("in_transit", "handed_over", ("recall_requested",))


def test_cancelling_a_delivered_order_is_refused() -> None:
    answer = decided(*TO_LABEL, *a_delivery(), a_cancel_request())
    assert answer.events == ()
    assert answer.refused is not None
    assert (answer.refused.command_id, answer.refused.code) == ("cancel-2", "too_late")
    again = decided(*TO_LABEL, *a_delivery(), a_cancel_request(), before=answer.decisions)
    assert again.refused is None


def test_a_booking_the_carrier_cancelled_must_be_voided_all_the_same() -> None:
    by_carrier = (*TO_LABEL, a_tracking_state(S.CANCELLED, at(2), 1), a_cancel_request())
    assert shown(*by_carrier)[0] == "cancel_requested"
    assert shown(*by_carrier, a_void())[0] == "cancelled"


def test_a_carrier_that_refused_the_void_and_then_cancels_lets_the_order_end() -> None:
    kept = (*TO_LABEL, a_cancel_request(), a_refused_void())
    assert shown(*kept, a_tracking_state(S.CANCELLED, at(2), 1))[0] == "cancelled"


def test_a_voided_parcel_that_travels_all_the_same_is_not_called_cancelled() -> None:
    voided = (*TO_LABEL, a_cancel_request(), a_void())
    moved = tracked(S.IN_TRANSIT, moved_after_terminal=True)
    assert shown(*voided, moved) == (
        "in_transit",
        "handed_over",
        ("moved_after_terminal", "recall_requested"),
    )


def test_a_shipment_cancelled_beside_one_that_travels_leaves_the_order_to_the_other() -> None:
    routed = a_routing(a_routed_shipment(SHIPMENT), a_routed_shipment(OTHER_SHIPMENT))
    events = (a_placed_order(), routed, a_parcel(), a_booking(), *a_delivery()[:2])
    seen = stands(*events, a_cancel_request()).visible
    assert seen.status == "in_transit"
    assert [one.fulfilment.value for one in seen.shipments] == ["handed_over", "cancelled"]


def test_a_started_shipment_that_a_newer_routing_dropped_is_forgotten() -> None:
    routed = a_routing(a_routed_shipment(OTHER_SHIPMENT))
    seen = stands(a_placed_order(), a_packing_start(SHIPMENT), routed).visible
    assert [one.shipment_id for one in seen.shipments] == [OTHER_SHIPMENT]
