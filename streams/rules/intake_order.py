"""What intake knows of an order, and the events that tell of it.

One version counter numbers all events of an order: every teller raises it by one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from schemas.event import next_version
from schemas.intake import (
    DeliveryDecided,
    OrderAmended,
    OrderCancelRequested,
    OrderContent,
    OrderHeld,
    OrderPackagesNamed,
    OrderPlaced,
    OrderReceivedBack,
    OrderReleased,
    PlatformShipping,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from schemas.event import Event
    from schemas.intake import Channel, Decision, Hold, ReceivedParcel
    from services.channels.contact import ContactProblem
    from services.channels.neutral import WantedOrder
    from streams.rules.intake import Verdict

REMEMBERED_VERSIONS: Final = 64


@dataclass(frozen=True, slots=True)
class Order:
    """An order. `seen`: fingerprints of the channel's payloads by their version.

    `untold`: the content changed since it was last published. `told` is the content published in
    this batch, if any, and `located_by` how its commune was found.
    """

    order_id: str
    channel: Channel
    seller_id: str
    number: str
    wanted: WantedOrder
    contact_problems: tuple[ContactProblem, ...] = ()
    payload_version: int = 0
    version: int = 0
    seen: Mapping[int, str] = field(default_factory=dict)
    placed: bool = False
    untold: bool = True
    cancel_requested: bool = False
    holds: tuple[Hold, ...] = ()
    waived: frozenset[str] = frozenset()
    told: OrderContent | None = None
    located_by: str | None = None


@dataclass(frozen=True, slots=True)
class Cause:
    """Who does something to an order, why, and when; `command_id` if it is a command."""

    by: str
    why: str
    at: datetime
    era: int
    command_id: str | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """The order after a change, and the events that tell of it."""

    order: Order
    events: tuple[Event, ...] = ()


Sighting: TypeAlias = Literal["new", "known", "conflicting"]


def sighting(order: Order, version: int, fingerprint: str) -> Sighting:
    """Was this version of a payload seen before, and was it the same?"""
    if version in order.seen:
        return "known" if order.seen[version] == fingerprint else "conflicting"
    forgotten = len(order.seen) >= REMEMBERED_VERSIONS and version < min(order.seen)
    return "known" if forgotten else "new"


def remember(order: Order, version: int, fingerprint: str) -> Order:
    """The order, having seen a payload; the newest versions are remembered."""
    seen = {**order.seen, version: fingerprint}
    newest = sorted(seen)[-REMEMBERED_VERSIONS:]
    return replace(order, seen={number: seen[number] for number in newest})


def tell_held(order: Order, holds: tuple[Hold, ...], cause: Cause) -> Step:
    """The order waits: all its holds."""
    order = _counted(order, cause)
    held = OrderHeld(
        version=order.version,
        occurred_at=cause.at,
        order_id=order.order_id,
        channel=order.channel,
        seller_id=order.seller_id,
        placed_at=order.wanted.placed_at,
        stage="intake",
        holds=holds,
    )
    return Step(replace(order, holds=holds), (held,))


def tell_released(order: Order, cause: Cause) -> Step:
    """Intake holds nothing any more; other stages look again."""
    order = _counted(order, cause)
    released = OrderReleased(
        version=order.version,
        occurred_at=cause.at,
        order_id=order.order_id,
        channel=order.channel,
        seller_id=order.seller_id,
        stage="intake",
        by=cause.by,
        why=cause.why,
    )
    return Step(replace(order, holds=()), (released,))


def tell_content(order: Order, verdict: Verdict, cause: Cause) -> Step:
    """The order is placed, or a placed one amended: all of it.

    Raises ValueError for a verdict with problems: such an order must not be told of.
    """
    if verdict.problems or verdict.place is None:
        raise ValueError(f"{order.order_id} did not pass the checks")
    order = _counted(order, cause)
    wanted, kind = order.wanted, OrderAmended if order.placed else OrderPlaced
    content = kind(
        version=order.version,
        occurred_at=cause.at,
        order_id=order.order_id,
        channel=order.channel,
        seller_id=order.seller_id,
        channel_order_no=order.number,
        placed_at=wanted.placed_at,
        destination=verdict.place,
        lines=verdict.lines,
        goods_vnd=wanted.totals.goods,
        shipping_vnd=wanted.totals.shipping,
        discount_vnd=wanted.totals.discount,
        total_vnd=wanted.totals.grand_total,
        cod_vnd=wanted.payment.cod_amount,
        shipping_payer=wanted.payment.shipping_payer,
        fixed_carrier=wanted.fixed_carrier,
        platform=_platform(wanted),
    )
    told = replace(order, placed=True, untold=False, told=content, located_by=verdict.found_by)
    return Step(told, (content,))


def tell_packages(order: Order, cause: Cause) -> Step:
    """The platform has issued package numbers, or others than before."""
    order = _counted(order, cause)
    platform = order.wanted.platform
    named = OrderPackagesNamed(
        version=order.version,
        occurred_at=cause.at,
        order_id=order.order_id,
        channel=order.channel,
        seller_id=order.seller_id,
        carrier=order.wanted.fixed_carrier or order.channel,
        packages=platform.packages if platform else (),
    )
    return Step(order, (named,))


def tell_cancel_requested(order: Order, cause: Cause) -> Step:
    """Somebody wants the order ended."""
    order = _counted(order, cause)
    requested = OrderCancelRequested(
        version=order.version,
        occurred_at=cause.at,
        order_id=order.order_id,
        channel=order.channel,
        seller_id=order.seller_id,
        by=cause.by,
        why=cause.why,
        command_id=cause.command_id,
    )
    return Step(replace(order, cancel_requested=True), (requested,))


def tell_received_back(
    order: Order, cause: Cause, parcels: tuple[ReceivedParcel, ...] = ()
) -> Step:
    """Somebody has the goods back in their hands."""
    order = _counted(order, cause)
    received = OrderReceivedBack(
        version=order.version,
        occurred_at=cause.at,
        order_id=order.order_id,
        channel=order.channel,
        seller_id=order.seller_id,
        by=cause.by,
        why=cause.why,
        command_id=cause.command_id,
        parcels=parcels,
    )
    return Step(order, (received,))


def tell_decided(order: Order, decision: Decision, parcel_id: str | None, cause: Cause) -> Step:
    """Somebody decided what becomes of parcels that could not be delivered."""
    order = _counted(order, cause)
    decided = DeliveryDecided(
        version=order.version,
        occurred_at=cause.at,
        order_id=order.order_id,
        seller_id=order.seller_id,
        by=cause.by,
        why=cause.why,
        command_id=cause.command_id or "",
        decision=decision,
        parcel_id=parcel_id,
    )
    return Step(order, (decided,))


def _platform(wanted: WantedOrder) -> PlatformShipping | None:
    if wanted.platform is None or wanted.fixed_carrier is None:
        return None
    return PlatformShipping(carrier=wanted.fixed_carrier, ship_by=wanted.platform.ship_by)


def _counted(order: Order, cause: Cause) -> Order:
    return replace(order, version=next_version(order.version, cause.era))
