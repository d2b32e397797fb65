"""What came of one case of an exam, in words a partner's engineer can act on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """How a case ended."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_OFFERED = "not offered"
    """The protocol has no call for it: nothing to pass or fail."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One case. `case` is a sentence that is true if it passed; `advice` is for when it is not."""

    case: str
    outcome: Outcome
    seen: str
    advice: str = ""


def passed(case: str, seen: str) -> Verdict:
    """As it should be."""
    return Verdict(case, Outcome.PASSED, seen)


def failed(case: str, seen: str, advice: str) -> Verdict:
    """Not as it should be, and what to look at."""
    return Verdict(case, Outcome.FAILED, seen, advice)


def not_offered(case: str) -> Verdict:
    """Not part of this protocol."""
    return Verdict(case, Outcome.NOT_OFFERED, "no such call is documented")


def holds(verdicts: list[Verdict]) -> bool:
    """Whether nothing failed."""
    return all(verdict.outcome is not Outcome.FAILED for verdict in verdicts)
