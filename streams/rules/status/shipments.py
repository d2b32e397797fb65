"""Where each shipment stands: the fulfilment axis, moved by facts and by the wish to cancel."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from schemas.status import Fulfilment
from schemas.tracking import TrackingStatus
from streams.rules.status.parcels import ADVANCE, Parcel, parcels_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streams.rules.status.facts import Facts

    Transitions: TypeAlias = Mapping[Fulfilment, frozenset[Fulfilment]]


class Shipment(NamedTuple):
    """A shipment; before routing the whole order stands as one without a name.

    `reached`: how far its goods are, holds and cancellation apart. `fulfilment`: its state.
    """

    shipment: str | None
    reached: Fulfilment
    fulfilment: Fulfilment
    parcels: tuple[Parcel, ...]


def least_advanced(states: Iterable[Fulfilment]) -> Fulfilment:
    """The state that is least far. Raises ValueError without any."""
    return min(states, key=ADVANCE.__getitem__)


def shipments_of(facts: Facts, transitions: Transitions) -> list[Shipment]:
    """Every shipment of the order with its state; never empty."""
    parcels: dict[str, list[Parcel]] = {name: [] for name in _named(facts)}
    for parcel in parcels_of(facts):
        parcels.setdefault(parcel.parcel.rpartition("/")[0], []).append(parcel)
    if not parcels:
        reached = Fulfilment.VALIDATED if facts["content"] else Fulfilment.RECEIVED
        return [Shipment(None, reached, _state(facts, transitions, reached, ()), ())]
    shipments = []
    for name, found in sorted(parcels.items()):
        reached = _reached(facts, name, found)
        state = _state(facts, transitions, reached, found)
        shipments.append(Shipment(name, reached, state, tuple(found)))
    return shipments


def is_complete(facts: Facts, parcels: Iterable[Parcel]) -> bool:
    """Every parcel that the packing station closed for this shipment is known."""
    packed = [facts["packed"][one.parcel] for one in parcels if one.parcel in facts["packed"]]
    newest = max(packed, key=lambda one: (one["version"], one["count"]), default=None)
    return newest is None or len(packed) >= newest["count"]


def is_stoppable(reached: Fulfilment, transitions: Transitions) -> bool:
    """A cancellation still means something here."""
    after = transitions[reached]
    return Fulfilment.CANCELLED in after or Fulfilment.CANCEL_REQUESTED in after


def _named(facts: Facts) -> Iterable[str]:
    """Shipments that have no parcel yet. A newer routing may have dropped one that was started."""
    routing = facts["routing"]
    if routing is None:
        return facts["started"]
    return [route["shipment"] for route in routing["shipments"]]


def _reached(facts: Facts, shipment: str, parcels: list[Parcel]) -> Fulfilment:
    if not parcels:
        return _before_packing(facts, shipment)
    if not is_complete(facts, parcels):
        return Fulfilment.PACKING
    live = [parcel for parcel in parcels if not parcel.ended_as(TrackingStatus.WRITTEN_OFF)]
    return least_advanced(parcel.fulfilment for parcel in live or parcels)


def _before_packing(facts: Facts, shipment: str) -> Fulfilment:
    if shipment in facts["started"]:
        return Fulfilment.PACKING
    routing = facts["routing"]
    is_routed = routing is not None and routing["based_on"] >= facts["content"]
    return Fulfilment.ALLOCATED if is_routed else Fulfilment.VALIDATED


def _state(
    facts: Facts, transitions: Transitions, reached: Fulfilment, parcels: Iterable[Parcel]
) -> Fulfilment:
    state = reached
    if facts["cancel"] is not None and is_stoppable(reached, transitions):
        state = _ending(list(parcels), complete=is_complete(facts, parcels))
    is_held = any(kept["holds"] for kept in facts["holds"].values())
    if is_held and state is reached and Fulfilment.ON_HOLD in transitions[state]:
        return Fulfilment.ON_HOLD
    return state


def _ending(parcels: list[Parcel], *, complete: bool) -> Fulfilment:
    """How far a cancellation came: at once before packing, else when every parcel is answered."""
    if not parcels:
        return Fulfilment.CANCELLED
    ours = [parcel for parcel in parcels if not parcel.is_gone]
    if not complete or any(not (parcel.unbooked or parcel.kept) for parcel in ours):
        return Fulfilment.CANCEL_REQUESTED
    left = [parcel.fulfilment for parcel in parcels if parcel.is_gone or not parcel.unbooked]
    return least_advanced(left) if left else Fulfilment.CANCELLED
