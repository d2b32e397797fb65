"""Hand-over: what goes with the courier, and what was signed for."""

from typing import ClassVar

from pydantic import AwareDatetime
from typing_extensions import override

from schemas.event import Value
from schemas.intake import OrderEvent


class ManifestedParcel(Value):
    """A parcel on a manifest, under the booking it travels by.

    `handed_over_at`: when the courier signed for it; None while it waits for the courier.
    """

    parcel_id: str
    reference: str
    handed_over_at: AwareDatetime | None = None


class HandoverReported(OrderEvent):
    """What a manifest says of one order: all its parcels that are on it now.

    So the newest version replaces older ones: a parcel that was taken off, or was not there at the
    signing, is left out. Who signed is not in it: that names people.
    """

    topic_name: ClassVar[str] = "handover.reported.v1"

    seller_id: str
    manifest_no: str
    carrier: str
    origin_id: str
    parcels: tuple[ManifestedParcel, ...] = ()

    @property
    @override
    def entity(self) -> str:
        return f"{self.order_id}|{self.manifest_no}"
