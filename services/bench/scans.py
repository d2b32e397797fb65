"""Eight webhooks a parcel, from the collection to the buyer's door, of either carrier."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import orjson

from schemas.place import VIETNAM
from services.bench.parcels import received, webhook_body
from services.sandbox.plans import Step

if TYPE_CHECKING:
    from datetime import datetime

    from services.bench.filling import Made

LIVES: Final = {
    "viettelpost": (
        *(Step(0.5, "104"), Step(4, "105"), Step(6, "200"), Step(12, "300")),
        *(Step(30, "400"), Step(38, "500"), Step(40, "506", 36), Step(60, "501")),
    ),
    "vnpost": (
        *(Step(0.5, "4"), Step(4, "6"), Step(6, "7"), Step(12, "10")),
        *(Step(30, "11"), Step(38, "12"), Step(40, "15"), Step(60, "14")),
    ),
}
"""Codes and the hours since the booking: collected, carried, not at home once, delivered."""
VISIBLE: Final = {
    "viettelpost": ((1, "picked_up"), (3, "in_transit"), (5, "out_for_delivery"), (7, "delivered")),
    "vnpost": ((1, "picked_up"), (3, "in_transit"), (5, "out_for_delivery"), (7, "delivered")),
}
"""Steps of a life that a seller sees at once, and as what."""
APIS: Final = {"viettelpost": "partner_v2", "vnpost": "myvnpost"}


def scan_record(booked: dict[str, Any], number: int, booked_at: datetime) -> Made:
    """One webhook of a parcel's life, as the gateway appends it."""
    carrier = booked["carrier"]
    body = scan_body(booked, number, booked_at)
    return received(carrier, APIS[carrier], booked["tracking_no"], orjson.dumps(body))


def scan_body(booked: dict[str, Any], number: int, booked_at: datetime) -> dict[str, Any]:
    """The body in the carrier's own format; Vietnam Post's is not signed yet."""
    carrier, tracking_no = booked["carrier"], booked["tracking_no"]
    step = LIVES[carrier][number]
    at = booked_at + timedelta(hours=step.after_h)
    if carrier == "viettelpost":
        return webhook_body(tracking_no, booked["reference"], step, at)
    return {
        "sendDate": f"{at.astimezone(VIETNAM):%d/%m/%Y %H:%M:%S}",
        "data": [
            {
                "itemCode": tracking_no,
                "saleOrderCode": booked["reference"],
                "status": step.code,
                "statusName": "",
                "codAmount": booked["cod_vnd"],
            }
        ],
        "signature": "",
    }
