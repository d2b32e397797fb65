"""Booking's own hold: goods are packed and the platform has no package number for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schemas.event import next_version
from schemas.intake import Hold, HoldReason, OrderHeld, OrderReleased

if TYPE_CHECKING:
    from streams.rules.booking import Order, Parcel

BY: Final = "booking"


def order_held(order: Order, detail: str, era: int) -> OrderHeld:
    """All of booking's holds on the order: there is one."""
    parcel = _any_parcel(order)
    order.short_version = next_version(order.short_version, era)
    hold = Hold(reason=HoldReason.CHANNEL_HOLD, detail=detail, by=BY, since=order.now)
    return OrderHeld(
        version=order.short_version,
        occurred_at=order.now,
        order_id=order.order_id,
        channel=parcel.channel,
        seller_id=parcel.seller_id,
        placed_at=order.placed_at or order.now,
        stage=BY,
        holds=(hold,),
    )


def order_released(order: Order, era: int) -> OrderReleased:
    """Every packed parcel has its number, or needs none any more."""
    parcel = _any_parcel(order)
    order.short_version = next_version(order.short_version, era)
    return OrderReleased(
        version=order.short_version,
        occurred_at=order.now,
        order_id=order.order_id,
        channel=parcel.channel,
        seller_id=parcel.seller_id,
        stage=BY,
        by=BY,
        why="every parcel has its package number",
    )


def _any_parcel(order: Order) -> Parcel:
    """All parcels are of one seller; without any there is no shortage."""
    return next(iter(order.parcels.values()))
