"""Booking's rules alone: any interleaving of facts, with a carrier played by the test."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.booking import BookingOutcome as Outcome
from schemas.tracking import TrackingStatus
from streams.rules.booking import Order, advance
from streams.rules.booking_attempt import LIVE, State
from streams.rules.booking_effects import Call, TellBooked, TellVoided, TellVoidRefused
from streams.rules.booking_facts import Refusal, apply
from tests.booking_facts import (
    CTN,
    ETN,
    ORDER,
    REFERENCE,
    SHIPMENT,
    VTK,
    cancelled,
    held,
    packed,
    recall_requested,
    released,
    resulted,
    routed,
    tracked,
    void_requested,
)

if TYPE_CHECKING:
    from schemas.intake import OrderEvent
    from streams.rules.booking_effects import Effect

PARCELS = (f"{SHIPMENT}/1", f"{SHIPMENT}/2")
FACTS: tuple[OrderEvent, ...] = (
    *(packed(parcel) for parcel in PARCELS),
    routed(VTK, version=1),
    routed(CTN, version=2),
    routed(ETN, version=3),
    held("intake", version=1),
    released("intake", version=2),
    held("packing", version=1),
    released("packing", version=2),
)
ENDINGS: tuple[OrderEvent, ...] = (void_requested(1), void_requested(2), recall_requested())
BOOK_ANSWERS = (Outcome.UNKNOWN, Outcome.BOOKED, Outcome.REFUSED)
VOID_ANSWERS = (Outcome.VOIDED, Outcome.VOID_REFUSED)
SEEDS = st.integers(min_value=0, max_value=2**32)


def an_order() -> Order:
    return Order(ORDER, datetime(1, 1, 1, tzinfo=UTC))


def live(order: Order) -> Counter[str]:
    attempts = [(p.parcel_id, a) for p in order.parcels.values() for a in p.attempts]
    return Counter(parcel for parcel, attempt in attempts if attempt.state in LIVE)


class Played:
    """An order under any interleaving: facts and answers wait in a bag and are drawn by chance."""

    def __init__(self, seed: int, facts: tuple[OrderEvent, ...]) -> None:
        self.order = an_order()
        self.bag = list(facts)
        self.told: list[Effect] = []
        self._chance = random.Random(seed)
        self._versions: Counter[tuple[str, str]] = Counter()

    def play(self) -> None:
        while self.bag:
            at = self._chance.randrange(len(self.bag))
            again = self._chance.random() < 1 / 6
            fact = self.bag[at] if again else self.bag.pop(at)
            assert not isinstance(apply(self.order, fact), Refusal)
            for effect in advance(self.order):
                self.told.append(effect)
                if isinstance(effect, Call):
                    self._answer(effect)
            assert max(live(self.order).values(), default=0) <= 1
            assert list(advance(self.order)) == []

    def _answer(self, call: Call) -> None:
        parcel = next(p for p in self.order.parcels.values() if call.attempt in p.attempts)
        if call.kind == "return":
            return
        answers = (
            _until_certain(self._chance.choices(BOOK_ANSWERS, k=3))
            if call.kind == "book"
            else [self._chance.choice(VOID_ANSWERS)]
        )
        for outcome in answers:
            key = (call.attempt.reference, call.kind)
            self._versions[key] += 1
            fact = resulted(
                outcome,
                kind=call.kind,
                parcel=parcel.parcel_id,
                attempt=call.attempt.attempt,
                version=self._versions[key],
            )
            self.bag.append(fact)


def _until_certain(answers: list[Outcome]) -> list[Outcome]:
    """A carrier that has answered clearly says nothing else; one that has not, does in the end."""
    certain = next((n for n, one in enumerate(answers) if one is not Outcome.UNKNOWN), None)
    return [*answers, Outcome.BOOKED] if certain is None else answers[: certain + 1]


@settings(max_examples=300, deadline=None)
@given(SEEDS)
def test_a_parcel_never_has_two_live_bookings(seed: int) -> None:
    played = Played(seed, FACTS)
    played.play()
    assert len(played.order.parcels) == 2
    assert not any(
        a.state is State.REQUESTED for p in played.order.parcels.values() for a in p.attempts
    )


@settings(max_examples=300, deadline=None)
@given(SEEDS)
def test_every_parcel_gets_an_answer_to_a_void_and_its_booking_is_known(
    seed: int,
) -> None:
    played = Played(seed, (*FACTS, *ENDINGS))
    played.play()
    for parcel in played.order.parcels.values():
        assert parcel.void_answered == 2
        answers = [e for e in played.told if isinstance(e, TellVoided | TellVoidRefused)]
        mine = [answer for answer in answers if answer.parcel.parcel_id == parcel.parcel_id]
        ended = parcel.last is None or parcel.last.state not in LIVE
        assert isinstance(mine[-1], TellVoided) is ended
        told = {e.attempt.reference for e in played.told if isinstance(e, TellBooked)}
        assert told >= {a.reference for a in parcel.attempts if a.tracking_no}


@given(st.permutations([1, 2, 3, 4]), st.lists(st.sampled_from([0, 1, 2, 3]), max_size=4))
def test_answers_in_any_order_and_number_give_one_state(order: list[int], again: list[int]) -> None:
    answers = {
        1: resulted(Outcome.UNKNOWN, version=1),
        2: resulted(Outcome.BOOKED, version=2),
        3: resulted(Outcome.VOIDED, kind="void", version=1),
        4: tracked(TrackingStatus.CANCELLED),
    }
    book = an_order()
    for fact in (packed(), routed(VTK)):
        apply(book, fact)
    list(advance(book))
    for number in [*order, *(order[n] for n in again)]:
        apply(book, answers[number])
    assert {a.reference: a.state for a in book.parcels[f"{SHIPMENT}/1"].attempts} == {
        REFERENCE: State.VOIDED
    }


def test_facts_that_come_again_are_known() -> None:
    order = an_order()
    facts = (packed(), routed(VTK), held(), cancelled(), void_requested(), recall_requested())
    assert [apply(order, fact) for fact in facts] == [True] * 6
    assert [apply(order, fact) for fact in facts] == [False] * 6


def test_a_cancelled_order_starts_nothing_and_waits_to_be_asked_for_a_void() -> None:
    order = an_order()
    for fact in (packed(), routed(VTK), cancelled()):
        apply(order, fact)
    assert list(advance(order)) == []


def test_a_booking_starts_at_the_newest_time_in_the_records() -> None:
    order = an_order()
    for fact in (held(), packed(), routed(VTK), released()):
        apply(order, fact)
    (call,) = advance(order)
    assert isinstance(call, Call)
    assert call.attempt.requested_at == released().occurred_at
