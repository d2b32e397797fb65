"""What a seller reads of a parcel's pace: late and by whom, delayed, stale."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from streams.rules.lateness import put_down_to

if TYPE_CHECKING:
    from streams.rules.status.facts import Facts
    from streams.rules.status.parcels import Parcel

SHOWN: Final = ("late", "delayed", "stale")
"""The flags that concern a seller; what is odd about a log concerns ops."""


def pace_of(parcel: Parcel) -> tuple[str, ...]:
    """Its flags, in their order."""
    flags = parcel.tracked.get("flags", ()) if parcel.tracked else ()
    return tuple(flag for flag in SHOWN if flag in flags)


def late_by(facts: Facts, parcel: Parcel) -> str | None:
    """Who is late with the parcel; None if nobody is."""
    tracked = parcel.tracked
    if tracked is None or "late" not in pace_of(parcel):
        return None
    return put_down_to(
        _taken_at(facts, parcel), _handover_by(facts, parcel), tracked.get("postponed_by")
    )


def _taken_at(facts: Facts, parcel: Parcel) -> datetime | None:
    """The first proof that the carrier has it: a scan, or the courier's signature."""
    scanned = parcel.tracked["handed_over_at"] if parcel.tracked else None
    signed = [
        listing["at"]
        for manifest in facts["manifests"].values()
        for name, listing in manifest["parcels"].items()
        if name == parcel.parcel and listing["reference"] == parcel.reference
    ]
    times = [datetime.fromisoformat(at) for at in (scanned, *signed) if at is not None]
    return min(times, default=None)


def _handover_by(facts: Facts, parcel: Parcel) -> datetime | None:
    """When its seller was to hand it over; None where the routing that said so is older."""
    shipment = parcel.parcel.rpartition("/")[0]
    for route in facts["routing"]["shipments"] if facts["routing"] else ():
        by = route.get("handover_by")
        if route["shipment"] == shipment and by is not None:
            return datetime.fromisoformat(by)
    return None
