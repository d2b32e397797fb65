"""What follows from a wish to cancel: ended, voided, recalled, or refused because it is too late.

A decision, once told, is a fact: kept, never taken back. Which decisions are told may depend on
the order in which facts arrive (a cancellation and a packed parcel that cross each other give
`order.cancelled` before or after the parcel's void); the standing of the order never does.
What always holds: an order whose standing is cancelled was told `order.cancelled` once, and every
parcel that stood in the way was in a `booking.void_requested` or an `order.recall_requested`.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple, TypedDict

from schemas.event import next_version
from schemas.intake import Channel
from schemas.status import (
    BookingVoidRequested,
    Fulfilment,
    OrderCancelled,
    OrderRecallRequested,
    RefusedCommand,
)

if TYPE_CHECKING:
    from schemas.event import Event
    from streams.rules.status.facts import Facts, Identity, Request
    from streams.rules.status.standing import Standing

TOO_LATE: Final = "too_late"


class Told(TypedDict):
    """A decision that was told: its newest version and the parcels it was told for."""

    version: int
    parcels: list[str]


class Decisions(TypedDict):
    """What was decided about an order; kept for ever. `answered`: version of the last request."""

    cancelled: Told | None
    void: Told | None
    recall: Told | None
    answered: int


class Decided(NamedTuple):
    """New decisions, the events that tell them, and the refusal of a request that came too late."""

    decisions: Decisions
    events: tuple[Event, ...] = ()
    refused: RefusedCommand | None = None


def no_decisions() -> Decisions:
    """Nobody wants the order ended."""
    return {"cancelled": None, "void": None, "recall": None, "answered": 0}


def decide(
    order_id: str, facts: Facts, stands: Standing, decisions: Decisions, era: int
) -> Decided:
    """What is to be told now. Nothing before the order is known."""
    request, identity = facts["cancel"], facts["identity"]
    if request is None or identity is None:
        return Decided(decisions)
    void = _told_more(decisions["void"], stands.to_void, era)
    recall = _told_more(decisions["recall"], stands.to_recall, era)
    is_ended = stands.visible.fulfilment is Fulfilment.CANCELLED
    cancelled = decisions["cancelled"] or (
        {"version": next_version(0, era), "parcels": []} if is_ended else None
    )
    after: Decisions = {
        "cancelled": cancelled,
        "void": void,
        "recall": recall,
        "answered": max(decisions["answered"], request["version"]),
    }
    events: list[Event] = []
    if void is not None and void is not decisions["void"]:
        events.append(_void_requested(order_id, identity, request, void))
    if recall is not None and recall is not decisions["recall"]:
        events.append(_recall_requested(order_id, identity, request, recall))
    if cancelled is not None and decisions["cancelled"] is None:
        events.append(_cancelled(order_id, facts, identity, request, cancelled))
    is_new = request["version"] > decisions["answered"]
    refused = _too_late(order_id, request) if is_new and _is_too_late(stands, after) else None
    return Decided(after, tuple(events), refused)


def _told_more(told: Told | None, parcels: tuple[str, ...], era: int) -> Told | None:
    known = told["parcels"] if told else []
    new = [parcel for parcel in parcels if parcel not in known]
    if not new:
        return told
    version = next_version(told["version"] if told else 0, era)
    return {"version": version, "parcels": [*known, *new]}


def _is_too_late(stands: Standing, after: Decisions) -> bool:
    """Nothing was ended, nothing is being ended, nothing can be brought back."""
    ending = (Fulfilment.CANCELLED, Fulfilment.CANCEL_REQUESTED)
    return after["recall"] is None and not any(
        shipment.fulfilment in ending for shipment in stands.shipments
    )


def _too_late(order_id: str, request: Request) -> RefusedCommand:
    return RefusedCommand.model_construct(
        command_id=request["command_id"] or f"{order_id}|{request['version']}",
        command="cancel",
        code=TOO_LATE,
        reason="Every parcel of the order is delivered, lost or already on its way back.",
    )


def _void_requested(
    order_id: str, identity: Identity, request: Request, told: Told
) -> BookingVoidRequested:
    return BookingVoidRequested.model_construct(
        version=told["version"],
        occurred_at=datetime.fromisoformat(request["at"]),
        order_id=order_id,
        seller_id=identity["seller_id"],
        why=request["why"],
    )


def _recall_requested(
    order_id: str, identity: Identity, request: Request, told: Told
) -> OrderRecallRequested:
    return OrderRecallRequested.model_construct(
        version=told["version"],
        occurred_at=datetime.fromisoformat(request["at"]),
        order_id=order_id,
        seller_id=identity["seller_id"],
        why=request["why"],
    )


def _cancelled(
    order_id: str, facts: Facts, identity: Identity, request: Request, told: Told
) -> OrderCancelled:
    """It happened when the last parcel in the way was voided, or when it was asked for."""
    voided = [answer["at"] for answer in facts["voided"].values()]
    return OrderCancelled.model_construct(
        version=told["version"],
        occurred_at=datetime.fromisoformat(max([request["at"], *voided])),
        order_id=order_id,
        channel=Channel(identity["channel"]),
        seller_id=identity["seller_id"],
        by=request["by"],
        why=request["why"],
    )
