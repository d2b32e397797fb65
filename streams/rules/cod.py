"""Where the cash of one booking is: a state, sums, entries and exceptions, derived from facts alone.

The same facts give the same standing, in whatever order and however often they came. Rules:
facts/tracking_taxonomy.md section 7, states and transitions facts/cod_*.csv.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from schemas.tracking import CodState
from streams.rules.cod_exceptions import Outcome, exceptions
from streams.rules.cod_ledger import Journal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from streams.rules.cod_facts import Booked, Decision, Facts, Line, Tracked
    from streams.rules.cod_ledger import Account, Entry

C: Final = CodState
NOTHING_DUE: Final = frozenset({C.NOT_APPLICABLE, C.VOID})
DISPUTABLE: Final = frozenset({C.COLLECTED, C.REMITTED, C.SHORT, C.PAID_OUT})
HOLDER: Final[dict[CodState, Account]] = {
    C.EXPECTED: "buyer_receivable",
    C.COLLECTED: "carrier_cash",
    C.REMITTED: "carrier_remitted",
}
"""Where the amount stands by the carrier's word."""


class Amendment(NamedTuple):
    """The expected amount became another one, and by whose word."""

    old_vnd: int
    new_vnd: int
    evidence: str
    at: datetime


class Standing(NamedTuple):
    """Where the cash is. `path`: the states it went through, each step a row of cod_transitions."""

    state: CodState
    expected_vnd: int
    collected_vnd: int
    remitted_vnd: int
    fees_vnd: int
    compensation_vnd: int
    paid_out_vnd: int
    short_vnd: int
    remitted_at: datetime | None
    exceptions: tuple[str, ...]
    amendments: tuple[Amendment, ...]
    entries: tuple[Entry, ...]
    path: tuple[CodState, ...]


@dataclass(slots=True)
class Walk:
    """A derivation under way. `said`: the carrier's last word; `paid`: what it accounts for."""

    booked: Booked
    said: CodState
    expected: int
    path: list[CodState]
    paid: int = 0
    journal: Journal = field(default_factory=Journal)
    amendments: list[Amendment] = field(default_factory=list)
    idle: bool = False

    @property
    def state(self) -> CodState:
        """Where it is now."""
        return self.path[-1]

    def go(self, *states: CodState) -> None:
        """Go on, unless it is there already."""
        self.path += [state for state in states if state is not self.state]

    def amend(self, new: int, evidence: str, at: datetime) -> None:
        """Expect another amount. What was collected already is corrected where it is."""
        old, self.expected = self.expected, new
        if old != new:
            self.amendments.append(Amendment(old, new, evidence, at))
            holder = HOLDER.get(self.said)
            if holder is not None:
                self.journal.move("amended", evidence, at, new - old, ("seller_payable", holder))


def standing(facts: Facts) -> Standing | None:
    """Derive everything; None while nobody has booked."""
    if facts.booked is None:
        return None
    walk = _begun(facts.booked, facts.reference)
    lines = sorted(
        (line for line in facts.lines if line.carrier == facts.booked.carrier),
        key=lambda line: (line.transferred_on, line.statement_no, line.line_no),
    )
    decisions = sorted(facts.decisions, key=lambda decision: (decision.at, decision.decision_id))
    if facts.tracked is not None:
        for word in facts.tracked.said:
            _hear(walk, word.said, word.vnd, f"event {word.event_key}", word.at)
    _restate(walk, facts.tracked, lines, decisions)
    _receive(walk, lines)
    for decision in decisions:
        _decide(walk, decision)
    return _seen(walk, facts, lines)


def _begun(booked: Booked, reference: str) -> Walk:
    state = C.EXPECTED if booked.cod_vnd else C.NOT_APPLICABLE
    walk = Walk(booked, state, booked.cod_vnd, [state])
    path: tuple[Account, Account] = ("seller_payable", "buyer_receivable")
    walk.journal.move("expected", f"booked {reference}", booked.at, booked.cod_vnd, path)
    return walk


def _hear(walk: Walk, said: CodState, vnd: int, evidence: str, at: datetime) -> None:
    """Take the carrier's word: the amount first, then where it is."""
    if walk.said is C.NOT_APPLICABLE:
        return
    before = walk.said
    if before is C.VOID and said is not C.VOID:
        walk.said = C.EXPECTED
        walk.go(C.EXPECTED)
        due: tuple[Account, Account] = ("seller_payable", "buyer_receivable")
        walk.journal.move("reopened", evidence, at, walk.expected, due)
    walk.amend(vnd, evidence, at)
    if said is walk.said:
        return
    _move_cash(walk, said, evidence, at)
    if before is C.COLLECTED and said is C.EXPECTED:
        walk.go(C.VOID)  # a delivery that is taken back is void before it is expected again
    walk.said = said
    walk.go(said)


def _move_cash(walk: Walk, said: CodState, evidence: str, at: datetime) -> None:
    """From where the amount stands to where the carrier says it is now."""
    there, vnd = HOLDER[walk.said], walk.expected
    if said is C.VOID:
        if there != "buyer_receivable":
            walk.journal.move("uncollected", evidence, at, vnd, (there, "buyer_receivable"))
        walk.journal.move("voided", evidence, at, vnd, ("buyer_receivable", "seller_payable"))
        return
    if said is C.REMITTED and walk.said is C.EXPECTED:
        walk.journal.move("collected", evidence, at, vnd, (there, "carrier_cash"))
        there = "carrier_cash"
    kind = "uncollected" if said is C.EXPECTED else said.value
    walk.journal.move(kind, evidence, at, vnd, (there, HOLDER[said]))


def _restate(
    walk: Walk, tracked: Tracked | None, lines: Sequence[Line], decisions: Sequence[Decision]
) -> None:
    """A person's amount; for a part delivery without one, what the statement says was collected."""
    restated = [decision for decision in decisions if decision.kind == "restate"]
    for decision in restated:
        walk.amend(decision.vnd, f"decision {decision.decision_id}", decision.at)
    told = [line for line in lines if line.cod_vnd and not line.is_compensation]
    is_open = tracked is not None and tracked.partial and not restated and not walk.amendments
    if told and is_open and walk.said in HOLDER:
        collected = max(0, sum(line.cod_vnd for line in told))
        walk.amend(collected, f"line {told[0].entity}", told[0].at)


def _receive(walk: Walk, lines: Sequence[Line]) -> None:
    """Statement lines: what was paid, what was kept back, and how far that goes."""
    for line in lines:
        evidence, principal = f"line {line.entity}", line.principal_vnd
        if principal and walk.said in (C.EXPECTED, C.COLLECTED):
            _imply(walk, evidence, line.at)
            cash: tuple[Account, Account] = ("carrier_cash", "carrier_remitted")
            walk.journal.move("remitted", evidence, line.at, principal, cash)
        _book_line(walk, line, evidence)
        walk.paid += principal
    if walk.said not in NOTHING_DUE and any(line.principal_vnd for line in lines):
        _match(walk)


def _imply(walk: Walk, evidence: str, at: datetime) -> None:
    """Money that was paid was collected, whether the carrier says so or not."""
    if walk.said is C.EXPECTED:
        path: tuple[Account, Account] = ("buyer_receivable", "carrier_cash")
        walk.journal.move("collected", evidence, at, walk.expected, path)
        walk.said = C.COLLECTED


def _book_line(walk: Walk, line: Line, evidence: str) -> None:
    bank: Account = "seller_payable" if line.paid_to == "seller" else "programme_bank"
    if line.is_compensation:
        walk.journal.move("compensated", evidence, line.at, line.net_vnd, ("compensation", bank))
        return
    fee: Account = "return_fee" if line.fee_kind == "return" else "carrier_fee"
    postings: dict[Account, int] = {fee: line.fee_vnd, "carrier_remitted": -line.principal_vnd}
    postings[bank] = line.net_vnd
    walk.journal.enter("received", evidence, line.at, postings)


def _match(walk: Walk) -> None:
    """Statement = expected, what was kept back included: what is netted is not short."""
    if walk.paid < walk.expected:
        walk.go(C.SHORT)
        return
    if walk.state in (C.EXPECTED, C.COLLECTED):
        walk.go(C.REMITTED)
    walk.go(C.RECONCILED)


def _decide(walk: Walk, decision: Decision) -> None:
    """Money that moved is entered in any case; the state follows only where it may."""
    evidence = f"decision {decision.decision_id}"
    before = walk.state
    match decision.kind:
        case "dispute" if before in DISPUTABLE:
            walk.go(C.DISPUTED)
        case "settle":
            _settle(walk, decision, evidence)
        case "pay":
            path: tuple[Account, Account] = ("programme_bank", "seller_payable")
            walk.journal.move("paid_out", evidence, decision.at, decision.vnd, path)
            if before is C.RECONCILED:
                walk.go(C.PAID_OUT)
        case "dispute" | "restate":
            pass
    walk.idle = walk.state is before and decision.kind not in ("restate", "settle")


def _settle(walk: Walk, decision: Decision, evidence: str) -> None:
    there = HOLDER.get(walk.said, "carrier_remitted")
    path: tuple[Account, Account] = (there, "programme_bank")
    walk.journal.move("settled", evidence, decision.at, decision.vnd, path)
    walk.paid += decision.vnd
    if walk.state is not C.DISPUTED:
        if decision.vnd and walk.state is C.SHORT:
            _match(walk)
        return
    match decision.outcome:
        case "none":
            left = walk.expected - walk.paid
            gone: tuple[Account, Account] = (there, "seller_payable")
            walk.journal.move("written_off", evidence, decision.at, left, gone)
            walk.go(C.VOID)
        case "part":
            walk.go(C.SHORT)
        case _:
            walk.go(C.RECONCILED)


def _seen(walk: Walk, facts: Facts, lines: Sequence[Line]) -> Standing:
    if walk.state is C.RECONCILED and any(line.paid_to == "seller" for line in lines):
        walk.go(C.PAID_OUT)  # the carrier paid the seller's own account
    principals = [line for line in lines if line.principal_vnd]
    paid_on = sum(one.vnd for one in facts.decisions if one.kind == "pay")
    direct = sum(max(0, line.net_vnd) for line in lines if line.paid_to == "seller")
    by_statement = any(one.evidence.startswith("line ") for one in walk.amendments)
    end = Outcome(walk.state, walk.said, walk.expected, walk.paid, by_statement, walk.idle)
    return Standing(
        state=walk.state,
        expected_vnd=walk.expected,
        collected_vnd=walk.expected if walk.said in (C.COLLECTED, C.REMITTED) else 0,
        remitted_vnd=walk.paid,
        fees_vnd=sum(line.fee_vnd for line in lines),
        compensation_vnd=sum(line.net_vnd for line in lines if line.is_compensation),
        paid_out_vnd=paid_on + direct,
        short_vnd=max(0, walk.expected - walk.paid) if walk.state is C.SHORT else 0,
        remitted_at=principals[-1].at if principals else None,
        exceptions=exceptions(facts, lines, end),
        amendments=tuple(walk.amendments),
        entries=tuple(walk.journal.entries.values()),
        path=tuple(walk.path),
    )
