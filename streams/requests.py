"""Records of our own for `tracking.received`: how a request about a number is written."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from schemas.catalogue import TRACKING_RECEIVED
from schemas.event import EVENT_NAMESPACE
from schemas.mending import KIND_HEADER
from streams.runtime.outgoing import Outgoing

if TYPE_CHECKING:
    from schemas.mending import Request


def request(kind: Request, waybill: str, request_id: str, value: bytes) -> Outgoing:
    """A record about a number (`carrier:tracking_no`); the same request has the same id."""
    record_id = uuid.uuid5(EVENT_NAMESPACE, f"{kind}|{waybill}|{request_id}")
    headers = {
        "ce_specversion": "1.0",
        "ce_id": str(record_id),
        "ce_type": TRACKING_RECEIVED.name,
        "ce_source": "/ocop/ops",
        "ce_time": datetime.now(UTC).isoformat(),
        "content-type": "application/json",
        KIND_HEADER: kind.value,
    }
    encoded = tuple((name, text.encode()) for name, text in headers.items())
    return Outgoing(TRACKING_RECEIVED.name, waybill.encode(), value, encoded)
