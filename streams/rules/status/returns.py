"""What comes back: each return leg as a shipment of its own, and the tasks that ends open."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from schemas.ids import return_id
from schemas.status import Fulfilment, ReturnShipment, ReturnState, Task
from schemas.tracking import TrackingStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.rules.status.facts import Facts, Receipt, Tracked
    from streams.rules.status.parcels import Parcel

S: Final = TrackingStatus
ON_THE_WAY_BACK: Final = {
    S.RETURN_PENDING: ReturnState.ANNOUNCED,
    S.RETURNING: ReturnState.RETURNING,
    S.RETURNED: ReturnState.RETURNED,
}


def returns_of(
    order_id: str, facts: Facts, parcels: Sequence[Parcel]
) -> tuple[ReturnShipment, ...]:
    """A return shipment for every parcel that the carrier brings back, or that came back."""
    legs = []
    for parcel in parcels:
        tracked, state = parcel.tracked, _state(parcel)
        if tracked is None or state is None:
            continue
        receipt = _receipt(facts, parcel)
        name = f"{order_id}/{parcel.parcel}"
        known = receipt["parcels"].get(parcel.parcel) if receipt and "parcels" in receipt else None
        legs.append(
            ReturnShipment.model_construct(
                return_id=return_id(name),
                parcel_id=name,
                carrier=tracked["carrier"],
                tracking_no=tracked.get("return_no") or tracked["tracking_no"],
                state=state,
                detail=tracked["detail"] if state is not ReturnState.RECEIVED else None,
                returned_at=_moment(tracked["returned_at"]),
                received_at=_moment(receipt["at"]) if receipt else None,
                outcome=(known["outcome"] if known else "restocked") if receipt else None,
                condition=known["condition"] if known else None,
            )
        )
    return tuple(legs)


def tasks_of(order_id: str, facts: Facts, parcels: Sequence[Parcel]) -> tuple[Task, ...]:
    """What somebody has to do: receive goods back, claim for goods that are lost."""
    tasks = []
    for parcel in parcels:
        name = f"{order_id}/{parcel.parcel}"
        is_back = parcel.fulfilment is Fulfilment.RETURNED_TO_STOCK
        if parcel.ended_as(S.RETURNED) and not is_back:
            tasks.append(Task.model_construct(kind="receive_back", parcel_id=name))
        cash = facts["cash"].get(parcel.reference or "")
        if cash is not None and cash.get("claim_open", False):
            tasks.append(Task.model_construct(kind="claim", parcel_id=name))
    return tuple(tasks)


def _state(parcel: Parcel) -> ReturnState | None:
    tracked = parcel.tracked
    if parcel.fulfilment is Fulfilment.RETURNED_TO_STOCK:
        return ReturnState.RECEIVED
    if tracked is None or tracked["provisional"]:
        return None
    state = ON_THE_WAY_BACK.get(S(tracked["status"]))
    return state or (ReturnState.RETURNING if _is_on_a_leg(tracked) else None)


def _is_on_a_leg(tracked: Tracked) -> bool:
    """A number of its own is known for the way back."""
    return tracked.get("return_no") is not None


def _receipt(facts: Facts, parcel: Parcel) -> Receipt | None:
    """The newest word that it was received: one that names it goes before one that names none."""
    if parcel.fulfilment is not Fulfilment.RETURNED_TO_STOCK:
        return None
    receipts = facts["received_back"].values()
    speaking = [one for one in receipts if parcel.parcel in one.get("parcels", {parcel.parcel: {}})]
    return max(speaking, key=lambda one: ("parcels" in one, one["version"]), default=None)


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
