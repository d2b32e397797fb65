"""What holds of every order, whatever happens to it and however its facts arrive."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.status import BookingVoidRequested, Fulfilment, OrderCancelled
from services.reference.fulfilment import fulfilment_transitions
from streams.rules.status.cancel import decide, no_decisions
from streams.rules.status.facts import Facts, no_facts
from streams.rules.status.merge import merge
from streams.rules.status.standing import Standing, standing
from tests.order_facts import ORDER
from tests.order_lives import Life
from tests.status_facts import known

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from schemas.event import Event

TRANSITIONS = fulfilment_transitions()
F = Fulfilment

NO_LABEL = "asked and granted at once: no parcel, so no label"
PACKED_MEANWHILE = "a parcel was packed while the cancellation was on its way"
TAKEN_ALL_THE_SAME = "the carrier took a parcel whose booking it had voided"
OTHERS_ARE_FURTHER = "the parcel that was behind was voided or given up, the others are further"
ANOTHER_SHIPMENT = "goods were received back before the order's last shipment was packed"
PAPER_ALONE = "the carrier ended a booking whose hand-over was signed for and never scanned"

NEVER_REFUSED: Final = {
    (F.PACKING, F.CANCELLED): NO_LABEL,
    (F.CANCELLED, F.CANCEL_REQUESTED): PACKED_MEANWHILE,
    (F.CANCELLED, F.HANDED_OVER): TAKEN_ALL_THE_SAME,
    (F.DELIVERED, F.HANDED_OVER): TAKEN_ALL_THE_SAME,
    (F.RETURNED_TO_STOCK, F.HANDED_OVER): TAKEN_ALL_THE_SAME,
    (F.CANCEL_REQUESTED, F.DELIVERED): OTHERS_ARE_FURTHER,
    (F.LABEL_READY, F.CANCELLED): OTHERS_ARE_FURTHER,
    (F.LABEL_READY, F.DELIVERED): OTHERS_ARE_FURTHER,
    (F.LABEL_READY, F.RETURNED_TO_STOCK): OTHERS_ARE_FURTHER,
    (F.AWAITING_HANDOVER, F.CANCELLED): OTHERS_ARE_FURTHER,
    (F.AWAITING_HANDOVER, F.DELIVERED): OTHERS_ARE_FURTHER,
    (F.AWAITING_HANDOVER, F.RETURNED_TO_STOCK): OTHERS_ARE_FURTHER,
    (F.HANDED_OVER, F.PACKED): PAPER_ALONE,
    (F.HANDED_OVER, F.ON_HOLD): PAPER_ALONE,
    (F.HANDED_OVER, F.CANCELLED): PAPER_ALONE,
    (F.ON_HOLD, F.DELIVERED): OTHERS_ARE_FURTHER,
    (F.ON_HOLD, F.RETURNED_TO_STOCK): OTHERS_ARE_FURTHER,
    (F.RETURNED_TO_STOCK, F.DELIVERED): ANOTHER_SHIPMENT,
}
"""Changes that no row of the transitions file allows, and the facts that make them."""


def lives(steps: int = 45) -> st.SearchStrategy[list[Event]]:
    return st.integers(0, 2**32).map(lambda seed: Life(Random(seed)).live(steps))


def seen(facts: Facts) -> Standing:
    return standing(ORDER, facts, TRANSITIONS)


def states(found: Standing, names: Iterable[str]) -> dict[str, Fulfilment]:
    """Each shipment's state; before routing all shipments share the order's."""
    by_name = {one.shipment: one.fulfilment for one in found.shipments}
    return {name: by_name.get(name) or by_name[None] for name in names}


def named(life: Iterable[Event]) -> set[str]:
    """The shipments the order will have had."""
    return {one.shipment or "1" for one in seen(known(life)).shipments}


@given(life=lives(), data=st.data())
@settings(max_examples=200, deadline=None)
def test_facts_in_any_order_and_number_give_the_same_standing(
    life: list[Event], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations([*life, *data.draw(st.lists(st.sampled_from(life)))]))
    assert known(shuffled)["as_of"] == known(life)["as_of"]
    assert seen(known(shuffled)) == seen(known(life))


@given(life=lives())
@settings(max_examples=300, deadline=None)
def test_every_change_is_an_allowed_transition_or_a_fact_that_is_never_refused(
    life: list[Event],
) -> None:
    facts = no_facts()
    names = named(life)
    before = states(seen(facts), names)
    for event in life:
        merge(facts, event)
        after = states(seen(facts), names)
        for name in names:
            change = (before[name], after[name])
            is_allowed = change[0] == change[1] or change[1] in TRANSITIONS[change[0]]
            assert is_allowed or change in NEVER_REFUSED, (change, event)
        before = after


@given(life=lives(), seed=st.integers(0, 2**32))
@settings(max_examples=200, deadline=None)
def test_decisions_told_in_any_interleaving_are_complete_and_told_once(
    life: list[Event], seed: int
) -> None:
    shuffled = list(life)
    Random(seed).shuffle(shuffled)
    events = told(shuffled)
    found = seen(known(life))
    ids = [(type(event), event.event_id) for event in events]
    assert len(set(ids)) == len(ids)
    cancelled = [event for event in events if isinstance(event, OrderCancelled)]
    assert len(cancelled) <= 1
    if found.visible.fulfilment is F.CANCELLED:
        assert cancelled
    if found.to_void:
        assert any(isinstance(event, BookingVoidRequested) for event in events)


def told(events: Sequence[Event]) -> list[Event]:
    facts, decisions = no_facts(), no_decisions()
    everything: list[Event] = []
    for event in events:
        merge(facts, event)
        answer = decide(ORDER, facts, seen(facts), decisions, era=0)
        decisions = answer.decisions
        everything += answer.events
    return everything


def test_chance_reaches_every_state_and_every_flag() -> None:
    wanted = {state.value for state in F} | {
        *("in_transit", "returned", "written_off", "partially_packed", "partially_delivered"),
        *("partially_returned", "provisional", "recall_requested", "receive_back_waiting"),
    }
    for seed in range(5000):
        facts = no_facts()
        for event in Life(Random(seed)).live(45):
            merge(facts, event)
            visible = seen(facts).visible
            wanted -= {visible.status, *visible.flags}
        if not wanted:
            break
    assert wanted == set()
