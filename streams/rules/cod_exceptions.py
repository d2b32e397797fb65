"""What of a booking's cash a person should look at, by name, from facts alone.

What depends on the day (cash that is overdue) is asked of the table: services/store/cod.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from schemas.tracking import CodState, TrackingStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.rules.cod_facts import Decision, Facts, Line

CASH_FEES: Final = frozenset({"cod", "payout"})
"""Fees for collecting and paying on: nothing of a parcel that came back was collected."""
EXCEPTIONS: Final = {
    "short": "the carrier paid less than expected",
    "paid_twice": "the carrier paid more than expected",
    "unexpected_payment": "the carrier paid although nothing was to be collected",
    "returned_but_charged": "cash fees for a parcel that came back",
    "fee_above_quote": "the freight kept back is above the price of the booking",
    "part_delivery_unconfirmed": "only the statement says how much a part delivery collected",
    "paid_out_too_much": "the seller got more than was received",
    "claim_open": "lost or damaged, and not compensated yet",
    "decision_waits": "the last decision has no effect in this state",
}


class Outcome(NamedTuple):
    """A derivation's end: the state, the carrier's last word, sums, whose word amended."""

    state: CodState
    said: CodState
    expected_vnd: int
    paid_vnd: int
    by_statement: bool
    idle: bool


def exceptions(facts: Facts, lines: Sequence[Line], end: Outcome) -> tuple[str, ...]:
    """Their names, in the order of `EXCEPTIONS`."""
    nothing_due = end.said in (CodState.VOID, CodState.NOT_APPLICABLE)
    is_void = nothing_due or end.state is CodState.VOID
    quoted = facts.booked.freight_vnd if facts.booked else 0
    found = {
        "short": end.state is CodState.SHORT,
        "paid_twice": not is_void and end.paid_vnd > end.expected_vnd,
        "unexpected_payment": nothing_due and end.paid_vnd > 0,
        "returned_but_charged": end.said is CodState.VOID and _fees(lines, CASH_FEES) > 0,
        "fee_above_quote": _fees(lines, {"freight"}) > quoted,
        "part_delivery_unconfirmed": end.by_statement,
        "paid_out_too_much": _paid_on(facts.decisions) > max(0, _received(lines, facts.decisions)),
        "claim_open": _is_lost(facts) and not any(line.is_compensation for line in lines),
        "decision_waits": end.idle,
    }
    return tuple(name for name in EXCEPTIONS if found[name])


def _fees(lines: Sequence[Line], kinds: frozenset[str] | set[str]) -> int:
    return sum(line.fee_vnd for line in lines if line.fee_kind in kinds)


def _received(lines: Sequence[Line], decisions: Sequence[Decision]) -> int:
    by_statement = sum(line.net_vnd for line in lines if line.paid_to == "programme")
    return by_statement + sum(one.vnd for one in decisions if one.kind == "settle")


def _paid_on(decisions: Sequence[Decision]) -> int:
    return sum(one.vnd for one in decisions if one.kind == "pay")


def _is_lost(facts: Facts) -> bool:
    tracked = facts.tracked
    return tracked is not None and tracked.firm and tracked.status is TrackingStatus.WRITTEN_OFF
