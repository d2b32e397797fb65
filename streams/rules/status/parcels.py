"""Where each parcel of an order stands, from its packing, its bookings and its tracking."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from schemas.status import Fulfilment
from schemas.tracking import TrackingStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streams.rules.status.facts import Booked, Facts, Receipt, Tracked, Unbooked

ADVANCE: Final[dict[Fulfilment, int]] = {
    state: rank
    for rank, state in enumerate(
        (
            Fulfilment.CANCEL_REQUESTED,
            Fulfilment.ON_HOLD,
            Fulfilment.RECEIVED,
            Fulfilment.VALIDATED,
            Fulfilment.ALLOCATED,
            Fulfilment.PACKING,
            Fulfilment.PACKED,
            Fulfilment.LABEL_READY,
            Fulfilment.AWAITING_HANDOVER,
            Fulfilment.HANDED_OVER,
            Fulfilment.DELIVERED,
            Fulfilment.RETURNED_TO_STOCK,
            Fulfilment.CLOSED,
            Fulfilment.CANCELLED,
        )
    )
}
"""How far a state is; an order stands where its least advanced shipment stands."""

BEFORE_CUSTODY: Final = frozenset(
    {
        TrackingStatus.CREATED,
        TrackingStatus.PICKUP_IN_PROGRESS,
        TrackingStatus.PICKUP_FAILED,
        TrackingStatus.CANCELLED,
    }
)
BACKWARDS: Final = frozenset({TrackingStatus.RETURN_PENDING, TrackingStatus.RETURNING})
ENDED: Final = frozenset(
    {TrackingStatus.DELIVERED, TrackingStatus.RETURNED, TrackingStatus.WRITTEN_OFF}
)
OPS: Final = "ops:"


class Parcel(NamedTuple):
    """A parcel and its decisive booking.

    `fulfilment` is packed, label_ready, awaiting_handover, handed_over, delivered or
    returned_to_stock. `unbooked`:
    it is certain that no carrier holds a booking of it nor will: a carrier's own cancellation alone
    is not enough, the next attempt may be on its way. `kept`: the carrier will not void it.
    """

    parcel: str
    fulfilment: Fulfilment
    reference: str | None
    booked: Booked | None
    tracked: Tracked | None
    unbooked: bool
    kept: bool

    @property
    def is_gone(self) -> bool:
        """The carrier took it."""
        return ADVANCE[self.fulfilment] >= ADVANCE[Fulfilment.HANDED_OVER]

    def ended_as(self, *statuses: TrackingStatus) -> bool:
        """The carrier says so for certain."""
        tracked = self.tracked
        return tracked is not None and not tracked["provisional"] and tracked["status"] in statuses


def parcels_of(facts: Facts) -> list[Parcel]:
    """Every parcel any fact speaks of, by name."""
    references: dict[str, list[str]] = {}
    for known in (facts["packed"], facts["voided"], facts["void_refused"]):
        for parcel in known:
            references.setdefault(parcel, [])
    for bookings in (facts["booked"], facts["tracked"], facts["refused"]):
        for reference, booking in bookings.items():
            references.setdefault(booking["parcel"], []).append(reference)
    listed = _listed(facts)
    for parcel, reference in listed:
        references.setdefault(parcel, []).append(reference)
    parcels = [
        _parcel(
            facts, parcel, found, {ref: at for (one, ref), at in listed.items() if one == parcel}
        )
        for parcel, found in sorted(references.items())
    ]
    return _with_goods_back(facts, parcels) if facts["received_back"] else parcels


def attempt_of(reference: str) -> int:
    """The attempt at the end of our booking reference."""
    return int(reference.rpartition("-")[2])


def _listed(facts: Facts) -> dict[tuple[str, str], str | None]:
    """(parcel, reference) on a manifest → when it was signed for; None while it waits."""
    if not facts["manifests"]:
        return {}
    listed: dict[tuple[str, str], str | None] = {}
    for _, manifest in sorted(facts["manifests"].items()):
        for parcel, listing in manifest["parcels"].items():
            name = (parcel, listing["reference"])
            listed[name] = listed.get(name) or listing["at"]
    return listed


def _parcel(
    facts: Facts, parcel: str, references: Iterable[str], listed: Mapping[str, str | None]
) -> Parcel:
    """`listed`: its references on manifests, and when each was signed for."""
    tracking, voided_by = facts["tracked"], facts["voided"].get(parcel)

    def is_signed_for(reference: str) -> bool:
        """The carrier's own word on its booking outweighs the paper."""
        tracked = tracking.get(reference)
        ended = _covers(voided_by, reference) or (tracked and _carrier_cancelled(tracked))
        return listed.get(reference) is not None and not ended

    def custody(reference: str) -> int:
        return 2 if in_custody(tracking.get(reference)) else int(is_signed_for(reference))

    reference = max(set(references), key=lambda one: (custody(one), attempt_of(one)), default=None)
    booked = facts["booked"].get(reference) if reference else None
    tracked = tracking.get(reference) if reference else None
    voided = _covers(voided_by, reference)
    asked = _covers(facts["void_refused"].get(parcel), reference)
    given_up = tracked is not None and _carrier_cancelled(tracked)
    is_live = bool(booked or tracked or reference in listed) and not voided | given_up
    return Parcel(
        parcel=parcel,
        fulfilment=_fulfilment(
            tracked,
            live=is_live,
            listed=reference in listed,
            signed_for=reference is not None and is_signed_for(reference),
        ),
        reference=reference,
        booked=booked,
        tracked=tracked,
        unbooked=voided or (asked and given_up),
        kept=asked and not voided | given_up,
    )


def in_custody(tracked: Tracked | None) -> bool:
    """A firm custody scan is known (taxonomy, section 1): a courier's say-so is not enough."""
    return tracked is not None and (
        tracked["handed_over_at"] is not None
        or (not tracked["provisional"] and tracked["status"] not in BEFORE_CUSTODY)
    )


def _carrier_cancelled(tracked: Tracked) -> bool:
    return (
        tracked["status"] == TrackingStatus.CANCELLED
        and not tracked["provisional"]
        and not in_custody(tracked)
    )


def _covers(answer: Unbooked | None, reference: str | None) -> bool:
    """An answer to a void speaks of its attempt and those before it; without one, of all."""
    if answer is None:
        return False
    told = answer["reference"]
    return told is None or reference is None or attempt_of(told) >= attempt_of(reference)


def _fulfilment(
    tracked: Tracked | None, *, live: bool, listed: bool, signed_for: bool
) -> Fulfilment:
    if tracked is not None and in_custody(tracked):
        return Fulfilment.DELIVERED if _was_delivered(tracked) else Fulfilment.HANDED_OVER
    if signed_for:
        return Fulfilment.HANDED_OVER
    if not live:
        return Fulfilment.PACKED
    return Fulfilment.AWAITING_HANDOVER if listed else Fulfilment.LABEL_READY


def _was_delivered(tracked: Tracked) -> bool:
    """Goods on their way back from the buyer stay delivered until the seller has them."""
    if tracked["status"] == TrackingStatus.DELIVERED and not tracked["provisional"]:
        return True
    returns = tracked["status"] in BACKWARDS or tracked["status"] == TrackingStatus.RETURNED
    return returns and tracked["delivered_at"] is not None


def _with_goods_back(facts: Facts, parcels: list[Parcel]) -> list[Parcel]:
    receipts = facts["received_back"].values()
    back = {one.parcel for receipt in receipts for one in _taken_back(receipt, parcels)}
    return [
        parcel._replace(fulfilment=Fulfilment.RETURNED_TO_STOCK)
        if parcel.parcel in back
        else parcel
        for parcel in parcels
    ]


def _taken_back(receipt: Receipt, parcels: list[Parcel]) -> list[Parcel]:
    """Which parcels a `receive_back` speaks of, if it names none.

    Those the carrier returned, before or since; where it had returned none by then and the whole
    order was delivered by then, all of it. Ops may vouch for any. Otherwise it waits.
    """
    gone = [parcel for parcel in parcels if parcel.is_gone]
    if "parcels" in receipt:
        return [
            one for one in gone if one.parcel in receipt["parcels"] and _may_be_back(receipt, one)
        ]
    returned = [parcel for parcel in gone if parcel.ended_as(TrackingStatus.RETURNED)]
    if any(_time(parcel, "returned_at") <= receipt["at"] for parcel in returned):
        return returned
    by_then = all(_was_settled(parcel, receipt["at"]) for parcel in parcels)
    return gone if by_then or receipt["by"].startswith(OPS) else returned


def _may_be_back(receipt: Receipt, parcel: Parcel) -> bool:
    """The carrier says that it was returned or delivered, or ops vouch for it."""
    ended = parcel.ended_as(TrackingStatus.RETURNED, TrackingStatus.DELIVERED)
    return ended or receipt["by"].startswith(OPS)


def _was_settled(parcel: Parcel, moment: str) -> bool:
    if parcel.ended_as(TrackingStatus.WRITTEN_OFF):
        return True
    was_delivered = parcel.fulfilment is Fulfilment.DELIVERED
    return was_delivered and _time(parcel, "delivered_at") <= moment


def _time(parcel: Parcel, name: Literal["delivered_at", "returned_at"]) -> str:
    """That time as text; what has none (implied) counts as long ago."""
    return (parcel.tracked and parcel.tracked[name]) or ""
