"""What tracking tells the others: a booking's whole state when what they can see of it changed."""

from __future__ import annotations

from datetime import UTC, datetime
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from schemas.event import next_version
from schemas.ids import shipment_of
from schemas.intake import Channel
from schemas.tracking import MoneyWord, ShipmentStatusChanged, TrackingUnmapped
from streams.rules.tracking_flags import told

if TYPE_CHECKING:
    from schemas.tracking import CodState, Remapped
    from streams.rules.tracking_fold import Parcel
    from streams.tracking_reading import Seen
    from streams.tracking_rows import Booking

visible: Final = attrgetter(
    "status",
    "since",
    "detail",
    "attributed_to",
    "postponed_by",
    "provisional",
    "implied",
    "partial",
    "moved_after_terminal",
    "counted_failures",
    "handed_over_at",
    "first_attempt_at",
    "delivered_at",
    "returned_at",
    "written_off_at",
    "cod",
    "cod_vnd",
    "money",
    "return_no",
)
"""What of a state the event shows; the number of events alone is no reason to tell."""

CHANNELS: Final = {str(channel): channel for channel in Channel}


def status_changed(
    booking: Booking, parcel: Parcel, version: int, remapped: Remapped | None = None
) -> ShipmentStatusChanged:
    """The event that tells of a booked booking's state. The times are the carrier's claims."""
    carrier, _, tracking_no = (booking.waybill or "").partition(":")
    parcel_id = booking.parcel_id or ""
    as_of = booking.booked_at if parcel.as_of is None else _moment(parcel.as_of)
    fields = {
        "version": version,
        "occurred_at": as_of,
        "order_id": booking.order_id,
        "channel": CHANNELS[booking.channel or ""],
        "seller_id": booking.seller_id,
        "shipment_id": shipment_of(parcel_id),
        "parcel_id": parcel_id,
        "reference": booking.reference,
        "carrier": carrier,
        "api": booking.api,
        "tracking_no": tracking_no,
        "status": parcel.status,
        "status_since": _moment(parcel.since),
        "detail": parcel.detail,
        "attributed_to": parcel.attributed_to,
        "postponed_by": parcel.postponed_by,
        "provisional": parcel.provisional,
        "implied": parcel.implied,
        "partial": parcel.partial,
        "moved_after_terminal": parcel.moved_after_terminal,
        "attempt_no": parcel.attempt_no,
        "counted_failures": parcel.counted_failures,
        "handed_over_at": _moment(parcel.handed_over_at),
        "first_attempt_at": _moment(parcel.first_attempt_at),
        "delivered_at": _moment(parcel.delivered_at),
        "returned_at": _moment(parcel.returned_at),
        "written_off_at": _moment(parcel.written_off_at),
        "cod_state": parcel.cod,
        "cod_vnd": parcel.cod_vnd,
        "money": tuple(_word(*word) for word in parcel.money),
        "return_no": parcel.return_no,
        "events": parcel.events,
        "flags": told(booking.flags),
        "remapped": remapped,
    }
    return _made_of(fields)


def _made_of(fields: dict[str, Any]) -> ShipmentStatusChanged:
    """The event with these values. They are our own, of the right types: not validated again.

    What `model_construct` does, for every field given; that would cost more than validating.
    """
    event = ShipmentStatusChanged.__new__(ShipmentStatusChanged)
    object.__setattr__(event, "__dict__", fields)
    object.__setattr__(event, "__pydantic_fields_set__", set(fields))
    object.__setattr__(event, "__pydantic_extra__", None)
    object.__setattr__(event, "__pydantic_private__", None)
    return event


def unmapped(event: Seen, era: int) -> TrackingUnmapped:
    """The event that shows a code without a certain meaning (R9)."""
    carrier, _, number = event.waybill.partition(":")
    return TrackingUnmapped(
        version=next_version(0, era),
        occurred_at=datetime.fromtimestamp(event.scan.at, UTC),
        carrier=carrier,
        api=event.column("api"),
        tracking_no=number,
        code=event.column("code"),
        reason_code=event.column("reason_code"),
        event_key=event.column("event_key").hex(),
        mapping_version=event.column("mapping"),
    )


def _word(said: CodState, vnd: int, at: int, key: str) -> MoneyWord:
    return MoneyWord.model_construct(
        said=said, vnd=vnd, at=datetime.fromtimestamp(at, UTC), event_key=key
    )


def _moment(at: int | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, UTC)
