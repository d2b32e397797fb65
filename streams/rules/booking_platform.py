"""Parcels a marketplace carries: booked by its package numbers, without a call.

Each packed parcel takes the next package number the platform has issued. While there are fewer
numbers than parcels the order is held, with a reason that says what to do there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schemas.booking import BookingOutcome
from schemas.intake import LOGISTICS
from streams.rules.booking_effects import TellBooked, TellEnough, TellShort

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streams.rules.booking import Order, Parcel, Shipment
    from streams.rules.booking_attempt import Attempt
    from streams.rules.booking_effects import Effect

PLATFORM_DECIDES: Final = "the platform alone decides about its parcels"


def is_platforms(carried: Attempt | Shipment) -> bool:
    """Whether the marketplace itself carries it."""
    return carried.api == LOGISTICS


def free_packages(order: Order) -> list[str]:
    """The platform's numbers that no parcel has, in its order."""
    taken = {a.tracking_no for parcel in order.parcels.values() for a in parcel.attempts}
    return [number for number in order.packages if number not in taken]


def take_package(
    order: Order, parcel: Parcel, attempt: Attempt, shipment: Shipment
) -> Iterator[Effect]:
    """Book the parcel by the next free number, if there is one. `attempt` is a new one."""
    number = next(iter(free_packages(order)), None)
    if number is None or order.packages_at is None:
        return
    attempt.book_outcome = BookingOutcome.BOOKED
    attempt.tracking_no = number
    attempt.freight_vnd = 0
    attempt.booked_at = max(parcel.packed_at, shipment.routed_at, order.packages_at)
    attempt.told = "booked"
    parcel.attempts.append(attempt)
    yield TellBooked(parcel, attempt)


def tell_of_shortage(order: Order, free: Sequence[Parcel]) -> Iterator[Effect]:
    """Hold the order while parcels wait for numbers, and let go of it when none does.

    `free`: those without a live attempt.
    """
    waiting = any(_waits(order, parcel) for parcel in free)
    if waiting and not order.short:
        order.short = True
        yield TellShort(shortage(order))
    elif not waiting and order.short:
        order.short = False
        yield TellEnough()


def _waits(order: Order, parcel: Parcel) -> bool:
    shipment = order.shipments.get(parcel.shipment_id)
    if shipment is None or not is_platforms(shipment):
        return False
    return not order.cancelled and not order.void_version


def shortage(order: Order) -> str:
    """What is missing, and what a seller can do about it."""
    packed, issued = len(order.parcels), len(order.packages)
    if not issued:
        return (
            "Goods are packed and the platform has issued no package number: "
            "arrange the shipment there."
        )
    return (
        f"{packed} parcels are packed and the platform has {issued} package"
        f"{'s' if issued > 1 else ''}: split the order there, or put the goods into fewer parcels."
    )
