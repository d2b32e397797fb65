"""The COD ledger's rules: states, sums, entries, exceptions; the same facts give the same."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import services.reference.data
from schemas.tracking import CodState, TrackingStatus
from streams.rules.cod import Standing, standing
from streams.rules.cod_facts import Claim, Facts, owner
from streams.rules.cod_ledger import missing
from tests.cod_facts import (
    COLLECTED,
    PRICE,
    REFERENCE,
    REMITTED,
    VOID,
    a_booked,
    a_decision,
    a_line,
    a_tracked,
    a_word,
    facts,
)
from tests.order_facts import at

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streams.rules.cod_ledger import Entry

FOLDER = Path(services.reference.data.__file__).parent
TRANSITIONS = {
    (row["from_state"], row["to_state"])
    for row in csv.DictReader((FOLDER / "cod_transitions.csv").read_text("utf-8").splitlines())
}


def seen(known: Facts) -> Standing:
    found = standing(known)
    assert found is not None
    return found


def balances(entries: Iterable[Entry]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for entry in entries:
        for account, vnd in entry.postings:
            sums[account] = sums.get(account, 0) + vnd
    return {account: vnd for account, vnd in sums.items() if vnd}


@pytest.mark.parametrize(
    ("known", "state"),
    [
        (facts(booked=a_booked(0)), "not_applicable"),
        (facts(), "expected"),
        (facts(COLLECTED), "collected"),
        (facts(COLLECTED, REMITTED), "remitted"),
        (facts(REMITTED), "remitted"),
        (facts(VOID), "void"),
        (facts(COLLECTED, lines=(a_line(),)), "reconciled"),
        (facts(COLLECTED, lines=(a_line(fee=5_500),)), "reconciled"),
        (facts(lines=(a_line(),)), "reconciled"),
        (facts(lines=(a_line(paid=1),)), "short"),
        (facts(COLLECTED, lines=(a_line(paid=300_000),)), "short"),
        (facts(COLLECTED, lines=(a_line(paid=300_000), a_line(2, 30_000))), "reconciled"),
        (facts(COLLECTED, lines=(a_line(fee_kind="return", fee=0, paid=0),)), "collected"),
        (facts(COLLECTED, lines=(a_line(carrier="ghn"),)), "collected"),
        (facts(COLLECTED, lines=(a_line(paid_to="seller"),)), "paid_out"),
        (facts(COLLECTED, lines=(a_line(),), decisions=(a_decision("pay"),)), "paid_out"),
        (facts(COLLECTED, decisions=(a_decision("pay"),)), "collected"),
        (facts(COLLECTED, decisions=(a_decision("dispute"),)), "disputed"),
        (facts(decisions=(a_decision("dispute"),)), "expected"),
    ],
)
def test_the_state_follows_from_the_facts(known: Facts, state: str) -> None:
    assert seen(known).state == state


@pytest.mark.parametrize(
    ("outcome", "state"), [("full", "reconciled"), ("part", "short"), ("none", "void")]
)
def test_a_claim_ends_as_it_is_settled(outcome: str, state: str) -> None:
    claim = (a_decision("dispute"), a_decision("settle", 13, outcome=outcome))
    assert seen(facts(COLLECTED, lines=(a_line(paid=1),), decisions=claim)).state == state


def test_a_claim_is_moot_once_the_missing_amount_arrives() -> None:
    lines = (a_line(paid=300_000), a_line(2, 30_000))
    known = facts(COLLECTED, lines=lines, decisions=(a_decision("dispute"),))
    assert (seen(known).state, seen(known).exceptions) == ("reconciled", ("decision_waits",))


def test_a_seller_may_contest_a_payout() -> None:
    decisions = (a_decision("pay", vnd=PRICE), a_decision("dispute", 13))
    assert seen(facts(COLLECTED, lines=(a_line(),), decisions=decisions)).state == "disputed"


def test_another_amount_amends_the_expectation_and_keeps_the_old_one() -> None:
    found = seen(facts(a_word(CodState.COLLECTED, 300_000)))
    assert [amendment[:3] for amendment in found.amendments] == [
        (PRICE, 300_000, "event collected-4")
    ]
    assert balances(found.entries) == {"carrier_cash": 300_000, "seller_payable": -300_000}


def test_a_part_delivery_without_an_amount_is_what_the_statement_says() -> None:
    part = a_tracked(COLLECTED, partial=True)
    found = seen(facts(tracked=part, lines=(a_line(paid=200_000),)))
    assert (found.state, found.expected_vnd) == ("reconciled", 200_000)
    assert found.exceptions == ("part_delivery_unconfirmed",)
    restated = (a_decision("restate", vnd=250_000),)
    short = seen(facts(tracked=part, lines=(a_line(paid=200_000),), decisions=restated))
    assert (short.state, short.short_vnd, short.exceptions) == ("short", 50_000, ("short",))


def test_a_delivery_that_is_taken_back_is_expected_again() -> None:
    again = a_word(CodState.EXPECTED, day=5)
    found = seen(facts(COLLECTED, again))
    assert balances(found.entries) == {"buyer_receivable": PRICE, "seller_payable": -PRICE}
    assert found.path == ("expected", "collected", "void", "expected")


def test_all_accounts_but_the_fees_are_empty_once_the_seller_is_paid() -> None:
    pay = a_decision("pay", vnd=PRICE - 5_500)
    found = seen(facts(COLLECTED, REMITTED, lines=(a_line(fee=5_500),), decisions=(pay,)))
    assert balances(found.entries) == {"carrier_fee": 5_500, "seller_payable": -5_500}
    assert (found.paid_out_vnd, found.fees_vnd) == (PRICE - 5_500, 5_500)


LOST = a_tracked(VOID, status=TrackingStatus.WRITTEN_OFF)
COMPENSATION = a_line(fee_kind="compensation", net_vnd=300_000, cod_vnd=0)


@pytest.mark.parametrize(
    ("known", "name"),
    [
        (facts(COLLECTED, lines=(a_line(paid=5),)), "short"),
        (facts(COLLECTED, lines=(a_line(), a_line(2))), "paid_twice"),
        (facts(VOID, lines=(a_line(),)), "unexpected_payment"),
        (facts(VOID, lines=(a_line(paid=0, fee=9),)), "returned_but_charged"),
        (
            facts(COLLECTED, lines=(a_line(fee=40_001, fee_kind="freight"),)),
            "fee_above_quote",
        ),
        (facts(COLLECTED, decisions=(a_decision("pay", vnd=1),)), "paid_out_too_much"),
        (facts(tracked=LOST), "claim_open"),
        (facts(booked=a_booked(0), tracked=a_tracked(status="written_off")), "claim_open"),
    ],
)
def test_exceptions_are_named(known: Facts, name: str) -> None:
    assert name in seen(known).exceptions


def test_a_compensation_ends_the_claim_and_is_an_account_of_its_own() -> None:
    found = seen(facts(tracked=LOST, lines=(COMPENSATION,)))
    assert (found.state, found.exceptions) == ("void", ())
    assert balances(found.entries) == {"programme_bank": 300_000, "compensation": -300_000}


def test_nothing_is_derived_before_the_booking() -> None:
    assert standing(Facts(REFERENCE, None, a_tracked(COLLECTED), (a_line(),))) is None


def test_a_line_belongs_to_the_reference_it_names_or_to_the_newest_booking_of_its_number() -> None:
    early, late = Claim("A", at(1)), Claim("B", at(20))
    line = a_line(transferred_on=date(2026, 10, 11))
    assert owner(line, ()) is None
    assert owner(line, [late]) == "B"
    assert owner(line, [late, early]) == "A"
    assert owner(line._replace(transferred_on=date(2026, 10, 21)), [early, late]) == "B"
    assert owner(line._replace(reference=REFERENCE), [early]) == REFERENCE
    assert owner(line._replace(reference="their own"), [early]) == "A"


WORDS = (CodState.COLLECTED, CodState.REMITTED, CodState.VOID, CodState.EXPECTED)


@st.composite
def some_facts(draw: st.DrawFn) -> Facts:
    amounts = st.sampled_from([PRICE, 300_000, 1])
    said = []
    before = CodState.EXPECTED
    for day in range(draw(st.integers(0, 4))):
        word = draw(st.sampled_from(WORDS))
        if before is CodState.REMITTED:
            break  # what was paid on stays paid on (streams/rules/tracking_money.py)
        said.append(a_word(word, draw(amounts), 3 + day))
        before = word
    lines = [
        a_line(
            number,
            draw(st.sampled_from([PRICE, 300_000, 30_000, 0, -300_000])),
            draw(st.sampled_from([0, 0, 5_500])),
            **draw(
                st.sampled_from(
                    [{}, {}, {"fee_kind": "compensation"}, {"paid_to": "seller"}, {"carrier": "x"}]
                )
            ),
        )
        for number in range(draw(st.integers(0, 3)))
    ]
    decisions = [
        a_decision(
            draw(st.sampled_from(["dispute", "settle", "restate", "pay"])),
            12 + number,
            draw(st.sampled_from([0, 30_000, PRICE])),
            draw(st.sampled_from(["full", "part", "none"])),
        )
        for number in range(draw(st.integers(0, 4)))
    ]
    booked = a_booked(draw(st.sampled_from([PRICE, PRICE, 0])))
    tracked = a_tracked(*said, partial=draw(st.booleans())) if booked.cod_vnd else None
    return Facts(REFERENCE, booked, tracked, tuple(lines), tuple(decisions))


@given(known=some_facts(), data=st.data())
@settings(max_examples=300, deadline=None)
def test_any_order_of_lines_and_decisions_gives_the_same_standing(
    known: Facts, data: st.DataObject
) -> None:
    lines = tuple(data.draw(st.permutations(known.lines)))
    decisions = tuple(data.draw(st.permutations(known.decisions)))
    assert standing(known._replace(lines=lines, decisions=decisions)) == standing(known)


@given(known=some_facts())
@settings(max_examples=300, deadline=None)
def test_every_entry_balances_and_money_is_neither_made_nor_lost(known: Facts) -> None:
    found = seen(known)
    assert all(sum(vnd for _, vnd in entry.postings) == 0 for entry in found.entries)
    ours = [line for line in known.lines if line.carrier == "viettelpost"]
    stands = balances(found.entries)
    bank = sum(line.net_vnd for line in ours if line.paid_to == "programme")
    bank += sum(one.vnd for one in known.decisions if one.kind == "settle")
    bank -= sum(one.vnd for one in known.decisions if one.kind == "pay")
    assert stands.get("programme_bank", 0) == bank
    kept = sum(line.fee_vnd for line in ours if not line.is_compensation)
    assert stands.get("carrier_fee", 0) + stands.get("return_fee", 0) == kept


@given(known=some_facts())
@settings(max_examples=400, deadline=None)
def test_every_step_is_a_row_of_the_transitions(known: Facts) -> None:
    path = seen(known).path
    assert path[0] in ("expected", "not_applicable")
    assert [step for step in pairwise(path) if step not in TRANSITIONS] == []


def test_the_transitions_know_every_state_but_the_one_without_cash() -> None:
    assert {state for step in TRANSITIONS for state in step} == {*CodState} - {"not_applicable"}


@given(before=some_facts(), after=some_facts())
@settings(max_examples=200, deadline=None)
def test_the_books_are_only_added_to_and_say_what_they_should(before: Facts, after: Facts) -> None:
    written: dict[tuple[str, str], dict[str, int]] = {}
    for known in (before, after, before):
        for entry in missing(seen(known).entries, written, datetime(2026, 11, 1, tzinfo=UTC)):
            assert sum(vnd for _, vnd in entry.postings) == 0
            sums = written.setdefault(entry.key, {})
            for account, vnd in entry.postings:
                sums[account] = sums.get(account, 0) + vnd
        stands = {
            key: left
            for key, sums in written.items()
            if (left := {account: vnd for account, vnd in sums.items() if vnd})
        }
        assert stands == {entry.key: dict(entry.postings) for entry in seen(known).entries}
