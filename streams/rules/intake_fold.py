"""How an order changes with what its channel says of it and what people command.

Channel payloads are facts: never refused, and whatever order they arrive in, the order ends up
the same. Commands may be refused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from schemas.intake import Hold, HoldReason
from streams.rules.intake import WAIVABLE, Verdict
from streams.rules.intake_order import (
    Cause,
    Order,
    Step,
    tell_cancel_requested,
    tell_content,
    tell_decided,
    tell_held,
    tell_packages,
    tell_received_back,
    tell_released,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from schemas.intake import Decision, ReceivedParcel
    from services.channels.contact import ContactProblem
    from services.channels.neutral import Platform, WantedOrder
    from streams.rules.intake import Problem

INTAKE: Final = "intake"
"""Who set the holds that a check made."""
MOST_HOLDS: Final = 20


@dataclass(frozen=True, slots=True)
class No:
    """A command that is not carried out: a stable code and a sentence for the seller."""

    code: str
    reason: str


Judge: TypeAlias = "Callable[[Order, frozenset[str]], Verdict]"
"""Runs the checks on an order's content, letting waived problems pass."""

ENDING: Final = No("cancel_requested", "The order is being cancelled: nothing of it can change.")
PACKED: Final = No("already_packed", "Packing has begun: the order can only be cancelled.")
NOT_PACKED: Final = No("not_packed", "Nothing of the order was packed, so nothing can come back.")
NOT_SENT: Final = No("not_packed", "Nothing of the order was packed: no parcel is on its way.")
HELD_BY_OPS: Final = No("held_by_ops", "Operations hold this order: only they can release it.")
TOO_MANY_HOLDS: Final = No("too_many_holds", f"An order has at most {MOST_HOLDS} holds.")
OTHER_PARCEL: Final = No("other_parcel", "The parcel is not one of this order.")
OTHER_ORDER: Final = No("other_order", "The new content names another order.")


def change(
    order: Order, wanted: WantedOrder, contact_problems: tuple[ContactProblem, ...]
) -> Order:
    """The order with new content that nobody was told of yet."""
    return replace(order, wanted=wanted, contact_problems=contact_problems, untold=True)


def look(order: Order, cause: Cause, judge: Judge, *, releasing: bool = False) -> Step:
    """Check the content and tell: held, or let go and placed or amended, or nothing new."""
    if order.cancel_requested:
        return Step(order)
    # What was told passed the checks then; later changes of the registry do not rewrite it.
    verdict = judge(order, order.waived) if order.untold else Verdict(())
    holds = (*set_by_people(order), *set_by_checks(order, verdict.problems))
    if holds:
        return Step(order) if holds == order.holds else tell_held(order, holds, cause)
    steps = [Step(order)]
    if order.holds or releasing:
        steps.append(tell_released(steps[-1].order, cause))
    if order.untold:
        steps.append(tell_content(steps[-1].order, verdict, cause))
    return Step(steps[-1].order, tuple(event for step in steps for event in step.events))


def hold(order: Order, cause: Cause) -> Step | No:
    """Somebody wants the order to wait."""
    if order.cancel_requested:
        return ENDING
    if len(order.holds) >= MOST_HOLDS:
        return TOO_MANY_HOLDS
    reason = HoldReason.CHANNEL_HOLD if cause.by.startswith("channel:") else HoldReason.OPS
    new = Hold(reason=reason, detail=cause.why, by=cause.by, since=cause.at)
    return tell_held(order, (*set_by_people(order), new, *_set_by_intake(order)), cause)


def release(order: Order, cause: Cause, judge: Judge) -> Step | No:
    """Somebody takes responsibility: people's holds go, and problems that may be waived pass."""
    if order.cancel_requested:
        return ENDING
    by_ops = any(one.by.startswith("ops:") for one in order.holds)
    if by_ops and not cause.by.startswith("ops:"):
        return HELD_BY_OPS
    problems = judge(order, frozenset()).problems if order.untold else ()
    stuck = [problem.detail for problem in problems if problem.reason not in WAIVABLE]
    if stuck:
        return No("not_mended", " ".join(("An amendment is needed first.", *stuck)))
    waived = order.waived | {problem.name for problem in problems}
    order = replace(order, holds=_set_by_intake(order), waived=waived)
    return look(order, cause, judge, releasing=True)


def amend(
    order: Order,
    wanted: WantedOrder,
    contact_problems: tuple[ContactProblem, ...],
    cause: Cause,
    judge: Judge,
    *,
    packed: bool,
) -> Step | No:
    """Somebody replaces the content; the channel's next payload would replace it again."""
    if order.cancel_requested:
        return ENDING
    if packed:
        return PACKED
    if (wanted.channel, wanted.channel_order_no) != (order.channel, order.number):
        return OTHER_ORDER
    return look(change(order, wanted, contact_problems), cause, judge)


def name_packages(order: Order, before: Platform | None, said: Platform, cause: Cause) -> Step:
    """A platform's package numbers are facts: they are taken even of an order that is packed."""
    newest = before if before is not None and before.as_of > said.as_of else said
    wanted = order.wanted.model_copy(update={"platform": newest})
    order = replace(order, wanted=wanted)
    if newest.packages == (before.packages if before else ()):
        return Step(order)
    return tell_packages(order, cause)


def cancel(order: Order, cause: Cause) -> Step:
    """Somebody wants the order ended; the status stage decides what is still possible."""
    return tell_cancel_requested(order, cause)


def receive_back(
    order: Order, cause: Cause, parcels: tuple[ReceivedParcel, ...] = (), *, packed: bool
) -> Step | No:
    """Somebody has the goods back in their hands: these parcels, or all that came back."""
    if any(not one.parcel_id.startswith(f"{order.order_id}/") for one in parcels):
        return OTHER_PARCEL
    return tell_received_back(order, cause, parcels) if packed else NOT_PACKED


def decide(
    order: Order, cause: Cause, decision: Decision, parcel_id: str | None, *, packed: bool
) -> Step | No:
    """Somebody decides what becomes of a parcel that could not be delivered; booking knows more."""
    if order.cancel_requested and decision == "redeliver":
        return ENDING
    if not packed:
        return NOT_SENT
    if parcel_id is not None and not parcel_id.startswith(f"{order.order_id}/"):
        return OTHER_PARCEL
    return tell_decided(order, decision, parcel_id, cause)


def set_by_people(order: Order) -> tuple[Hold, ...]:
    """The holds that somebody set and somebody must release."""
    return tuple(one for one in order.holds if one.by != INTAKE)


def set_by_checks(order: Order, problems: tuple[Problem, ...]) -> tuple[Hold, ...]:
    """A hold for each problem, since the content that has it."""
    return tuple(
        Hold(reason=problem.reason, detail=problem.detail, by=INTAKE, since=order.wanted.at)
        for problem in problems
    )


def _set_by_intake(order: Order) -> tuple[Hold, ...]:
    return tuple(one for one in order.holds if one.by == INTAKE)
