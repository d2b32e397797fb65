"""Parcels as Viettel Post tells of them: bookings to register, and every webhook of their lives.

Lives are those of the carrier's sandbox (failed attempts, returns, unknown codes), in the order
they happen to all parcels together, so that two events of one parcel are seldom neighbours.
Some are sent twice and some come late, as often as the sandbox does it.
"""

from __future__ import annotations

import random
import secrets
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import orjson

from schemas.booking import ShipmentBooked
from schemas.ids import booking_reference, tracking_key
from schemas.intake import Channel
from schemas.place import VIETNAM
from services.bench.filling import Made
from services.sandbox.options import Lives, Mischief
from services.sandbox.plans import viettelpost_plan

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from services.sandbox.plans import Step

CARRIER: Final = "viettelpost"
API: Final = "partner_v2"
SELLERS: Final = 500
SPREAD_H: Final = 72.0
"""The parcels begin their lives within this time."""
EVENTS_A_PARCEL: Final = 9.4
"""What a life has on average."""
SECRET: Final = "bench-webhook-secret"  # noqa: S105 (no secret: the servers live for minutes)
"""Viettel Post's, in headers and bodies, on servers that live for minutes."""
AGO: Final = timedelta(days=20)


@dataclass(frozen=True, slots=True)
class BenchParcel:
    """A parcel and its booking."""

    number: int

    @property
    def order_id(self) -> str:
        """The order it belongs to."""
        return f"postmart:S{self.number % SELLERS:03d}:BENCH-{self.number:07d}"

    @property
    def tracking_no(self) -> str:
        """Eleven digits, as Viettel Post writes them."""
        return str(10_000_000_000 + self.number * 7919)

    @property
    def reference(self) -> str:
        """Ours, for the first attempt."""
        return booking_reference(f"{self.order_id}/1/1", 1)

    def booked(self, at: datetime) -> ShipmentBooked:
        """The event that makes its number known."""
        return ShipmentBooked(
            version=1,
            occurred_at=at,
            order_id=self.order_id,
            channel=Channel.POSTMART,
            seller_id=f"S{self.number % SELLERS:03d}",
            shipment_id=f"{self.order_id}/1",
            parcel_id=f"{self.order_id}/1/1",
            reference=self.reference,
            attempt=1,
            carrier=CARRIER,
            service="VCN",
            api=API,
            tracking_no=self.tracking_no,
            weight_g=1200,
            freight_vnd=30_000,
            cod_vnd=250_000,
            promised_on=date(2026, 10, 9),
        )


def lives(parcels: Sequence[BenchParcel], start: datetime, seed: int = 1) -> Iterator[Made]:
    """Every webhook of these parcels, in the order the carrier sends them."""
    chance = random.Random(seed)  # noqa: S311 (repeatable chance, no secret)
    mischief = Mischief()
    told: list[tuple[float, Made]] = []
    for parcel in parcels:
        hour = chance.uniform(0, SPREAD_H)
        for step in viettelpost_plan(chance, Lives()):
            hour += step.after_h
            record = webhook_record(parcel, step, start + timedelta(hours=hour))
            delay_h = chance.uniform(4, 40) if chance.random() < mischief.late else 0.0
            told.append((hour + delay_h, record))
            if chance.random() < mischief.duplicate:
                told.append((hour + delay_h + 0.2, record))
    told.sort(key=lambda entry: entry[0])
    return (record for _, record in told)


def webhook_record(parcel: BenchParcel, step: Step, at: datetime) -> Made:
    """A webhook as the gateway appends it."""
    body = orjson.dumps(webhook_body(parcel.tracking_no, parcel.reference, step, at))
    return received(CARRIER, API, parcel.tracking_no, body)


def received(carrier: str, api: str, tracking_no: str, body: bytes) -> Made:
    """A record of `tracking.received` with the headers the gateway gives it."""
    identity = secrets.token_hex(16)
    headers = (
        ("ce_specversion", b"1.0"),
        ("ce_id", identity.encode()),
        ("ce_type", b"tracking.received.v1"),
        ("ce_source", b"/ocop/gateway"),
        ("ce_time", datetime.now(UTC).isoformat().encode()),
        ("content-type", b"application/json"),
        ("traceparent", f"00-{identity}-{identity[:16]}-01".encode()),
        ("ocop_carrier", carrier.encode()),
        ("ocop_api", api.encode()),
        ("ocop_partner", carrier.encode()),
        ("ocop_item", b"0"),
    )
    return Made(tracking_key(carrier, tracking_no).encode(), body, headers)


def webhook_body(
    tracking_no: str, reference: str, step: Step, at: datetime, secret: str = SECRET
) -> dict[str, Any]:
    """A body with every field Viettel Post's document shows."""
    return {
        "DATA": {
            "ORDER_NUMBER": tracking_no + step.leg,
            "ORDER_REFERENCE": reference,
            "ORDER_STATUSDATE": f"{at.astimezone(VIETNAM):%d/%m/%Y %H:%M:%S}",
            "ORDER_STATUS": int(step.code),
            "STATUS_NAME": "",
            "LOCALION_CURRENTLY": "BC Mẫu",
            "LOCATION_CURRENTLY": "BC Mẫu",
            "NOTE": "",
            "MONEY_COLLECTION": 250_000,
            "MONEY_COLLECTION_ORIGIN": 250_000,
            "MONEY_TOTAL": 30_000,
            "EXPECTED_DELIVERY": "Khoảng 3 ngày làm việc",
            "EXPECTED_DELIVERY_DATE": None,
            "PRODUCT_WEIGHT": 1200,
            "ORDER_SERVICE": "VCN",
            "ORDER_SERVICE_ADD": "",
            "ORDER_PAYMENT": 3,
            "DETAIL": [],
            "EMPLOYEE_NAME": "",
            "EMPLOYEE_PHONE": "",
            "IS_RETURNING": step.returning,
            "POD": {"IMAGES": []},
            "REASON_CODE": step.reason,
            "RECEIVER_FULLNAME": "Khách Mẫu",
            "ORDER_NOTE": "",
            "GROUPADDRESS_ID": 0,
        },
        "TOKEN": secret,
    }
