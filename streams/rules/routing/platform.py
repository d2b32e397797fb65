"""Shipments a marketplace carries itself: fixed by the channel, so nothing is weighed or chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schemas.intake import LOGISTICS
from schemas.place import vietnam_date
from schemas.routing import Candidate
from streams.rules.routing.options import ONE_DAY
from streams.rules.routing.record import Ranked

if TYPE_CHECKING:
    from schemas.intake import PlatformShipping
    from services.reference.rule_book import RuleBook
    from streams.rules.routing.options import Case

FIXED: Final = "fixed_by_channel"
"""What decided, in the record of the decision."""
UNKNOWN_ZONE: Final = "unknown"
HOURS: Final = 24


def by_platform(platform: PlatformShipping, case: Case, weight_g: int, book: RuleBook) -> Ranked:
    """The one possibility there is.

    What it costs is between the platform and the seller: 0 here. Handed over by the platform's own
    time, else as soon as the goods are packed; promised in the programme's days for the zone.
    """
    zone = book.zone(case.origin.place, case.destination)
    days = book.promise_days[zone] if zone else max(book.promise_days.values())
    handover_by = platform.ship_by or case.ready_at or case.moment + ONE_DAY
    arrives_at = handover_by + days * ONE_DAY
    candidate = Candidate(
        carrier=platform.carrier,
        api=LOGISTICS,
        service=LOGISTICS,
        zone=str(zone) if zone else UNKNOWN_ZONE,
        charged_weight_g=weight_g,
        price_vnd=0,
        tariff="channel",
        transit_h_from=HOURS,
        transit_h_to=max(1, days) * HOURS,
        promised_on=vietnam_date(arrives_at),
    )
    return Ranked(
        candidate=candidate,
        parcels=1,
        handover_by=handover_by,
        arrives_at=arrives_at,
        deadline=None,
        deadline_met=True,
        promise_met=True,
    )
