"""What MyVNPost answers. Its error shape is not documented: no item code means no order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from schemas.place import VIETNAM
from services.carriers.numbers import label_text, whole_number
from services.carriers.port import (
    BookAnswer,
    Booked,
    EditAnswer,
    Edited,
    Found,
    LookupAnswer,
    NotFound,
    PricedService,
    QuoteAnswer,
    Quoted,
    Refused,
    Unknown,
    VoidAnswer,
    Voided,
    VoidPending,
)

TIME_FORMS: Final = ("%d/%m/%Y %H:%M:%S", "%Y-%m-%d %H:%M:%S", "%d/%m/%Y %H:%M")
"""How the day and the hour of a history may be written: nobody says."""

ENDED: Final = frozenset({"-8", "9"})
"""Deleted, collection cancelled (vnpost_status.csv)."""


@dataclass(frozen=True, slots=True)
class Happened:
    """One line of an order's history. `at`: Vietnam's time."""

    at: datetime
    code: str


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


def read_corrected(body: Any) -> EditAnswer:
    """The answer to `orderCorrection`: assumed to be shaped like that to `orderCancel`."""
    match read_voided(body):
        case Voided():
            return Edited()
        case VoidPending(noted):
            return Unknown(f"noted: {noted}")
        case other:
            return other


def read_prices(body: Any) -> QuoteAnswer:
    """The answer to `ServicesCharge`: a bare array; `totalFee` is with VAT, as in `CreateOrder`."""
    if isinstance(body, dict) and _complains(body):
        return Refused(reason(body))
    if not isinstance(body, list):
        return Unknown("no list of services")
    priced = [service for row in body if (service := _priced(row))]
    return Quoted(tuple(priced)) if priced or not body else Unknown("no row can be read")


def read_history(body: Any) -> tuple[Happened, ...] | None:
    """The answer to `GetStatusHistoryOrder`, oldest first; None where it holds no history."""
    rows = body.get("statusHistory") if isinstance(body, dict) else None
    if not isinstance(rows, list):
        return None
    told = [happened for row in rows if (happened := _happened(row))]
    return tuple(sorted(told, key=lambda one: one.at))


def _happened(row: Any) -> Happened | None:
    if not isinstance(row, dict):
        return None
    code = label_text(row.get("statusCode"), 32)
    written = f"{row.get('createdDate')} {row.get('createdHour')}"[:40]
    for form in TIME_FORMS:
        try:
            at = datetime.strptime(written, form).replace(tzinfo=VIETNAM)
        except ValueError:
            continue
        return Happened(at, code) if code else None
    return None


def _priced(row: Any) -> PricedService | None:
    if not isinstance(row, dict):
        return None
    code, price = label_text(row.get("serviceCode"), 32), whole_number(row.get("totalFee"))
    if code is None or not price:
        return None
    return PricedService(code, price, charged_weight_g=whole_number(row.get("priceWeight")) or None)


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
