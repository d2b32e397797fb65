"""Rows of tracking as the stage works on them: bookings with their folded state, and numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

from streams.rules.tracking_flags import Promise
from streams.rules.tracking_fold import restored, stored

if TYPE_CHECKING:
    from datetime import datetime

    from streams.rules.tracking_fold import Parcel


@dataclass(slots=True)
class Booking:
    """A row of tracking.bookings; `waybill` and the rest None until the booking is known."""

    reference: str
    waybill: str | None = None
    waybill_id: int | None = None
    order_id: str | None = None
    channel: str | None = None
    seller_id: str | None = None
    parcel_id: str | None = None
    api: str | None = None
    cod_vnd: int | None = None
    booked_at: datetime | None = None
    booked_version: int | None = None
    also: list[str] = field(default_factory=list)
    contested: bool = False
    version: int = 0
    state: str = "{}"
    service: str | None = None
    told_at: datetime | None = None
    promise_ends_at: int | None = None
    is_delayed: bool = False
    flags: str = ""

    @property
    def promise(self) -> Promise:
        """When it is to be at the door."""
        return Promise(self.promise_ends_at, self.is_delayed)

    def heard_of(self, numbers: set[str]) -> bool:
        """Whether one of these is its number, or one that named it."""
        return self.waybill in numbers or not numbers.isdisjoint(self.also)


@dataclass(slots=True)
class Waybill:
    """A row of tracking.waybills. `made`: by this batch, so nothing hangs on it yet.

    `changed`: it has to be stored again.
    """

    waybill: str
    waybill_id: int
    linked: list[str] = field(default_factory=list)
    parked: int = 0
    parked_since: datetime | None = None
    parked_why: str | None = None
    made: bool = False
    changed: bool = False


def packed_state(parcel: Parcel) -> str:
    """A folded state as it is stored."""
    return orjson.dumps(stored(parcel)).decode()


def unpacked_state(booking: Booking) -> Parcel:
    """The folded state that is stored with a booking."""
    return restored(orjson.loads(booking.state))
