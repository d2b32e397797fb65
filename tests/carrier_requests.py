"""What every carrier is asked in its exam: one parcel of tea from Hà Nội, cash on delivery."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from services.carriers.port import BookingRequest, Party
from services.sandbox.options import CALM, EVEN, Options

STILL: Final = Options(mischief=CALM, lives=EVEN, speed=1.0)
"""A carrier without moods, at which nothing happens during a test."""
REFERENCE: Final = "OCAAAABBBBCCCCDDDD-1"
STREET: Final = "Số 1 Đường Mẫu"
LOCALITY: Final = ("00166", "Phường Cầu Giấy", "01", "Hà Nội")
MIDNIGHT: Final = datetime(2026, 10, 1, tzinfo=UTC)


def a_request_for(
    service: str, reference: str = REFERENCE, ready_at: datetime = MIDNIGHT
) -> BookingRequest:
    party = Party("Trần Thị B", "+84900000002", STREET, *LOCALITY)
    return BookingRequest(
        reference, service, party, party, "Trà", 1, 1_200, 30, 20, 15, 320_000, 350_000, ready_at
    )
