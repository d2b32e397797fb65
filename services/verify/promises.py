"""Every promise, and the answer to whether it holds."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from services.verify import (
    accounts,
    backlog,
    books,
    effects,
    erasures,
    feeds,
    figures,
    live_bookings,
    one_status,
    states,
)
from services.verify.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from services.verify.evidence import Evidence


@dataclass(frozen=True, slots=True)
class Promise:
    """Something we said of the system, and how to find out."""

    name: str
    sentence: str
    check: Callable[[Evidence, Tally], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Finding:
    """How much was checked for a promise, how much of it breaks it, and some of that in words."""

    name: str
    sentence: str
    holds: bool
    checked: int
    broken: int
    examples: list[str]


PROMISES: Final = (
    Promise(
        "one_status_per_order",
        "Every accepted order is in exactly one status; none lost, none twice.",
        one_status.check,
    ),
    Promise(
        "every_event_accounted_for",
        "Every event is applied, a known duplicate, parked or a dead letter, its outputs published.",
        accounts.check,
    ),
    Promise("one_effect_per_event", "Many deliveries of an event have one effect.", effects.check),
    Promise("one_live_booking", "A parcel has at most one live booking.", live_bookings.check),
    Promise("states_fold_again", "Folding a log again gives the stored state.", states.check),
    Promise(
        "figures_add_up",
        "Monthly figures equal a recomputation; every change is a revision with its cause.",
        figures.check,
    ),
    Promise(
        "feeds_have_no_gap",
        "A seller's feed runs 1…n, in order, with no other seller's ids.",
        feeds.check,
    ),
    Promise(
        "the_books_balance",
        "The cash ledger balances, states follow from their facts, no line counts twice.",
        books.check,
    ),
    Promise("nothing_left_behind", "Lag is zero and no job is overdue.", backlog.check),
    Promise(
        "erased_is_forgotten",
        "After an erasure, the buyer's data is found nowhere.",
        erasures.check,
    ),
)


async def verify(evidence: Evidence, promises: Sequence[Promise] = PROMISES) -> list[Finding]:
    """Check the promises, one after another."""
    findings = []
    for promise in promises:
        tally = Tally()
        await promise.check(evidence, tally)
        findings.append(
            Finding(
                promise.name,
                promise.sentence,
                holds=not tally.broken,
                checked=tally.checked,
                broken=tally.broken,
                examples=tally.examples,
            )
        )
    return findings


def document(findings: Sequence[Finding]) -> dict[str, Any]:
    """The answer for a script."""
    return {
        "holds": all(finding.holds for finding in findings),
        "promises": [asdict(finding) for finding in findings],
    }
