"""Builders of the facts metrics counts: one order's life, told as events."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from schemas.booking import BookingVoided, ShipmentBooked
from schemas.cod import CodChanged
from schemas.handover import HandoverReported, ManifestedParcel
from schemas.ids import booking_reference, order_of, shipment_of
from schemas.intake import (
    Channel,
    Handling,
    Hold,
    HoldReason,
    OcopGroup,
    OrderAmended,
    OrderHeld,
    OrderLine,
    OrderPlaced,
)
from schemas.packing import PackedLine, ParcelPacked
from schemas.place import Place
from schemas.routing import Candidate, OrderRouted, RoutedShipment, ShipmentLine
from schemas.status import OrderCancelled
from schemas.tracking import CodState, ShipmentStatusChanged, TrackingStatus

if TYPE_CHECKING:
    from schemas.event import Event

ORDER = "postmart:HTX-MAU-01:PM-0000001"
SHIPMENT = f"{ORDER}/1"
PARCEL = f"{SHIPMENT}/1"
SELLER = "HTX-MAU-01"
LAM_DONG = Place(province_code="68", ward_code="24778")
HANOI = Place(province_code="01", ward_code="00004")


def at(day: int, hour: int = 9, month: int = 10) -> datetime:
    """A moment of 2026 by Vietnam's clock."""
    return datetime(2026, month, day, hour, tzinfo=UTC) - timedelta(hours=7)


PLACED_AT = at(1)
ROUTED_AT = at(1, 10)
PACKED_AT = at(1, 15)
BOOKED_AT = at(1, 16)
NEXT_DAY = at(2)


def a_line(line_no: int = 1, **changes: Any) -> OrderLine:
    return OrderLine(
        **{
            "line_no": line_no,
            "sku": f"SKU-{line_no}",
            "name": "Cà phê Cầu Đất",
            "quantity": 2,
            "unit_price_vnd": 150_000,
            "weight_g": 500,
            "origin_id": "O-1",
            "origin_province": "68",
            "group": OcopGroup.BEVERAGE,
            "star": 4,
            "handling": (Handling.DRY,),
            **changes,
        }
    )


def _content(
    order: str, lines: tuple[OrderLine, ...], version: int, placed_at: datetime
) -> dict[str, Any]:
    goods = sum(line.quantity * line.unit_price_vnd for line in lines)
    return {
        "version": version,
        "occurred_at": placed_at,
        "order_id": order,
        "channel": Channel(order.partition(":")[0]),
        "seller_id": SELLER,
        "channel_order_no": order.rpartition(":")[2],
        "placed_at": placed_at,
        "destination": HANOI,
        "lines": lines,
        "goods_vnd": goods,
        "shipping_vnd": 30_000,
        "discount_vnd": 0,
        "total_vnd": goods + 30_000,
        "cod_vnd": goods + 30_000,
        "shipping_payer": "buyer",
    }


def a_placed_order(
    order: str = ORDER,
    *lines: OrderLine,
    version: int = 1,
    placed_at: datetime = PLACED_AT,
) -> OrderPlaced:
    return OrderPlaced(**_content(order, lines or (a_line(),), version, placed_at))


def an_amended_order(
    order: str = ORDER,
    *lines: OrderLine,
    version: int = 2,
    placed_at: datetime = PLACED_AT,
) -> OrderAmended:
    return OrderAmended(**_content(order, lines or (a_line(),), version, placed_at))


def a_hold(order: str = ORDER, since: datetime = PLACED_AT, version: int = 1) -> OrderHeld:
    hold = Hold(reason=HoldReason.OPS, detail="ask the buyer", by="ops:an", since=since)
    return OrderHeld(
        version=version,
        occurred_at=since,
        order_id=order,
        channel=Channel(order.partition(":")[0]),
        seller_id=SELLER,
        placed_at=at(1),
        stage="intake",
        holds=(hold,),
    )


def a_cancellation(order: str = ORDER, when: datetime = NEXT_DAY) -> OrderCancelled:
    return OrderCancelled(
        version=1,
        occurred_at=when,
        order_id=order,
        channel=Channel(order.partition(":")[0]),
        seller_id=SELLER,
        by="channel:postmart",
        why="buyer changed their mind",
    )


def a_routed_shipment(
    shipment: str = SHIPMENT, carrier: str = "viettelpost", **changes: Any
) -> RoutedShipment:
    chosen = Candidate(
        carrier=carrier,
        service="VCN",
        zone="far",
        charged_weight_g=1000,
        price_vnd=40_000,
        tariff="sample",
        transit_h_from=48,
        transit_h_to=72,
        promised_on=date(2026, 10, 5),
    )
    return RoutedShipment(
        **{
            "shipment_id": shipment,
            "origin_id": "O-1",
            "origin": LAM_DONG,
            "lines": (ShipmentLine(line_no=1, quantity=2),),
            "weight_g": 1000,
            "goods_vnd": 300_000,
            "shipping_vnd": 30_000,
            "cod_vnd": 330_000,
            "chosen": chosen,
            "fallbacks": (),
            "handover_by": at(2, 17),
            "promised_on": date(2026, 10, 5),
            **changes,
        }
    )


def a_routing(
    *shipments: RoutedShipment, order: str = ORDER, when: datetime = ROUTED_AT, version: int = 1
) -> OrderRouted:
    return OrderRouted(
        version=version,
        occurred_at=when,
        order_id=order,
        channel=Channel(order.partition(":")[0]),
        seller_id=SELLER,
        based_on=1,
        destination=HANOI,
        shipments=shipments or (a_routed_shipment(f"{order}/1"),),
        rule_book="sample-1",
    )


def a_parcel(parcel: str = PARCEL, when: datetime = PACKED_AT, **changes: Any) -> ParcelPacked:
    return ParcelPacked(
        **{
            "version": 1,
            "occurred_at": when,
            "order_id": order_of(parcel),
            "channel": Channel(parcel.partition(":")[0]),
            "seller_id": SELLER,
            "shipment_id": shipment_of(parcel),
            "parcel_id": parcel,
            "parcel_count": 1,
            "contents": (PackedLine(line_no=1, quantity=2),),
            "weight_g": 1050,
            "length_cm": 20,
            "width_cm": 15,
            "height_cm": 10,
            "goods_vnd": 300_000,
            "cod_vnd": 330_000,
            **changes,
        }
    )


def a_booking(
    parcel: str = PARCEL,
    when: datetime = BOOKED_AT,
    attempt: int = 1,
    carrier: str = "viettelpost",
    **changes: Any,
) -> ShipmentBooked:
    return ShipmentBooked(
        **{
            "version": 1,
            "occurred_at": when,
            "order_id": order_of(parcel),
            "channel": Channel(parcel.partition(":")[0]),
            "seller_id": SELLER,
            "shipment_id": shipment_of(parcel),
            "parcel_id": parcel,
            "reference": booking_reference(parcel, attempt),
            "attempt": attempt,
            "carrier": carrier,
            "service": "VCN",
            "api": "partner_v2",
            "tracking_no": f"TN-{booking_reference(parcel, attempt)}",
            "weight_g": 1050,
            "freight_vnd": 40_000,
            "cod_vnd": 330_000,
            "promised_on": date(2026, 10, 5),
            **changes,
        }
    )


def a_void(
    parcel: str = PARCEL, attempt: int | None = 1, when: datetime = NEXT_DAY, version: int = 1
) -> BookingVoided:
    return BookingVoided(
        version=version,
        occurred_at=when,
        order_id=order_of(parcel),
        seller_id=SELLER,
        shipment_id=shipment_of(parcel),
        parcel_id=parcel,
        reference=None if attempt is None else booking_reference(parcel, attempt),
        why="cancelled",
    )


def on_a_manifest(
    *parcels: str,
    signed: datetime | None = None,
    version: int = 1,
    order: str = ORDER,
    when: datetime = BOOKED_AT,
    manifest_no: str = "MF00000001",
    attempt: int = 1,
) -> HandoverReported:
    return HandoverReported(
        version=version,
        occurred_at=signed or when,
        order_id=order,
        seller_id=order.split(":")[1],
        manifest_no=manifest_no,
        carrier="viettelpost",
        origin_id="O-1",
        parcels=tuple(
            ManifestedParcel(
                parcel_id=parcel,
                reference=booking_reference(parcel, attempt),
                handed_over_at=signed,
            )
            for parcel in parcels
        ),
    )


def a_tracking_state(
    status: TrackingStatus,
    when: datetime,
    version: int,
    parcel: str = PARCEL,
    *,
    attempt: int = 1,
    carrier: str = "viettelpost",
    **changes: Any,
) -> ShipmentStatusChanged:
    return ShipmentStatusChanged(
        **{
            "version": version,
            "occurred_at": when,
            "order_id": order_of(parcel),
            "channel": Channel(parcel.partition(":")[0]),
            "seller_id": SELLER,
            "shipment_id": shipment_of(parcel),
            "parcel_id": parcel,
            "reference": booking_reference(parcel, attempt),
            "carrier": carrier,
            "api": "partner_v2",
            "tracking_no": "TN1",
            "status": status,
            "attributed_to": "none",
            **changes,
        }
    )


def a_delivery(
    parcel: str = PARCEL, first_version: int = 1, attempt: int = 1, **changes: Any
) -> list[Event]:
    """Handed over on 2 October at 10, delivered on 4 October at 10 with the cash collected."""
    handed_over: dict[str, Any] = {
        "handed_over_at": at(2, 10),
        "attempt": attempt,
        "parcel": parcel,
    }
    return [
        a_tracking_state(TrackingStatus.PICKED_UP, at(2, 10), first_version, **handed_over),
        a_tracking_state(TrackingStatus.IN_TRANSIT, at(3), first_version + 1, **handed_over),
        a_tracking_state(
            TrackingStatus.DELIVERED,
            at(4, 10),
            first_version + 2,
            **{
                **handed_over,
                "first_attempt_at": at(4, 10),
                "delivered_at": at(4, 10),
                "attempt_no": 1,
                "cod_state": CodState.COLLECTED,
                "cod_vnd": 330_000,
                **changes,
            },
        ),
    ]


def a_cash_state(
    state: CodState = CodState.COLLECTED,
    version: int = 1,
    parcel: str = PARCEL,
    *,
    attempt: int = 1,
    when: datetime | None = None,
    **changes: Any,
) -> CodChanged:
    """Where the ledger has the cash of a booking: with the carrier, if nothing else is said."""
    return CodChanged(
        **{
            "version": version,
            "occurred_at": when or at(4, 10),
            "order_id": order_of(parcel),
            "channel": Channel(parcel.partition(":")[0]),
            "seller_id": SELLER,
            "parcel_id": parcel,
            "reference": booking_reference(parcel, attempt),
            "carrier": "viettelpost",
            "tracking_no": "TN1",
            "state": state,
            "booked_vnd": 330_000,
            "expected_vnd": 330_000,
            "collected_vnd": 330_000,
            **changes,
        }
    )


def a_life(order: str = ORDER) -> list[Event]:
    """One order from placing to the doorstep, in order."""
    parcel = f"{order}/1/1"
    return [
        a_placed_order(order),
        a_routing(order=order),
        a_parcel(parcel),
        a_booking(parcel),
        *a_delivery(parcel),
        a_cash_state(parcel=parcel),
    ]
