"""Builders of the facts status reads beside those of `order_facts`, and whole legal lives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schemas.booking import BookingRefused, BookingVoidRefused
from schemas.ids import booking_reference, order_of, shipment_of
from schemas.intake import (
    Channel,
    CommandRefused,
    Hold,
    HoldReason,
    OrderCancelRequested,
    OrderHeld,
    OrderReceivedBack,
    OrderReleased,
    ReceivedParcel,
)
from schemas.packing import PackingRefused, PackingStarted
from schemas.status import OrderQuiet
from streams.rules.status.facts import no_facts
from streams.rules.status.merge import merge
from tests.order_facts import (
    NEXT_DAY,
    ORDER,
    PACKED_AT,
    PARCEL,
    PLACED_AT,
    SELLER,
    SHIPMENT,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from schemas.event import Event
    from schemas.intake import StageName
    from streams.rules.status.facts import Facts


def _of(order: str, version: int, when: datetime) -> dict[str, Any]:
    channel, seller, _ = order.split(":")
    told = {"version": version, "occurred_at": when}
    return {**told, "order_id": order, "channel": Channel(channel), "seller_id": seller}


def holds(
    stage: StageName = "intake",
    version: int = 1,
    reason: HoldReason = HoldReason.OPS,
    order: str = ORDER,
    when: datetime = PLACED_AT,
) -> OrderHeld:
    hold = Hold(reason=reason, detail="ask the buyer", by=f"stage:{stage}", since=when)
    return OrderHeld(**_of(order, version, when), placed_at=PLACED_AT, stage=stage, holds=(hold,))


def releases(
    stage: StageName = "intake", version: int = 2, order: str = ORDER, when: datetime = PLACED_AT
) -> OrderReleased:
    return OrderReleased(**_of(order, version, when), stage=stage, by="ops:an", why="asked")


def a_cancel_request(
    version: int = 2, order: str = ORDER, when: datetime = NEXT_DAY
) -> OrderCancelRequested:
    return OrderCancelRequested(
        **_of(order, version, when),
        command_id=f"cancel-{version}",
        by=f"seller:{SELLER}",
        why="sold out",
    )


def goods_received_back(
    version: int = 3,
    by: str = f"seller:{SELLER}",
    order: str = ORDER,
    when: datetime = NEXT_DAY,
    parcels: tuple[ReceivedParcel, ...] = (),
) -> OrderReceivedBack:
    return OrderReceivedBack(
        **_of(order, version, when),
        command_id=f"back-{version}",
        by=by,
        why="unopened",
        parcels=parcels,
    )


def a_refused_command(
    command_id: str = "c-1", order: str = ORDER, when: datetime = NEXT_DAY
) -> CommandRefused:
    return CommandRefused(
        **_of(order, 1, when),
        command_id=command_id,
        command="amend",
        code="already_packed",
        reason="It is packed.",
    )


def a_packing_start(shipment: str = SHIPMENT, when: datetime = PACKED_AT) -> PackingStarted:
    order = order_of(shipment)
    return PackingStarted(**_of(order, 1, when), shipment_id=shipment, station="T1")


def a_refused_report(
    report_id: str = "r-1", shipment: str = SHIPMENT, when: datetime = PACKED_AT
) -> PackingRefused:
    order = order_of(shipment)
    return PackingRefused(
        **_of(order, 1, when),
        shipment_id=shipment,
        report_id=report_id,
        code="short",
        reason="1 is missing.",
    )


def a_refused_booking(
    parcel: str = PARCEL, attempt: int = 1, when: datetime = PACKED_AT
) -> BookingRefused:
    return BookingRefused(
        **_of(order_of(parcel), 1, when),
        shipment_id=shipment_of(parcel),
        parcel_id=parcel,
        reference=booking_reference(parcel, attempt),
        attempt=attempt,
        carrier="vnpost",
        service="EMS",
        reason="no pickup there",
    )


def a_refused_void(
    parcel: str = PARCEL, attempt: int = 1, when: datetime = NEXT_DAY, version: int = 1
) -> BookingVoidRefused:
    return BookingVoidRefused(
        version=version,
        occurred_at=when,
        order_id=order_of(parcel),
        seller_id=SELLER,
        shipment_id=shipment_of(parcel),
        parcel_id=parcel,
        reference=booking_reference(parcel, attempt),
        carrier="viettelpost",
        tracking_no="TN1",
        reason="on the lorry",
    )


def quiet_since(when: datetime, order: str = ORDER) -> OrderQuiet:
    return OrderQuiet(
        version=int(when.timestamp() * 1_000_000),
        occurred_at=when,
        order_id=order,
        seller_id=order.split(":")[1],
    )


def known(events: Iterable[Event]) -> Facts:
    """The facts after these events."""
    facts = no_facts()
    for event in events:
        if not isinstance(event, CommandRefused | PackingRefused):
            merge(facts, event)
    return facts
