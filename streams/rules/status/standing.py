"""What a seller sees of an order: its word, its flags, its holds, its shipments and parcels."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from schemas.event import Value
from schemas.intake import Hold, HoldReason
from schemas.status import Fulfilment, ParcelStatus, ReturnShipment, ShipmentStatus, Task
from schemas.tracking import CodState, TrackingStatus
from streams.rules.status.lateness import SHOWN, late_by, pace_of
from streams.rules.status.parcels import ADVANCE, ENDED, Parcel, in_custody
from streams.rules.status.returns import returns_of, tasks_of
from streams.rules.status.shipments import Shipment, least_advanced, shipments_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from schemas.intake import Decision
    from streams.rules.status.facts import Facts, Route
    from streams.rules.status.shipments import Transitions

TRACKING_RANK: Final = {status: rank for rank, status in enumerate(TrackingStatus)}
"""The statuses are declared in the order of their rank (tracking_statuses.csv)."""

NOT_RECALLABLE: Final = (
    TrackingStatus.RETURNING,
    TrackingStatus.CANCELLED,
    *ENDED,
)


CLOSABLE: Final = (Fulfilment.DELIVERED, Fulfilment.RETURNED_TO_STOCK)
"""Where the goods are at rest. One that is written off is closed by ops, once its claim is settled."""

COD_FINISHED: Final = (CodState.NOT_APPLICABLE, CodState.VOID, CodState.PAID_OUT)
"""Where the money is at rest (cod_states.csv)."""


USUAL_DECISION_H: Final = 24
NO_HOURS: Final[Mapping[str, int]] = MappingProxyType({})
"""Every carrier waits the usual time."""


class Visible(Value):
    """The part of a status that makes a new version when it changes."""

    status: str
    fulfilment: Fulfilment
    flags: tuple[str, ...] = ()
    holds: tuple[Hold, ...] = ()
    shipments: tuple[ShipmentStatus, ...] = ()
    returns: tuple[ReturnShipment, ...] = ()
    tasks: tuple[Task, ...] = ()
    country: str | None = None


class Standing(NamedTuple):
    """Where an order stands. `finished`: nothing more is expected to happen to its goods.

    `closable`: all three axes are finished, and it waits for its quiet time to be over.
    `to_void` and `to_recall`: parcels in the way of a cancellation that was asked for.
    """

    visible: Visible
    finished: bool
    closable: bool
    shipments: tuple[Shipment, ...]
    to_void: tuple[str, ...]
    to_recall: tuple[str, ...]


def standing(
    order_id: str,
    facts: Facts,
    transitions: Transitions,
    decision_h: Mapping[str, int] = NO_HOURS,
) -> Standing:
    """Derive everything from the facts alone: the same facts give the same standing.

    `decision_h`: hours each carrier waits for the seller's word on a parcel it could not deliver.
    """
    shipments = tuple(shipments_of(facts, transitions))
    live = [one for one in shipments if one.fulfilment is not Fulfilment.CANCELLED]
    fulfilment = least_advanced(one.fulfilment for one in live or shipments)
    goods = [parcel for one in live for parcel in one.parcels if not _stays_here(facts, parcel)]
    to_recall = _to_recall(facts, goods)
    at_rest = _is_at_rest(facts, fulfilment, goods)
    is_closed = at_rest and facts["quiet_since"] >= facts["as_of"]
    return Standing(
        visible=Visible.model_construct(
            status=Fulfilment.CLOSED.value if is_closed else _word(fulfilment, goods),
            fulfilment=Fulfilment.CLOSED if is_closed else fulfilment,
            flags=_flags(facts, live, goods, is_recalled=bool(to_recall)),
            holds=_holds(facts),
            shipments=_shown(order_id, facts, shipments, decision_h, is_closed=is_closed),
            returns=returns_of(order_id, facts, goods),
            tasks=tasks_of(order_id, facts, goods),
            country=facts.get("country"),
        ),
        finished=_is_finished(fulfilment, goods),
        closable=at_rest and not is_closed,
        shipments=shipments,
        to_void=_to_void(facts, goods),
        to_recall=to_recall,
    )


def _stays_here(facts: Facts, parcel: Parcel) -> bool:
    """A parcel whose booking was ended because the order is to be cancelled."""
    return facts["cancel"] is not None and parcel.unbooked and not parcel.is_gone


def _to_void(facts: Facts, goods: Sequence[Parcel]) -> tuple[str, ...]:
    if facts["cancel"] is None:
        return ()
    return tuple(one.parcel for one in goods if not one.is_gone and not one.kept)


def _to_recall(facts: Facts, goods: Sequence[Parcel]) -> tuple[str, ...]:
    if facts["cancel"] is None:
        return ()
    with_carrier = [one for one in goods if one.fulfilment is Fulfilment.HANDED_OVER or one.kept]
    return tuple(one.parcel for one in with_carrier if not one.ended_as(*NOT_RECALLABLE))


def _word(fulfilment: Fulfilment, goods: Sequence[Parcel]) -> str:
    """Ours until hand-over, then the carriers' for the least advanced parcel still moving."""
    if fulfilment not in (Fulfilment.HANDED_OVER, Fulfilment.DELIVERED):
        return fulfilment.value
    away = [one for one in goods if one.fulfilment is not Fulfilment.RETURNED_TO_STOCK]
    if any(one.is_gone and not in_custody(one.tracked) for one in away):
        return Fulfilment.HANDED_OVER.value  # signed for, and not scanned yet
    moving = [one.tracked for one in away if one.tracked and not one.ended_as(*ENDED)]
    if moving:
        statuses = [TrackingStatus(tracked["status"]) for tracked in moving]
        return min(statuses, key=TRACKING_RANK.__getitem__).value
    for status in (TrackingStatus.RETURNED, TrackingStatus.DELIVERED, TrackingStatus.WRITTEN_OFF):
        if any(one.ended_as(status) for one in away):
            return status.value
    return fulfilment.value


def _is_finished(fulfilment: Fulfilment, goods: Sequence[Parcel]) -> bool:
    if fulfilment in (Fulfilment.CANCELLED, Fulfilment.RETURNED_TO_STOCK):
        return True
    at_carrier = ADVANCE[fulfilment] >= ADVANCE[Fulfilment.HANDED_OVER]
    return at_carrier and all(
        one.ended_as(*ENDED) or one.fulfilment is Fulfilment.RETURNED_TO_STOCK for one in goods
    )


def _is_at_rest(facts: Facts, fulfilment: Fulfilment, goods: Sequence[Parcel]) -> bool:
    """All three axes are finished."""
    return (
        fulfilment in CLOSABLE
        and _is_finished(fulfilment, goods)
        and all(_shown_cod(facts, one) in COD_FINISHED for one in goods)
    )


def _flags(
    facts: Facts, live: Sequence[Shipment], goods: Sequence[Parcel], *, is_recalled: bool
) -> tuple[str, ...]:
    delivered = [one for one in goods if one.ended_as(TrackingStatus.DELIVERED)]
    returned = [one for one in goods if one.ended_as(TrackingStatus.RETURNED)]
    partial = [one for one in goods if one.tracked and one.tracked["partial"]]
    unpacked = [one for one in live if ADVANCE[one.reached] < ADVANCE[Fulfilment.PACKED]]
    whole = len(goods) + len(unpacked)
    is_back = any(one.fulfilment is Fulfilment.RETURNED_TO_STOCK for one in goods)
    tracked = facts["tracked"].values()
    pace = {flag for one in goods for flag in pace_of(one)}
    flags = {
        "on_hold": any(kept["holds"] for kept in facts["holds"].values()),
        "partially_packed": bool(goods and unpacked),
        "partially_delivered": 0 < len(delivered) < whole or bool(partial),
        "partially_returned": 0 < len(returned) < whole or any(one in returned for one in partial),
        "provisional": any(one.tracked and one.tracked["provisional"] for one in goods),
        "moved_after_terminal": any(one["moved_after_terminal"] for one in tracked),
        "recall_requested": is_recalled,
        "receive_back_waiting": bool(facts["received_back"] and live) and not is_back,
        **{flag: flag in pace for flag in SHOWN},
    }
    return tuple(name for name, is_set in flags.items() if is_set)


def _holds(facts: Facts) -> tuple[Hold, ...]:
    return tuple(
        Hold.model_construct(
            reason=HoldReason(hold["reason"]),
            detail=hold["detail"],
            by=hold["by"],
            since=datetime.fromisoformat(hold["since"]),
        )
        for _, kept in sorted(facts["holds"].items())
        for hold in kept["holds"]
    )


def _shown(
    order_id: str,
    facts: Facts,
    shipments: Sequence[Shipment],
    decision_h: Mapping[str, int],
    *,
    is_closed: bool,
) -> tuple[ShipmentStatus, ...]:
    routing = facts["routing"]
    routes: dict[str, Route] = {}
    if routing is not None:
        routes = {route["shipment"]: route for route in routing["shipments"]}
    return tuple(
        ShipmentStatus.model_construct(
            shipment_id=f"{order_id}/{one.shipment}",
            fulfilment=Fulfilment.CLOSED
            if is_closed and one.fulfilment is not Fulfilment.CANCELLED
            else one.fulfilment,
            carrier=routes[one.shipment]["carrier"] if one.shipment in routes else None,
            service=routes[one.shipment]["service"] if one.shipment in routes else None,
            parcels=tuple(
                _shown_parcel(order_id, facts, parcel, decision_h) for parcel in one.parcels
            ),
        )
        for one in shipments
        if one.shipment is not None
    )


def _shown_parcel(
    order_id: str, facts: Facts, parcel: Parcel, decision_h: Mapping[str, int]
) -> ParcelStatus:
    tracked = parcel.tracked
    decide_by, decided = _decision(facts, parcel, decision_h)
    booking = tracked or parcel.booked
    return ParcelStatus.model_construct(
        parcel_id=f"{order_id}/{parcel.parcel}",
        carrier=booking["carrier"] if booking else None,
        tracking_no=booking["tracking_no"] if booking else None,
        status=_shown_status(parcel),
        detail=tracked["detail"] if tracked else None,
        attributed_to=tracked["attributed_to"] if tracked else None,
        provisional=tracked["provisional"] if tracked else False,
        attempt_no=tracked["attempt_no"] if tracked else 0,
        cod_state=_shown_cod(facts, parcel),
        flags=pace_of(parcel),
        late_by=late_by(facts, parcel),
        decide_by=decide_by,
        decided=decided,
    )


def _decision(
    facts: Facts, parcel: Parcel, decision_h: Mapping[str, int]
) -> tuple[datetime | None, Decision | None]:
    """Until when the seller may decide, and what was decided, while the carrier waits for it."""
    tracked = parcel.tracked
    since = tracked.get("since") if tracked else None
    if tracked is None or since is None or not parcel.ended_as(TrackingStatus.RETURN_PENDING):
        return None, None
    answer = facts["decided"].get(parcel.parcel)
    if answer is not None and answer["at"] >= since:
        return None, answer["decision"]
    hours = decision_h.get(tracked["carrier"], USUAL_DECISION_H)
    return datetime.fromisoformat(since) + timedelta(hours=hours), None


def _shown_status(parcel: Parcel) -> TrackingStatus | None:
    """A booking without a moving event is `created`; one that was voided is `cancelled`."""
    if parcel.unbooked and not parcel.is_gone:
        return TrackingStatus.CANCELLED if parcel.booked or parcel.tracked else None
    if parcel.tracked is not None:
        return TrackingStatus(parcel.tracked["status"])
    return TrackingStatus.CREATED if parcel.booked else None


def _shown_cod(facts: Facts, parcel: Parcel) -> CodState:
    packed = facts["packed"].get(parcel.parcel)
    if packed is not None and not packed["cod_vnd"]:
        return CodState.NOT_APPLICABLE
    if _stays_here(facts, parcel):
        return CodState.VOID
    cash = facts["cash"].get(parcel.reference or "")
    if cash is not None and parcel.fulfilment is not Fulfilment.PACKED:
        return CodState(cash["state"])
    return CodState.EXPECTED if packed else CodState.NOT_APPLICABLE
