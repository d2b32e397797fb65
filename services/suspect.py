"""Numbers that look wrong: told of and counted, never refused. A carrier's fact stays a fact."""

from __future__ import annotations

from typing import Final

import structlog

from schemas.s10 import NotS10, read_s10
from services.telemetry import SUSPECT_NUMBERS

log = structlog.get_logger()

USES_S10: Final = frozenset({"ems"})
"""Carriers known to number their parcels by S10; the numbers of others have forms of their own."""


def suspicion(carrier: str, number: str) -> str | None:
    """What is wrong with a number of this carrier; None if nothing is, or nobody can say."""
    if carrier not in USES_S10:
        return None
    try:
        read_s10(number)
    except NotS10 as wrong:
        return str(wrong)
    return None


def look_at(carrier: str, number: str) -> None:
    """Warn of a number that looks wrong."""
    if why := suspicion(carrier, number):
        SUSPECT_NUMBERS.labels(carrier).inc()
        log.warning("number_suspected", carrier=carrier, tracking_no=number, why=why)
