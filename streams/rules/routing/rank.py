"""Which of the possible services is best: signals in their order, the first that is no tie wins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schemas.place import vietnam_date
from streams.rules.promise import end_of
from streams.rules.routing.options import ONE_DAY
from streams.rules.routing.record import Ranked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from services.reference.rule_book import RuleBook
    from streams.rules.routing.options import Case, Option

SIGNALS: Final[tuple[tuple[str, Callable[[Ranked], int | str]], ...]] = (
    ("deadline_met", lambda one: not one.deadline_met),
    ("promise_met", lambda one: not one.promise_met),
    ("cheapest", lambda one: one.candidate.price_vnd),
    ("fewest_parcels", lambda one: one.parcels),
    ("carrier_id", lambda one: one.candidate.carrier),
    ("service_code", lambda one: one.candidate.service),
)
"""Name and value of each signal; less is better. The last two only make ties impossible."""

ONLY_ONE: Final = "only_one"


def judged(case: Case, option: Option, book: RuleBook) -> Ranked:
    """An option with what its rank depends on.

    A deadline is met where even the end of the promised day is in time, a promise where the
    programme's days for the zone are kept.
    """
    promised = vietnam_date(case.moment) + book.promise_days[option.zone] * ONE_DAY
    deadline = option.deadline
    return Ranked(
        candidate=option.candidate,
        parcels=len(option.loads),
        handover_by=option.handover_by,
        arrives_at=option.arrives_at,
        deadline=deadline,
        deadline_met=deadline is None or end_of(option.promised_on) <= deadline,
        promise_met=option.promised_on <= promised,
    )


def rank(options: Iterable[Ranked]) -> tuple[Ranked, ...]:
    """The options, best first."""
    return tuple(sorted(options, key=lambda one: [value(one) for _, value in SIGNALS]))


def won_by(ranked: Sequence[Ranked]) -> str | None:
    """The signal that put the first before the second; `only_one` where there is no second."""
    match ranked:
        case []:
            return None
        case [_]:
            return ONLY_ONE
        case [first, second, *_]:
            return next(name for name, value in SIGNALS if value(first) != value(second))
    return None
