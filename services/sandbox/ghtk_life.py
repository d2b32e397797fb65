"""A parcel's life as GHTK tells it (ghtk_status.csv, ghtk_reason.csv), couriers' messages included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.sandbox.plans import MOST_ATTEMPTS, NEXT_DAY_H, Step, hours

if TYPE_CHECKING:
    import random

    from services.sandbox.options import Lives

PICKUP_LATER: Final = ("100", "101", "102", "105")
DELIVERED_LATER: Final = ("120", "121", "122", "123", "126", "127", "128")
GIVEN_UP: Final = ("130", "131", "132")
RETURNED_LATER: Final = ("140", "142")
UNKNOWN: Final = "99"
PARTLY: Final = "part"
COURIER_SAYS: Final = 1 / 2
"""How often the courier's own message comes before the firm status."""


def ghtk_plan(chance: random.Random, lives: Lives) -> list[Step]:
    """From the order to 5 and 6, 21 and 11, 13 or -1."""
    steps = [Step(0.1, "2"), Step(hours(chance, 0.5, 2), "12")]
    if chance.random() < lives.carrier_cancels:
        return [*steps, Step(hours(chance, 1, 4), "-1")]
    if chance.random() < lives.pickup_failed:
        reason = chance.choice(PICKUP_LATER)
        steps += [Step(hours(chance, 1, 4), "128", reason), Step(1, "8", reason)]
        steps += [Step(NEXT_DAY_H, "12")]
    steps += [Step(hours(chance, 1, 4), "123"), Step(hours(chance, 1, 4), "3")]
    if chance.random() < lives.unknown_code:
        steps.append(Step(0.5, UNKNOWN))
    if chance.random() < lives.lost:
        return [*steps, Step(hours(chance, 48, 96), "13")]
    return [*steps, *_delivery(chance, lives)]


def _delivery(chance: random.Random, lives: Lives) -> list[Step]:
    steps = [Step(hours(chance, 8, 30), "4")]
    if chance.random() < lives.returned:
        later, reason = chance.choice(DELIVERED_LATER), chance.choice(GIVEN_UP)
        steps += [Step(3, "410", later), Step(1, "10", later), Step(NEXT_DAY_H, "4")]
        steps += [Step(3, "49", reason), Step(1, "9", reason)]
        return [*steps, *_return(chance)]
    for _attempt in range(MOST_ATTEMPTS - 1):
        if chance.random() < lives.failed_attempt:
            later = chance.choice(DELIVERED_LATER)
            steps += [Step(hours(chance, 2, 6), "10", later), Step(NEXT_DAY_H, "4")]
    partly = PARTLY if chance.random() < lives.partial else None
    if chance.random() < COURIER_SAYS:
        steps.append(Step(hours(chance, 1, 5), "45", partly))
    steps.append(Step(hours(chance, 1, 3), "5", partly))
    if partly:
        steps += [Step(NEXT_DAY_H, "20"), Step(NEXT_DAY_H, "21")]
    return [*steps, Step(hours(chance, 24, 72), "6")]


def _return(chance: random.Random) -> list[Step]:
    steps = [Step(hours(chance, 12, 30), "20")]
    if chance.random() < 1 / 4:
        steps.append(Step(3, "20", chance.choice(RETURNED_LATER)))
    return [*steps, Step(hours(chance, 4, 20), "21"), Step(hours(chance, 24, 72), "11")]
