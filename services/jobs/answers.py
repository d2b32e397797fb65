"""A call's outcome as the flow reads it: `booking.resulted`, stored before it is published."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Protocol

from schemas.booking import BookingOutcome, BookingResulted
from schemas.catalogue import BOOKING_RESULTED
from schemas.event import next_version

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from schemas.event import Event
    from schemas.topics import Topic
    from services.carriers.port import Booked
    from services.jobs.calls import Known


class Appending(Protocol):
    """A log that takes one record at a time; `services.kafka.appender.Appender` is one."""

    async def append(
        self, topic: Topic, key: str, value: bytes, headers: Mapping[str, str]
    ) -> None:
        """Return once the record is durable. Raises NotAppended."""


MESSAGE_LIMIT: Final = 200
LONG_NUMBER: Final = re.compile(r"\+?\d[\d .-]{6,}\d")


def resulted(
    known: Known,
    outcome: BookingOutcome,
    at: datetime,
    *,
    era: int,
    message: str = "",
    booked: Booked | None = None,
) -> BookingResulted:
    """The next answer about this reference and kind of call."""
    row = known.row
    return BookingResulted(
        version=next_version(row["version"], era),
        occurred_at=at,
        order_id=row["order_id"],
        parcel_id=row["parcel_id"],
        reference=row["reference"],
        kind=known.job.kind,
        request=known.job.request,
        outcome=outcome,
        message=without_numbers(message)[:MESSAGE_LIMIT],
        tracking_no=booked.tracking_no if booked else None,
        carrier_ref=booked.carrier_ref if booked else None,
        freight_vnd=booked.freight_vnd if booked else None,
        expected_on=booked.expected_on if booked else None,
        sort_code=booked.sort_code if booked else None,
    )


def without_numbers(message: str) -> str:
    """A carrier's words without what may be a phone: it may repeat what it was sent."""
    return LONG_NUMBER.sub("…", message)


async def publish(appender: Appending, answer: dict[str, Any]) -> None:
    """Append an answer durably; once more is no harm. Raises NotAppended."""
    event = BookingResulted.model_validate(answer)
    value = event.model_dump_json().encode()
    await appender.append(BOOKING_RESULTED, event.key, value, headers_of(event))


def headers_of(event: Event) -> dict[str, str]:
    """CloudEvents and trace headers that are the same every time an event is told."""
    return {
        "ce_specversion": "1.0",
        "ce_id": str(event.event_id),
        "ce_type": event.topic_name,
        "ce_source": "/ocop/jobs",
        "ce_time": event.occurred_at.isoformat(),
        "ce_subject": event.entity,
        "content-type": "application/json",
        "traceparent": f"00-{event.event_id.hex}-{event.event_id.hex[:16]}-01",
    }
