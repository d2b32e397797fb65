"""A parcel's life at EMS and at the older Vietnam Post interface: codes and the hours between.

Codes are those of ems_status.csv, vnpost_legacy_status.csv and emsevt.csv. EMS's own list is known
in part only: a parcel there ends with EMSEVT codes, and none comes back, since neither list has a
code for that. The unknown codes stand for those nobody told us.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from services.sandbox.plans import MOST_ATTEMPTS, NEXT_DAY_H, Step, hours

if TYPE_CHECKING:
    import random

    from services.sandbox.options import Lives

EMS_UNKNOWN: Final = "3"
LEGACY_UNKNOWN: Final = "80"
TO_HANDS: Final = "11000"
CAUSES: Final = (1, 2, 3)
"""CauseCodes of the older interface: their meanings are not known, so these are invented."""


def ems_plan(chance: random.Random, lives: Lives) -> list[Step]:
    """From the order to EMI, the final delivery."""
    steps = [Step(0.2, "2"), Step(hours(chance, 2, 9), "4"), Step(hours(chance, 4, 12), "4")]
    if chance.random() < lives.unknown_code:
        steps.append(Step(0.5, EMS_UNKNOWN))
    steps += [Step(hours(chance, 6, 18), "4"), Step(hours(chance, 2, 8), TO_HANDS)]
    for _again in range(_failures(chance, lives)):
        steps += [Step(hours(chance, 2, 6), "EMH"), Step(NEXT_DAY_H, TO_HANDS)]
    return [*steps, Step(hours(chance, 1, 6), "EMI")]


def ems_plan_abroad(chance: random.Random, lives: Lives) -> list[Step]:
    """From the order through two offices of exchange to EMI, or to EDX where it is sent back.

    EMSEVT has no code for the way back: the sender says that it has arrived.
    """
    steps = [Step(0.2, "2"), Step(hours(chance, 2, 9), "EMA"), Step(hours(chance, 10, 30), "EMB")]
    steps += [Step(hours(chance, 1, 4), "EXA"), Step(hours(chance, 3, 20), "EXC")]
    steps += [Step(hours(chance, 4, 24), "EMC"), Step(hours(chance, 14, 60), "EMD")]
    steps.append(Step(hours(chance, 1, 6), "EDB"))
    if chance.random() < lives.customs_hold:
        steps.append(Step(hours(chance, 2, 12), "EME"))
    if chance.random() < lives.returned:
        return [*steps, Step(hours(chance, 48, 120), "EDX", returning=True)]
    steps += [Step(hours(chance, 4, 48), "EDC"), Step(hours(chance, 1, 6), "EMF")]
    steps += [Step(hours(chance, 6, 30), "EMG"), Step(hours(chance, 2, 10), "EDG")]
    for _again in range(_failures(chance, lives)):
        steps += [Step(hours(chance, 2, 6), "EMH"), Step(NEXT_DAY_H, "EDG")]
    if chance.random() < lives.counter_pickup:
        steps.append(Step(hours(chance, 2, 6), "EDH"))
    return [*steps, Step(hours(chance, 1, 6), "EMI")]


def legacy_plan(chance: random.Random, lives: Lives) -> list[Step]:
    """From the order to 100 or 170, or 60 when nobody came to collect; the cash follows."""
    steps = [Step(0.2, "20")]
    if chance.random() < lives.carrier_cancels:
        return [*steps, Step(hours(chance, 1, 4), "61"), Step(1, "62"), Step(1, "60")]
    steps.append(Step(hours(chance, 3, 12), "70"))
    if chance.random() < lives.unknown_code:
        steps.append(Step(0.5, LEGACY_UNKNOWN))
    if chance.random() < lives.returned + lives.lost:
        steps += [_failed(chance, 20, 48), _failed(chance, NEXT_DAY_H, 30)]
        if chance.random() < lives.failed_attempt:
            steps.append(Step(hours(chance, 20, 40), "161", returning=True))
        return [*steps, Step(hours(chance, 12, 48), "170", returning=True)]
    steps += [_failed(chance, 20, 48) for _again in range(_failures(chance, lives))]
    steps.append(Step(hours(chance, 18, 48), "100"))
    return [*steps, Step(hours(chance, 4, 12), "110"), Step(hours(chance, 24, 72), "120")]


def _failed(chance: random.Random, least: float, most: float) -> Step:
    return Step(hours(chance, least, most), "91", chance.choice(CAUSES))


def _failures(chance: random.Random, lives: Lives) -> int:
    """How many attempts fail before one does not."""
    failed = 0
    while failed < MOST_ATTEMPTS - 1 and chance.random() < lives.failed_attempt:
        failed += 1
    return failed
