"""What CustomerConnect answers.

Only the answers to the login and to the prices are documented. That to `CreateOrder` is read by
the names of its webhook, at the top or under `Data`; whatever cannot be read leaves the booking
open until the webhook names our reference.
"""

from __future__ import annotations

from typing import Any, Final

from services.carriers.numbers import label_text, whole_number
from services.carriers.port import (
    BookAnswer,
    Booked,
    PricedService,
    QuoteAnswer,
    Quoted,
    Refused,
    Unknown,
)

WORDS: Final = ("ErrorMessage", "Message", "message")


def failed(body: Any) -> bool:
    """Whether the body says in so many words that it did not go well."""
    return isinstance(body, dict) and _order(body) is None and _complains(body)


def read_token(body: Any) -> str | None:
    """The token of a `GetAccessToken` answer; None when refused."""
    if not isinstance(body, dict) or body.get("IsSuccess") is not True:
        return None
    return label_text(body.get("Token"), 4096)


def read_booked(body: Any) -> BookAnswer:
    """The answer to `CreateOrder`."""
    order = _order(body)
    if order is not None:
        return order
    return Refused(reason(body)) if failed(body) else Unknown("an answer without an item code")


def read_prices(body: Any) -> QuoteAnswer:
    """The answer to `TinhCuocTatCaDichVu`: a bare array.

    `TongCuocBaoGomDVCT` is with add-ons, `TongCuocSauVAT` without; both with VAT.
    """
    if failed(body):
        return Refused(reason(body))
    if not isinstance(body, list):
        return Unknown("no list of services")
    priced = [service for row in body if (service := _priced(row))]
    return Quoted(tuple(priced)) if priced or not body else Unknown("no row can be read")


def reason(body: dict[str, Any]) -> str:
    """The carrier's free text, for people."""
    words = (label_text(body.get(name)) for name in WORDS)
    return next((text for text in words if text), "refused without a reason")


def _order(body: Any) -> Booked | None:
    if not isinstance(body, dict):
        return None
    inner = body.get("Data")
    order = inner if isinstance(inner, dict) else body
    number = label_text(order.get("ItemCode"), 64)
    if number is None:
        return None
    return Booked(
        tracking_no=number,
        carrier_ref=label_text(order.get("Id"), 64),
        freight_vnd=whole_number(order.get("TotalFreightIncludeVat")),
    )


def _priced(row: Any) -> PricedService | None:
    if not isinstance(row, dict):
        return None
    code = label_text(row.get("MaDichVu"), 32)
    whole, bare = (whole_number(row.get(n)) for n in ("TongCuocBaoGomDVCT", "TongCuocSauVAT"))
    amount = whole or bare
    return PricedService(code, amount) if code and amount else None


def _complains(body: dict[str, Any]) -> bool:
    return body.get("IsSuccess") is False or any(label_text(body.get(name)) for name in WORDS)
