"""The lines of `orders.jsonl`."""

from __future__ import annotations

import unicodedata
from datetime import UTC
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

Line = dict[str, Any]


def market_number(channel: str, number: int, placed_at: datetime) -> str:
    """As the marketplace numbers its orders (facts/channels.md): Shopee by the day, others on."""
    if channel == "shopee":
        return f"{placed_at:%y%m%d}OCOP{number:04d}"
    return f"{ {'lazada': 4, 'tiki': 1, 'sendo': 2}[channel] }{number:09d}"


def line(
    at: datetime,
    channel: str,
    seller_id: str,
    kind: str,
    body: Line,
    *,
    after: str | None = None,
) -> Line:
    """One line of `orders.jsonl`; `at` in UTC so that lines sort as text."""
    return {
        "at": at.astimezone(UTC).isoformat(),
        "channel": channel,
        "seller_id": seller_id,
        "kind": kind,
        "after": after,
        "body": body,
    }


def decompose(body: Line) -> Line:
    """The same order as a phone that sends NFD would write it."""
    address = {
        name: unicodedata.normalize("NFD", value) if isinstance(value, str) else value
        for name, value in body["ship_to"].items()
    }
    return {**body, "ship_to": address}
