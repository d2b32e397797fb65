"""What MyVNPost answers. Its error shape is not documented: no item code means no order."""

from __future__ import annotations

from typing import Any, Final

from services.carriers.numbers import label_text, whole_number
from services.carriers.port import (
    BookAnswer,
    Booked,
    Found,
    LookupAnswer,
    NotFound,
    Refused,
    Unknown,
    VoidAnswer,
    Voided,
    VoidPending,
)

ENDED: Final = frozenset({"-8", "9"})
"""Deleted, collection cancelled (vnpost_status.csv)."""


def failed(body: Any) -> bool:
    """Whether the body says in so many words that it did not go well."""
    if not isinstance(body, dict) or "itemCode" in body or body.get("Type") in ("00", "02"):
        return False
    return _complains(body)


def read_token(body: Any) -> str | None:
    """The token of a `GetAccessToken` answer; None when refused."""
    if not isinstance(body, dict) or body.get("success") is not True:
        return None
    return label_text(body.get("token"), 4096)


def read_booked(body: Any) -> BookAnswer:
    """The answer to `CreateOrder`."""
    order = _order(body)
    if order is not None:
        return order
    if isinstance(body, dict) and _complains(body):
        return Refused(reason(body))
    return Unknown("an answer without an item code")


def read_voided(body: Any) -> VoidAnswer:
    """The answer to `orderCancel`: "02" is noted, not cancelled."""
    if not isinstance(body, dict):
        return Unknown("no object")
    match label_text(body.get("Type")):
        case "00":
            return Voided()
        case "02":
            return VoidPending(label_text(body.get("Message")) or "pending")
        case None if not _complains(body):
            return Unknown("an answer without a type")
        case _:
            return Refused(reason(body))


def read_found(body: Any, reference: str) -> LookupAnswer:
    """The answer to `getOrder`, believed only if it names our reference."""
    if isinstance(body, list):
        body = next((row for row in body if _names(row, reference)), {})
    order = _order(body)
    if order is None:
        return NotFound() if body in ({}, None) or failed(body) else Unknown("unreadable")
    if not _names(body, reference):
        return NotFound()
    return Found(order, ended=label_text(body.get("status")) in ENDED)


def reason(body: dict[str, Any]) -> str:
    """The carrier's free text, for people."""
    for name in ("errorMessage", "Message", "message"):
        if text := label_text(body.get(name)):
            return text
    return "refused without a reason"


def _order(body: Any) -> Booked | None:
    number = label_text(body.get("itemCode"), 64) if isinstance(body, dict) else None
    if number is None:
        return None
    return Booked(
        tracking_no=number,
        carrier_ref=label_text(body.get("originalID"), 64),
        freight_vnd=whole_number(body.get("totalFee")),
        sort_code=label_text(body.get("sortCode"), 64),
    )


def _names(body: Any, reference: str) -> bool:
    return isinstance(body, dict) and body.get("saleOrderCode") == reference


def _complains(body: dict[str, Any]) -> bool:
    named = any(label_text(body.get(name)) for name in ("errorMessage", "Message", "message"))
    return body.get("success") is False or named
