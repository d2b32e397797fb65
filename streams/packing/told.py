"""What packing tells: stations that begin, parcels, refusals, holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter

from schemas.event import next_version
from schemas.ids import parcel_id
from schemas.intake import Channel, Hold, OrderHeld, OrderReleased
from schemas.packing import PackedLine, PackingRefused, PackingStarted, ParcelPacked
from services.store.packing import NewParcel
from streams.rules.packing import shares

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from schemas.intake import OrderLine
    from schemas.packing import PackingReport, ReportedParcel
    from services.store.packing import RoutedShipment
    from streams.rules.packing import Refused

CONTENTS: Final = TypeAdapter(tuple[PackedLine, ...])


def packing_started(
    shipment: RoutedShipment, report: PackingReport, version: int
) -> PackingStarted:
    """A station took the list."""
    return PackingStarted(
        version=version,
        occurred_at=report.reported_at,
        order_id=shipment.order_id,
        channel=Channel(shipment.channel),
        seller_id=shipment.seller_id,
        shipment_id=shipment.shipment_id,
        station=report.station,
    )


def packing_refused(
    shipment: RoutedShipment, report: PackingReport, refused: Refused, era: int
) -> PackingRefused:
    """A report that was not accepted."""
    return PackingRefused(
        version=next_version(0, era),
        occurred_at=report.reported_at,
        order_id=shipment.order_id,
        channel=Channel(shipment.channel),
        seller_id=shipment.seller_id,
        shipment_id=shipment.shipment_id,
        report_id=report.report_id,
        code=refused.code,
        reason=refused.reason,
    )


def parcel_rows(
    shipment: RoutedShipment,
    lines: tuple[OrderLine, ...],
    parcels: tuple[ReportedParcel, ...],
    packed_at: datetime,
) -> Iterator[NewParcel]:
    """The rows of a packed shipment's parcels, each with its part of goods and COD."""
    money = shares(lines, parcels, shipment.goods_vnd, shipment.cod_vnd)
    for parcel, (goods_vnd, cod_vnd) in zip(parcels, money, strict=True):
        yield NewParcel(
            parcel_id(shipment.shipment_id, parcel.parcel_no),
            shipment.shipment_id,
            shipment.order_id,
            CONTENTS.dump_json(parcel.contents).decode(),
            parcel.weight_g,
            parcel.length_cm,
            parcel.width_cm,
            parcel.height_cm,
            goods_vnd,
            cod_vnd,
            packed_at,
        )


def parcels_packed(
    shipment: RoutedShipment,
    parcels: Sequence[ReportedParcel],
    rows: Sequence[NewParcel],
    uncertified: Sequence[int],
    era: int,
) -> Iterator[ParcelPacked]:
    """The events of a packed shipment's parcels. A shipment is packed once: one version."""
    for parcel, row in zip(parcels, rows, strict=True):
        inside = {item.line_no for item in parcel.contents}
        yield ParcelPacked(
            version=next_version(0, era),
            occurred_at=row.packed_at,
            order_id=shipment.order_id,
            channel=Channel(shipment.channel),
            seller_id=shipment.seller_id,
            shipment_id=shipment.shipment_id,
            parcel_id=row.parcel_id,
            parcel_count=len(parcels),
            contents=parcel.contents,
            weight_g=parcel.weight_g,
            length_cm=parcel.length_cm,
            width_cm=parcel.width_cm,
            height_cm=parcel.height_cm,
            goods_vnd=row.goods_vnd,
            cod_vnd=row.cod_vnd,
            uncertified=tuple(line_no for line_no in uncertified if line_no in inside),
        )


def order_held(shipment: RoutedShipment, holds: Sequence[Hold], version: int) -> OrderHeld:
    """All of packing's holds on the order; `shipment` is any of its shipments."""
    return OrderHeld(
        version=version,
        occurred_at=max(hold.since for hold in holds),
        order_id=shipment.order_id,
        channel=Channel(shipment.channel),
        seller_id=shipment.seller_id,
        placed_at=shipment.placed_at,
        stage="packing",
        holds=tuple(holds),
    )


def order_released(
    shipment: RoutedShipment, version: int, by: str, why: str, at: datetime
) -> OrderReleased:
    """Packing holds the order no more."""
    return OrderReleased(
        version=version,
        occurred_at=at,
        order_id=shipment.order_id,
        channel=Channel(shipment.channel),
        seller_id=shipment.seller_id,
        stage="packing",
        by=by,
        why=why,
    )
