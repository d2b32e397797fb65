"""A parcel's life as GHN tells it (ghn_status.csv, ghn_reason.csv)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.sandbox.plans import MOST_ATTEMPTS, NEXT_DAY_H, Step, hours

if TYPE_CHECKING:
    import random

    from services.sandbox.options import Lives

PICKUP_FAILED: Final = ("GHN-PFA1A0", "GHN-PFA2A1", "GHN-PFA2A3", "GHN-PFA3A2")
ABSENT: Final = ("GHN-DFC1A0", "GHN-DFC1A2", "GHN-DFC1A4")
GIVEN_UP: Final = ("GHN-DCD0A8", "GHN-DCD1A1", "GHN-DCD1A5", "GHN-DFC1A7")
RETURN_FAILED: Final = ("GHN-RFE0A0", "GHN-RFE0A6")
UNKNOWN: Final = "sorting_again"
WINDOW_H: Final = 24.0
"""So long the seller may still ask for another delivery."""
PARTLY: Final = "part"
LEG: Final = "PR"
"""Suffix of the number a part comes back under: nobody says how GHN makes it."""


def ghn_plan(chance: random.Random, lives: Lives) -> list[Step]:
    """From the order to delivered, returned, cancel, lost or damage."""
    steps = [Step(0.05, "ready_to_pick"), Step(hours(chance, 0.5, 2), "picking")]
    if chance.random() < lives.carrier_cancels:
        return [*steps, Step(hours(chance, 1, 4), "cancel")]
    if chance.random() < lives.pickup_failed:
        failed = Step(hours(chance, 1, 4), "ready_to_pick", chance.choice(PICKUP_FAILED))
        steps += [failed, Step(NEXT_DAY_H, "picking")]
    steps += [Step(hours(chance, 1, 4), "money_collect_picking"), Step(0.2, "picked")]
    steps += [Step(hours(chance, 1, 4), "storing"), Step(hours(chance, 1, 3), "sorting")]
    steps += [Step(hours(chance, 4, 16), "transporting"), Step(hours(chance, 1, 4), "storing")]
    if chance.random() < lives.amended:
        steps.append(Step(0.5, "Update_weight", moves=False))
    if chance.random() < lives.unknown_code:
        steps.append(Step(0.5, UNKNOWN))
    if chance.random() < lives.lost:
        steps.append(Step(1, "exception"))
        return [*steps, Step(hours(chance, 24, 72), chance.choice(("lost", "damage")))]
    return [*steps, *_delivery(chance, lives)]


def _delivery(chance: random.Random, lives: Lives) -> list[Step]:
    steps: list[Step] = []
    if chance.random() < lives.returned:
        for reason in (chance.choice(ABSENT), chance.choice(ABSENT), chance.choice(GIVEN_UP)):
            steps += [Step(NEXT_DAY_H, "delivering"), Step(3, "delivery_fail", reason)]
        return [*steps, Step(1, "waiting_to_return", reason), *ghn_return(chance, WINDOW_H)]
    steps = [Step(hours(chance, 3, 12), "delivering")]
    for _attempt in range(MOST_ATTEMPTS - 1):
        if chance.random() < lives.failed_attempt:
            steps += [Step(hours(chance, 2, 6), "delivery_fail", chance.choice(ABSENT))]
            steps += [Step(1, "storing"), Step(NEXT_DAY_H, "delivering")]
    steps.append(Step(hours(chance, 1, 5), "money_collect_delivering"))
    if chance.random() < lives.partial:
        home = [Step(hours(chance, 4, 24), code, leg=LEG) for code in ("storing", "returning")]
        partly = [Step(0.2, "delivered", PARTLY), *home, Step(6, "returned", leg=LEG)]
        return [*steps, *partly, paid_out(chance)]
    return [*steps, Step(0.2, "delivered"), paid_out(chance)]


def paid_out(chance: random.Random) -> Step:
    """The COD's payout: a field of some later webhook."""
    return Step(hours(chance, 24, 48), "Update_fee", moves=False)


def ghn_return(chance: random.Random, after_h: float = 1.0) -> list[Step]:
    """From the return's start to the seller's door, at the second try now and then."""
    steps = [Step(after_h, "return"), Step(hours(chance, 4, 12), "return_transporting")]
    steps += [Step(hours(chance, 4, 12), "return_sorting"), Step(hours(chance, 2, 8), "returning")]
    if chance.random() < 1 / 4:
        steps += [Step(3, "return_fail", chance.choice(RETURN_FAILED))]
        steps += [Step(NEXT_DAY_H, "returning")]
    return [*steps, Step(hours(chance, 1, 5), "returned")]


def ghn_redelivery(chance: random.Random) -> list[Step]:
    """The seller asked for another attempt, and it works."""
    steps = [Step(0.1, "storing"), Step(hours(chance, 4, 16), "delivering")]
    return [*steps, Step(hours(chance, 2, 6), "delivered"), paid_out(chance)]
