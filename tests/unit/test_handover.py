"""Hand-over and closing: what paper says, what scans say, and which of them counts."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from schemas.status import Fulfilment
from schemas.tracking import CodState, TrackingStatus
from services.reference.fulfilment import fulfilment_transitions
from streams.rules.metrics_changes import changed_rows
from streams.rules.metrics_facts import OrderFacts
from streams.rules.metrics_fold import fold
from streams.rules.metrics_rows import rows_of
from streams.rules.status.standing import Standing, standing
from tests.order_facts import (
    NEXT_DAY,
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
    a_void,
    at,
    on_a_manifest,
)
from tests.status_facts import a_cancel_request, goods_received_back, known, quiet_since

if TYPE_CHECKING:
    from datetime import datetime

    from schemas.event import Event

TRANSITIONS = fulfilment_transitions()
LABELLED = (a_placed_order(), a_routing(), a_parcel(), a_booking())
LISTED = on_a_manifest(PARCEL)
SIGNED = on_a_manifest(PARCEL, version=2, signed=at(2, 8))
SCANNED = a_tracking_state(
    TrackingStatus.PICKED_UP, at(2, 10), 1, tracking_no="T1", handed_over_at=at(2, 10)
)
GIVEN_UP = a_tracking_state(TrackingStatus.CANCELLED, at(3), 2)
ON_THE_WAY = a_tracking_state(TrackingStatus.PICKUP_IN_PROGRESS, at(2, 7), 1)
UNPAID = a_parcel(cod_vnd=0)


def seen(*events: Event) -> Standing:
    """The standing, which any order of the events gives."""
    told = {
        standing(ORDER, known([*LABELLED, *order]), TRANSITIONS).visible.model_dump_json()
        for order in permutations(events)
    }
    assert len(told) == 1
    return standing(ORDER, known([*LABELLED, *events]), TRANSITIONS)


def word(*events: Event) -> str:
    return seen(*events).visible.status


def handed_over_at(*events: Event) -> datetime | None:
    facts = OrderFacts(order_id=ORDER)
    for event in (*LABELLED, *events):
        facts = fold(facts, event)
    return rows_of(facts).parcels[0].handed_over_at


def test_a_parcel_on_a_manifest_awaits_its_courier() -> None:
    assert word() == "label_ready"
    assert word(LISTED) == "awaiting_handover"
    assert word(LISTED, ON_THE_WAY) == "awaiting_handover"


def test_a_parcel_taken_off_is_ready_again() -> None:
    assert word(LISTED, on_a_manifest(version=2)) == "label_ready"


def test_a_signed_manifest_hands_over_without_a_scan() -> None:
    assert word(LISTED, SIGNED) == "handed_over"
    assert word(SIGNED, ON_THE_WAY) == "handed_over"
    assert seen(SIGNED).visible.shipments[0].fulfilment is Fulfilment.HANDED_OVER


def test_a_scan_hands_over_without_a_manifest_or_before_it_is_closed() -> None:
    assert word(SCANNED) == "picked_up"
    assert word(LISTED, SCANNED) == "picked_up"
    assert word(LISTED, SIGNED, SCANNED) == "picked_up"


def test_of_two_parcels_the_one_left_behind_keeps_the_order_back() -> None:
    other = f"{SHIPMENT}/2"
    both = (a_parcel(parcel_count=2), a_parcel(other, parcel_count=2), a_booking(other))
    assert word(*both, on_a_manifest(PARCEL, other)) == "awaiting_handover"
    found = seen(*both, on_a_manifest(PARCEL, version=2, signed=at(2, 8)))
    assert found.visible.status == "label_ready"
    assert [one.fulfilment for one in found.shipments[0].parcels] == [
        Fulfilment.HANDED_OVER,
        Fulfilment.LABEL_READY,
    ]


def test_the_carriers_word_that_it_ended_the_booking_outweighs_the_paper() -> None:
    assert word(SIGNED, GIVEN_UP) == "packed"
    again = a_booking(attempt=2)
    assert word(SIGNED, GIVEN_UP, again) == "label_ready"
    scanned_after_all = a_tracking_state(TrackingStatus.IN_TRANSIT, at(4), 3, handed_over_at=at(4))
    assert word(SIGNED, GIVEN_UP, scanned_after_all) == "in_transit"


def test_a_manifest_of_an_ended_attempt_says_nothing_of_the_next() -> None:
    assert word(LISTED, GIVEN_UP, a_booking(attempt=2)) == "label_ready"


def test_a_cancellation_after_the_signature_is_a_recall() -> None:
    found = seen(SIGNED, a_cancel_request(when=at(3)))
    assert found.to_recall == ("1/1",)
    assert found.to_void == ()


def test_a_void_the_carrier_granted_ends_what_only_paper_took() -> None:
    assert word(SIGNED, a_cancel_request(when=at(3)), a_void()) == "cancelled"


def test_custody_counts_from_the_earlier_of_signature_and_scan() -> None:
    assert handed_over_at(SIGNED) == at(2, 8)
    assert handed_over_at(SIGNED, SCANNED) == at(2, 8)
    late = on_a_manifest(PARCEL, signed=at(2, 20))
    assert handed_over_at(SCANNED, late) == at(2, 10)
    assert handed_over_at(LISTED) is None
    assert handed_over_at(SIGNED, GIVEN_UP) is None
    assert handed_over_at(SIGNED, a_void()) is None


def test_every_step_of_a_manifest_moves_the_row_it_changes() -> None:
    before = OrderFacts(order_id=ORDER)
    rows = dict[str, object]()
    unsigned = on_a_manifest(version=3)
    for event in (*LABELLED, LISTED, SIGNED, unsigned, SCANNED):
        after = fold(before, event)
        for old, new in changed_rows(before, after):
            assert rows.get(new[0], old) == old
            rows[new[0]] = new
        assert {row[0]: row for row in rows_of(after).parcels} == {
            name: row for name, row in rows.items() if name.count("/") > 1
        }
        before = after


DELIVERED = a_delivery(cod_state=CodState.NOT_APPLICABLE, cod_vnd=0)[-1]
FREE = UNPAID.model_copy(update={"version": 2})


def test_a_finished_order_is_closed_once_it_has_been_quiet() -> None:
    assert word(FREE, DELIVERED) == "delivered"
    assert seen(FREE, DELIVERED).closable
    closed = seen(FREE, DELIVERED, quiet_since(at(4, 10)))
    assert (closed.visible.status, closed.visible.fulfilment) == ("closed", Fulfilment.CLOSED)
    assert closed.visible.shipments[0].fulfilment is Fulfilment.CLOSED
    assert closed.finished
    assert not closed.closable


def test_quiet_before_the_newest_fact_closes_nothing() -> None:
    assert word(FREE, DELIVERED, quiet_since(at(4, 9))) == "delivered"


@pytest.mark.parametrize("state", [s for s in CodState if s.value not in ("paid_out", "void")])
def test_money_that_is_not_at_rest_keeps_an_order_open(state: CodState) -> None:
    found = seen(a_delivery()[-1], a_cash_state(state), quiet_since(at(4, 10)))
    is_at_rest = state is CodState.NOT_APPLICABLE
    assert found.finished
    assert found.visible.status == ("closed" if is_at_rest else "delivered")


def test_goods_that_come_back_open_a_closed_order() -> None:
    back = a_tracking_state(
        TrackingStatus.RETURNING, at(20), 9, handed_over_at=at(2, 10), delivered_at=at(4, 10)
    )
    assert word(FREE, DELIVERED, quiet_since(at(4, 10)), back) == "returning"


def test_goods_received_back_are_closed_too() -> None:
    back = goods_received_back(when=at(6))
    assert word(FREE, DELIVERED, back) == "returned_to_stock"
    assert word(FREE, DELIVERED, back, quiet_since(at(6))) == "closed"


def test_a_lost_parcel_waits_for_its_claim() -> None:
    lost = a_tracking_state(
        TrackingStatus.WRITTEN_OFF, at(9), 9, handed_over_at=NEXT_DAY, cod_state=CodState.VOID
    )
    assert word(FREE, lost, quiet_since(at(9))) == "written_off"
