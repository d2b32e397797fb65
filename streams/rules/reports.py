"""What a channel is told of an order: the milestones its standing shows, each once.

Nothing about what the channel's own carrier does: it knows that better than we.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schemas.status import Fulfilment
from schemas.tracking import TrackingStatus
from services.channels.port import Milestone, Report

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from schemas.status import OrderStatusChanged, ParcelStatus

ARRANGED: Final = frozenset(
    {
        Fulfilment.ALLOCATED,
        Fulfilment.PACKING,
        Fulfilment.PACKED,
        Fulfilment.LABEL_READY,
        Fulfilment.AWAITING_HANDOVER,
        Fulfilment.HANDED_OVER,
        Fulfilment.DELIVERED,
        Fulfilment.CLOSED,
    }
)
"""The goods are there and a carrier was chosen."""


def reports_of(
    change: OrderStatusChanged, shop: str, wanted: Collection[Milestone]
) -> Iterator[Report]:
    """The milestones an order has reached, of those its channel has a call for."""
    parcels = [parcel for shipment in change.shipments for parcel in shipment.parcels]
    own = [parcel for parcel in parcels if parcel.carrier != change.channel]
    if Milestone.ARRANGED in wanted and change.fulfilment in ARRANGED:
        yield _report(change, shop, Milestone.ARRANGED)
    if Milestone.TRACKING_NUMBER in wanted:
        for parcel in own:
            if parcel.tracking_no is not None:
                yield _report(change, shop, Milestone.TRACKING_NUMBER, parcel)
    if Milestone.DELIVERED in wanted and own and change.status == TrackingStatus.DELIVERED:
        yield _report(change, shop, Milestone.DELIVERED)
    if Milestone.CANCELLED in wanted and change.fulfilment is Fulfilment.CANCELLED:
        yield _report(change, shop, Milestone.CANCELLED)


def _report(
    change: OrderStatusChanged, shop: str, milestone: Milestone, parcel: ParcelStatus | None = None
) -> Report:
    return Report(
        shop=shop,
        number=change.order_id.rpartition(":")[2],
        milestone=milestone,
        at=change.as_of,
        carrier=parcel.carrier if parcel else None,
        tracking_no=parcel.tracking_no if parcel else None,
    )
