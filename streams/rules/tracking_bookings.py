"""Which booking an event belongs to (R11): numbers are recycled, references are not.

The answer depends only on the set of events and bookings, never on which came first.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from streams.rules.tracking import on_return_leg

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from services.reference.status_map import StatusMap
    from streams.rules.tracking import Scan

EARLY_S: Final = 3600
"""A carrier's first scan may be stamped this much before our booking (its clock, our clock)."""
RIVALS_S: Final = 30 * 86_400
"""Bookings of one number closer than this cannot be told apart by time: S10 numbers rest a year."""


class Claim(NamedTuple):
    """A booking's claim on a number, from `booked_at` (Unix seconds) on."""

    reference: str
    waybill: str
    booked_at: int


class Sighting(NamedTuple):
    """An event of a number; `reference` where it names ours. `voids`: it ends that booking."""

    waybill: str
    reference: str | None
    scan: Scan
    voids: bool = False


@dataclass(slots=True)
class Shares:
    """What belongs to whom: scans by booking reference, and those that wait, by number."""

    scans: dict[str, list[Scan]] = field(default_factory=lambda: defaultdict(list))
    unknown: dict[str, list[Scan]] = field(default_factory=lambda: defaultdict(list))
    ambiguous: dict[str, list[Scan]] = field(default_factory=lambda: defaultdict(list))


def read_legs(
    claims: Iterable[Claim], sightings: Sequence[Sighting], meanings: StatusMap
) -> list[Sighting]:
    """The events, those of a leg back read as such (R12) whether or not each says so itself.

    A leg is a number that was never booked and that some event marks as the way back: a carrier
    may name it once, and then tell of it as of any parcel (GHN's PartialReturnCode).
    """
    booked = {claim.waybill for claim in claims}
    legs = {one.waybill: one.scan.return_no for one in sightings if one.scan.return_no}
    return [
        sighting._replace(scan=_on_the_way_back(sighting.scan, legs[sighting.waybill], meanings))
        if sighting.waybill in legs and sighting.waybill not in booked
        else sighting
        for sighting in sightings
    ]


def _on_the_way_back(scan: Scan, return_no: str | None, meanings: StatusMap) -> Scan:
    number = scan.return_no or return_no
    return scan._replace(meaning=on_return_leg(scan.meaning, meanings), return_no=number)


def share_out(claims: Sequence[Claim], sightings: Sequence[Sighting]) -> Shares:
    """Give every event to the booking it names, else to its number's, else let it wait.

    A number without a booking that was named with one reference belongs to that booking: so a
    waybill number that nobody told us is learned.
    """
    booked = {claim.reference for claim in claims}
    voided = {sighting.reference for sighting in sightings if sighting.voids}
    of_number: dict[str, list[Claim]] = defaultdict(list)
    for claim in sorted(claims, key=lambda claim: (claim.booked_at, claim.reference)):
        of_number[claim.waybill].append(claim)
    named: dict[str, set[str]] = defaultdict(set)
    for sighting in sightings:
        if sighting.reference in booked:
            named[sighting.waybill].add(sighting.reference)
    shares = Shares()
    for sighting in sightings:
        waybill, scan = sighting.waybill, sighting.scan
        if sighting.reference in booked:
            shares.scans[sighting.reference].append(scan)
        elif own := of_number.get(waybill):
            owner = _by_time(own, scan.at, voided)
            (shares.ambiguous[waybill] if owner is None else shares.scans[owner]).append(scan)
        elif len(named[waybill]) == 1:
            shares.scans[min(named[waybill])].append(scan)
        elif named[waybill]:
            shares.ambiguous[waybill].append(scan)
        else:
            shares.unknown[waybill].append(scan)
    return shares


def _by_time(claims: Sequence[Claim], at: int, voided: Iterable[str | None]) -> str | None:
    """The newest booking that was made when the event happened; None if two are too close."""
    made = [claim for claim in claims if claim.booked_at <= at + EARLY_S]
    newest = made[-1] if made else claims[0]
    close = [claim for claim in claims if abs(claim.booked_at - newest.booked_at) < RIVALS_S]
    live = [claim for claim in close if claim.reference not in voided]
    if len(live) == 1:
        return live[0].reference
    return newest.reference if not live else None
