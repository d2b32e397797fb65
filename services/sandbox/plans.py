"""A parcel's life as its carrier will tell it: codes, reasons and the hours between them.

Codes are those of viettelpost_status.csv, viettelpost_reason.csv and vnpost_status.csv.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

    from services.sandbox.options import Lives


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens `after_h` hours after the one before it."""

    after_h: float
    code: str
    reason: int | str | None = None
    returning: bool = False
    leg: str = ""
    """Suffix of the waybill on a return leg."""
    moves: bool = True
    """False: told, but the parcel stays where it was."""


ABSENT: Final = (35, 36, 37)
GIVEN_UP: Final = (23, 27, 30, 31, 32, 46, 47)
NEXT_DAY_H: Final = 20.0
MOST_ATTEMPTS: Final = 3
VIETTELPOST_UNKNOWN: Final = "570"
VNPOST_UNKNOWN: Final = "101"


def viettelpost_plan(chance: random.Random, lives: Lives) -> list[Step]:
    """From the order to 501, 503, 504 or 101."""
    steps = [Step(0.2, "103"), Step(hours(chance, 0.5, 2), "104")]
    if chance.random() < lives.carrier_cancels:
        return [*steps, Step(hours(chance, 1, 4), "101")]
    if chance.random() < lives.pickup_failed:
        steps += [Step(hours(chance, 1, 4), "102"), Step(NEXT_DAY_H, "104")]
    steps += [Step(hours(chance, 2, 8), "105"), Step(hours(chance, 1, 3), "200")]
    steps += [Step(hours(chance, 2, 6), "300"), Step(hours(chance, 6, 18), "400")]
    if chance.random() < lives.amended:
        steps.append(Step(0.5, "202"))
    if chance.random() < lives.unknown_code:
        steps.append(Step(0.5, VIETTELPOST_UNKNOWN))
    if chance.random() < lives.lost:
        return [*steps, Step(hours(chance, 24, 72), "503")]
    return [*steps, *_viettelpost_delivery(chance, lives)]


def _viettelpost_delivery(chance: random.Random, lives: Lives) -> list[Step]:
    steps = [Step(hours(chance, 3, 12), "500")]
    if chance.random() < lives.returned:
        steps += [Step(hours(chance, 2, 6), "506", chance.choice(ABSENT))]
        steps += [Step(NEXT_DAY_H, "500"), Step(hours(chance, 2, 6), "506", 36)]
        steps += [Step(1, "505", chance.choice(GIVEN_UP)), Step(NEXT_DAY_H, "515")]
        return steps + viettelpost_return(chance)
    for again in _failed_attempts(chance, lives):
        steps += [Step(hours(chance, 2, 6), "506", chance.choice(ABSENT))]
        steps += [Step(NEXT_DAY_H, "508" if again else "500")]
    if chance.random() < lives.counter_pickup:
        steps += [Step(2, "507", 38)]
    return [*steps, Step(hours(chance, 1, 6), "501")]


def viettelpost_return(chance: random.Random) -> list[Step]:
    """From the approved return to the seller's door; the waybill gets the suffix 1P1."""
    leg = {"returning": True, "leg": "1P1"}
    home = [Step(hours(chance, 1, 4), "502"), Step(hours(chance, 4, 12), "300")]
    home += [Step(hours(chance, 8, 24), "400"), Step(hours(chance, 3, 12), "504")]
    return [replace(step, **leg) for step in home]  # type: ignore[arg-type]


def viettelpost_redelivery(chance: random.Random) -> list[Step]:
    """The seller asked for another attempt, and it works."""
    return [Step(hours(chance, 4, 16), "508"), Step(hours(chance, 2, 6), "501")]


def vnpost_plan(chance: random.Random, lives: Lives) -> list[Step]:
    """From the order to 14, 19 or 20, or 9 when nobody came to collect."""
    steps = [Step(0.2, "2"), Step(hours(chance, 0.5, 2), "4")]
    if chance.random() < lives.carrier_cancels:
        return [*steps, Step(hours(chance, 1, 4), "5"), Step(1, "9")]
    if chance.random() < lives.pickup_failed:
        steps += [Step(hours(chance, 1, 4), "5"), Step(NEXT_DAY_H, "4")]
    steps += [Step(hours(chance, 2, 8), "6"), Step(hours(chance, 1, 3), "7")]
    steps += [Step(hours(chance, 4, 10), "10"), Step(hours(chance, 8, 20), "11")]
    if chance.random() < lives.amended:
        steps += [Step(1, "13"), Step(4, "11")]
    if chance.random() < lives.unknown_code:
        steps.append(Step(0.5, VNPOST_UNKNOWN))
    return [*steps, *_vnpost_delivery(chance, lives)]


def _vnpost_delivery(chance: random.Random, lives: Lives) -> list[Step]:
    steps = [Step(hours(chance, 3, 12), "12")]
    if chance.random() < lives.returned + lives.lost:
        steps += [Step(hours(chance, 2, 6), "15"), Step(NEXT_DAY_H, "12")]
        steps += [Step(hours(chance, 2, 6), "15"), Step(1, "16"), Step(NEXT_DAY_H, "17")]
        return steps + vnpost_return(chance)
    for _again in _failed_attempts(chance, lives):
        steps += [Step(hours(chance, 2, 6), "15"), Step(NEXT_DAY_H, "12")]
    if chance.random() < lives.partial:
        return [*steps, Step(3, "23"), Step(6, "24"), Step(hours(chance, 12, 36), "20")]
    return [*steps, Step(hours(chance, 1, 6), "14")]


def vnpost_return(chance: random.Random) -> list[Step]:
    """From the approved return to the seller's door."""
    return [
        Step(hours(chance, 1, 4), "18"),
        Step(hours(chance, 8, 24), "24"),
        Step(hours(chance, 8, 24), "19"),
    ]


def _failed_attempts(chance: random.Random, lives: Lives) -> Sequence[bool]:
    """One entry an attempt that fails; True where the next one is ordered as a redelivery."""
    failed: list[bool] = []
    while len(failed) < MOST_ATTEMPTS - 1 and chance.random() < lives.failed_attempt:
        failed.append(chance.random() < 1 / 2)
    return failed


def hours(chance: random.Random, least: float, most: float) -> float:
    """Some hours, to the second."""
    return round(chance.uniform(least, most) * 3600) / 3600
