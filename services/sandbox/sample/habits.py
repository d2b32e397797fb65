"""How the sample month's buyers order: where, when, by which name, and what goes wrong how often."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

HCMC = timezone(timedelta(hours=7))
MONTH_START = datetime(2026, 10, 1, tzinfo=HCMC)
CHANNELS = {
    "postmart": 34,
    "voso": 28,
    "direct": 20,
    "shopee": 7,
    "lazada": 4,
    "tiki": 4,
    "sendo": 3,
}
PREFIX = {"postmart": "PM", "voso": "VS", "direct": "DO"}
PLATFORM_SHIPS = {"shopee": 1.0, "lazada": 1.0, "tiki": 0.5, "sendo": 0.0}
"""How often a marketplace ships with its own logistics, as channels.md says of each."""
SALE_DAYS = {10: 3.0, 20: 2.0}
"""10.10 and Vietnamese Women's Day sell more."""
BUSY_HOURS = (0, 0, 0, 0, 0, 1, 2, 4, 6, 7, 7, 6, 6, 5, 6, 6, 5, 5, 6, 8, 10, 9, 5, 2)
BIG_CITIES = {"01": 9, "79": 14, "48": 4, "31": 4, "75": 4, "92": 3}
COD_SHARE = 0.68
FAMILY_NAMES = ("Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Võ", "Đặng", "Bùi")
MIDDLE_NAMES = ("Văn", "Thị", "Đức", "Ngọc")
LAST_ORDER_DAY = 26


@dataclass(frozen=True, slots=True)
class Shares:
    """How often each kind of trouble is planted."""

    repeated: float = 0.05
    amended: float = 0.03
    cancelled_early: float = 0.02
    cancelled_packed: float = 0.012
    cancelled_shipped: float = 0.008
    bad_address: float = 0.02
    old_province: float = 0.06
    decomposed_text: float = 0.04
    unknown_product: float = 0.005
    mended_address: float = 0.6
    """Of the bad addresses: the others stay held."""
    ambiguous_address: float = 0.3
    """Of the bad addresses: one that two communes share."""
    line_weight: float = 0.5
