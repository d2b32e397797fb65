"""Builders of the facts booking reads: one order, its parcels, and what carriers answer."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from schemas.booking import BookingOutcome, BookingResulted
from schemas.ids import booking_reference, order_of, shipment_of
from schemas.intake import Channel, Hold, HoldReason, OrderHeld, OrderReleased, StageName
from schemas.packing import PackedLine, ParcelPacked
from schemas.place import Place
from schemas.routing import Candidate, OrderRouted, RoutedShipment, ShipmentLine
from schemas.status import BookingVoidRequested, OrderCancelled, OrderRecallRequested
from schemas.tracking import ShipmentStatusChanged, TrackingStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

ORDER = "postmart:HTX-MAU-01:PM-0000001"
SHIPMENT = f"{ORDER}/1"
PARCEL = f"{SHIPMENT}/1"
REFERENCE = booking_reference(PARCEL, 1)
SECOND_REFERENCE = booking_reference(PARCEL, 2)
MORNING = datetime(2026, 10, 5, 1, 0, tzinfo=UTC)
HANOI = Place(province_code="01", ward_code="00166")
VTK = ("viettelpost", "VTK")
CTN = ("vnpost", "CTN009")
ETN = ("vnpost", "ETN037")


def _about(order: str, version: int, hours: float) -> dict[str, Any]:
    channel, seller, _number = order.split(":")
    return {
        "version": version,
        "occurred_at": MORNING + timedelta(hours=hours),
        "order_id": order,
        "channel": Channel(channel),
        "seller_id": seller,
    }


def a_candidate(service: tuple[str, str]) -> Candidate:
    return Candidate(
        carrier=service[0],
        service=service[1],
        zone="inter_region",
        charged_weight_g=1_500,
        price_vnd=25_000,
        tariff="sample",
        transit_h_from=48,
        transit_h_to=96,
        promised_on=date(2026, 10, 9),
    )


def routed(
    service: tuple[str, str] = VTK,
    *,
    order: str = ORDER,
    shipments: int = 1,
    version: int = 1,
    fallbacks: Sequence[tuple[str, str]] = (CTN,),
) -> OrderRouted:
    return OrderRouted(
        **_about(order, version, 0),
        based_on=1,
        destination=HANOI,
        rule_book="sample-1",
        shipments=tuple(
            RoutedShipment(
                shipment_id=f"{order}/{number}",
                origin_id="O-1",
                origin=HANOI,
                lines=(ShipmentLine(line_no=1, quantity=2),),
                weight_g=1_200,
                goods_vnd=320_000,
                shipping_vnd=30_000,
                cod_vnd=350_000,
                chosen=a_candidate(service),
                fallbacks=tuple(a_candidate(one) for one in fallbacks),
                handover_by=MORNING + timedelta(hours=9),
                promised_on=date(2026, 10, 9),
            )
            for number in range(1, shipments + 1)
        ),
    )


def packed(parcel: str = PARCEL, *, version: int = 1, parcel_count: int = 1) -> ParcelPacked:
    return ParcelPacked(
        **_about(order_of(parcel), version, 3),
        shipment_id=shipment_of(parcel),
        parcel_id=parcel,
        parcel_count=parcel_count,
        contents=(PackedLine(line_no=1, quantity=2),),
        weight_g=1_200,
        length_cm=30,
        width_cm=20,
        height_cm=15,
        goods_vnd=320_000,
        cod_vnd=350_000,
    )


def held(stage: StageName = "intake", version: int = 1, order: str = ORDER) -> OrderHeld:
    hold = Hold(reason=HoldReason.OPS, detail="stop", by="ops:a", since=MORNING)
    return OrderHeld(**_about(order, version, 1), placed_at=MORNING, stage=stage, holds=(hold,))


def released(stage: StageName = "intake", version: int = 2, order: str = ORDER) -> OrderReleased:
    return OrderReleased(**_about(order, version, 4), stage=stage, by="ops:a", why="fine")


def cancelled(order: str = ORDER) -> OrderCancelled:
    return OrderCancelled(**_about(order, 1, 5), by="buyer", why="no longer wanted")


def void_requested(version: int = 1, order: str = ORDER) -> BookingVoidRequested:
    about = _about(order, version, 6)
    del about["channel"]
    return BookingVoidRequested(**about, why="the buyer cancelled")


def recall_requested(version: int = 1, order: str = ORDER) -> OrderRecallRequested:
    about = _about(order, version, 30)
    del about["channel"]
    return OrderRecallRequested(**about, why="the buyer cancelled")


def resulted(
    outcome: BookingOutcome,
    *,
    kind: Literal["book", "void", "return", "redeliver", "approve_return"] = "book",
    parcel: str = PARCEL,
    attempt: int = 1,
    version: int = 1,
    message: str = "",
) -> BookingResulted:
    booked = outcome is BookingOutcome.BOOKED
    return BookingResulted(
        version=version,
        occurred_at=MORNING + timedelta(hours=4),
        order_id=order_of(parcel),
        parcel_id=parcel,
        reference=booking_reference(parcel, attempt),
        kind=kind,
        outcome=outcome,
        message=message,
        tracking_no=f"NO-{booking_reference(parcel, attempt)}" if booked else None,
        carrier_ref="ref-1" if booked else None,
        freight_vnd=25_500 if booked else None,
        sort_code="S1" if booked else None,
    )


def tracked(
    status: TrackingStatus,
    *,
    custody: bool = False,
    version: int = 1,
    parcel: str = PARCEL,
    attempt: int = 1,
) -> ShipmentStatusChanged:
    about = _about(order_of(parcel), version, 8)
    return ShipmentStatusChanged(
        **about,
        shipment_id=shipment_of(parcel),
        parcel_id=parcel,
        reference=booking_reference(parcel, attempt),
        carrier="viettelpost",
        api="partner_v2",
        tracking_no=f"NO-{booking_reference(parcel, attempt)}",
        status=status,
        attributed_to="none",
        handed_over_at=about["occurred_at"] if custody else None,
    )
