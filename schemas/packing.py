"""Packing: what the station reports, what was packed, what was refused."""

from datetime import date
from typing import ClassVar, Literal

from pydantic import AwareDatetime, Field
from typing_extensions import override

from schemas.event import Value
from schemas.ids import order_of
from schemas.intake import Channel, OrderEvent
from schemas.units import Centimetres, Dong, Grams, PositiveInt


class PackedLine(Value):
    """Units of one order line in a parcel."""

    line_no: PositiveInt
    quantity: PositiveInt
    lot: str | None = None
    best_before: date | None = None


class ReportedParcel(Value):
    """A closed parcel as the station weighed and measured it; `parcel_no` from 1."""

    parcel_no: PositiveInt
    contents: tuple[PackedLine, ...] = Field(min_length=1)
    weight_g: Grams
    length_cm: Centimetres
    width_cm: Centimetres
    height_cm: Centimetres


class PackingReport(Value):
    """The body of `packing.reported.v1`: a station starts, reports parcels, and finishes."""

    report_id: str
    shipment_id: str
    station: str
    kind: Literal["started", "parcel", "finished"]
    reported_at: AwareDatetime
    parcel: ReportedParcel | None = None

    @property
    def order_id(self) -> str:
        """The order the shipment belongs to."""
        return order_of(self.shipment_id)


class ShipmentEvent(OrderEvent):
    """An event about one shipment, keyed by its order."""

    channel: Channel
    seller_id: str
    shipment_id: str

    @property
    @override
    def entity(self) -> str:
        return self.shipment_id


class PackingStarted(ShipmentEvent):
    """A packing station took the shipment's pack list."""

    topic_name: ClassVar[str] = "packing.started.v1"

    station: str


class ParcelPacked(ShipmentEvent):
    """A parcel of a finished shipment: contents, measured weight and size, its share of the COD."""

    topic_name: ClassVar[str] = "parcel.packed.v1"

    parcel_id: str
    parcel_count: PositiveInt
    """How many parcels the shipment has."""
    contents: tuple[PackedLine, ...]
    weight_g: Grams
    length_cm: Centimetres
    width_cm: Centimetres
    height_cm: Centimetres
    goods_vnd: Dong
    cod_vnd: Dong
    uncertified: tuple[PositiveInt, ...] = ()
    """Lines in it whose OCOP certificate ran out between order and packing; a person let them go as
    ordinary goods (star 0)."""

    @property
    @override
    def entity(self) -> str:
        return self.parcel_id


class PackingRefused(ShipmentEvent):
    """A report that was not accepted, with a reason the station can act on.

    Report ids are the stations' own: two shipments may have the same.
    """

    topic_name: ClassVar[str] = "packing.refused.v1"

    report_id: str
    code: str
    reason: str

    @property
    @override
    def entity(self) -> str:
        return f"{self.shipment_id}|{self.report_id}"
