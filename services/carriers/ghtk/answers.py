"""What GHTK's envelope `{success, message, …}` says; "success false" may mean "already done"."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import Any, Final

from services.carriers.numbers import label_text, whole_number
from services.carriers.port import (
    BookAnswer,
    Booked,
    Found,
    LookupAnswer,
    NotFound,
    PricedService,
    Refused,
    Unknown,
    VoidAnswer,
    Voided,
)

UNAUTHORISED: Final = frozenset({401, 403})
EXISTS: Final = "ORDER_ID_EXIST"
LABELS: Final = ("ghtk_label", "label", "label_id")
"""Where the label of an order that exists already stands is not confirmed: any of these."""
ALREADY_CANCELLED: Final = "đã ở trạng thái hủy"
CANCELLED: Final = "-1"
DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


def succeeded(body: Any) -> bool:
    """Whether the envelope says in so many words that it went well."""
    return isinstance(body, dict) and body.get("success") is True


def failed(body: Any) -> bool:
    """Whether the envelope says in so many words that it did not."""
    return isinstance(body, dict) and body.get("success") is False


def read_booked(body: Any) -> BookAnswer:
    """The answer to the create call. An id that exists is a booking of ours, not a refusal."""
    if _exists(body):
        label = _existing_label(body)
        return Booked(label) if label else Unknown("it exists already; its label was not told")
    if failed(body):
        return Refused(reason(body))
    order = _order(body)
    label = label_text(order.get("label"), 64)
    if label is None:
        return Unknown("an answer without a label")
    return Booked(
        tracking_no=label,
        carrier_ref=label_text(order.get("tracking_id"), 64),
        freight_vnd=whole_number(order.get("fee")),
        expected_on=_day(order.get("estimated_deliver_time")),
        sort_code=label_text(order.get("sorting_code"), 64),
    )


def read_voided(body: Any) -> VoidAnswer:
    """The answer to the cancel call; cancelled already is cancelled."""
    if succeeded(body):
        return Voided()
    if not failed(body):
        return Unknown("no envelope")
    said = reason(body)
    if ALREADY_CANCELLED in unicodedata.normalize("NFC", said).casefold():
        return Voided()
    return Refused(said)


def read_status(body: Any, label: str) -> LookupAnswer:
    """The answer to the status query, believed only if it names the label."""
    if failed(body):
        return NotFound()
    order = _order(body)
    if label_text(order.get("label_id"), 64) != label:
        return Unknown("a status without our label")
    booked = Booked(label, freight_vnd=whole_number(order.get("ship_money")))
    return Found(booked, ended=label_text(order.get("status")) == CANCELLED)


def read_fee(body: Any, transport: str) -> PricedService | None:
    """The price of a `fee` answer (`fee.fee`, `fee.delivery`, as several clients read it).

    None where the carrier does not go there or the answer cannot be read.
    """
    told = body.get("fee") if succeeded(body) else None
    price = whole_number(told.get("fee")) if isinstance(told, dict) else None
    if price is None or not isinstance(told, dict) or told.get("delivery") is False:
        return None
    return PricedService(transport, price)


def reason(body: dict[str, Any]) -> str:
    """The carrier's free text, for people."""
    return label_text(body.get("message")) or "refused without a reason"


def _exists(body: Any) -> bool:
    if not failed(body):
        return False
    error = body.get("error")
    told = error.get("code") if isinstance(error, dict) else error
    return EXISTS in (told, body.get("error_code"), body.get("code"))


def _existing_label(body: dict[str, Any]) -> str | None:
    for part in (body.get("error"), body.get("order"), body):
        for name in LABELS if isinstance(part, dict) else ():
            if isinstance(part, dict) and (label := label_text(part.get(name), 64)):
                return label
    return None


def _order(body: Any) -> dict[str, Any]:
    order = body.get("order") if succeeded(body) else None
    return order if isinstance(order, dict) else {}


def _day(text: Any) -> date | None:
    """The day in a text such as "Sáng 2026-07-03"."""
    found = DAY.search(text) if isinstance(text, str) else None
    try:
        return date.fromisoformat(found[0]) if found else None
    except ValueError:
        return None
