"""What GHN's envelope `{code, message, data}` says; errors have code 400 and a code_message.

`total_fee` is text, `0001-01-01T00:00:00Z` means null, leadtime is in Unix seconds.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, Final, Literal, NamedTuple

from schemas.place import vietnam_date
from services.carriers.numbers import label_text, whole_number
from services.carriers.port import (
    BookAnswer,
    Booked,
    Found,
    LookupAnswer,
    NotFound,
    Refused,
    Unknown,
)

OK: Final = 200
UNAUTHORISED: Final = frozenset({401, 403})
ACCOUNT_TROUBLE: Final = "SHOP_NOT_FOUND"
ENDED: Final = "cancel"
YEARS: Final = range(2000, 2100)
DAY_S: Final = 86_400
LONGEST_S: Final = 60 * DAY_S


class Offer(NamedTuple):
    """A service on a route: its id there, and the type it is booked by."""

    service_id: int
    service_type_id: int


class LeadTime(NamedTuple):
    """When it should arrive, and how long that takes in hours, if the order's date was given."""

    expected_on: date
    transit_h: int | None


def succeeded(body: Any) -> bool:
    """Whether the envelope says in so many words that it went well."""
    return isinstance(body, dict) and body.get("code") == OK


def failed(body: Any) -> bool:
    """Whether the envelope says in so many words that it did not."""
    return isinstance(body, dict) and "code" in body and not succeeded(body)


def not_ours(status: int, body: Any) -> bool:
    """Whether it is our token or shop that is refused, and not what we asked for."""
    if status in UNAUTHORISED:
        return True
    return isinstance(body, dict) and (
        whole_number(body.get("code")) in UNAUTHORISED
        or body.get("code_message") == ACCOUNT_TROUBLE
    )


def read_booked(body: Any) -> BookAnswer:
    """The answer to `create`."""
    if failed(body):
        return Refused(reason(body))
    order = _order(_data(body))
    return order or Unknown("an answer without an order code")


def read_switched(body: Any, tracking_no: str) -> Literal[True] | Refused | Unknown:
    """The answer to `switch-status/…` for our one order: True if it was done."""
    if failed(body):
        return Refused(reason(body))
    rows = body.get("data") if succeeded(body) else None
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict) and row.get("order_code") == tracking_no:
            said = label_text(row.get("message")) or "refused without a reason"
            return True if row.get("result") is True else Refused(said)
    return Unknown("an answer that does not name the order")


def read_found(body: Any, reference: str) -> LookupAnswer:
    """The answer to `detail-by-client-code`, believed only if it names our reference."""
    if failed(body):
        return NotFound()
    data = _data(body)
    order = _order(data)
    if order is None:
        return Unknown("a detail without an order code")
    if data.get("client_order_code") != reference:
        return NotFound()
    return Found(order, ended=label_text(data.get("status")) == ENDED)


def read_offers(body: Any) -> tuple[Offer, ...]:
    """The answer to `available-services`; rows that cannot be read are left out."""
    rows = body.get("data") if succeeded(body) else None
    offers = []
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict):
            service, kind = (
                whole_number(row.get(key)) for key in ("service_id", "service_type_id")
            )
            if service and kind:
                offers.append(Offer(service, kind))
    return tuple(offers)


def read_fee(body: Any) -> int | None:
    """VND of a `fee` answer (`total`, which several clients read); None where there is none."""
    return whole_number(_data(body).get("total"))


def read_leadtime(body: Any) -> LeadTime | None:
    """The answer to `leadtime`."""
    data = _data(body)
    arrives, ordered = (whole_number(data.get(key)) for key in ("leadtime", "order_date"))
    moment = _moment(arrives)
    if moment is None or arrives is None:
        return None
    took = arrives - ordered if ordered else 0
    return LeadTime(vietnam_date(moment), took // 3600 if 0 < took <= LONGEST_S else None)


def reason(body: dict[str, Any]) -> str:
    """The carrier's free text with its code_message, for people."""
    parts = (label_text(body.get("code_message"), 64), label_text(body.get("message")))
    return ": ".join(part for part in parts if part) or "refused without a reason"


def iso_date(text: Any) -> date | None:
    """The Vietnamese day of an ISO time; None for a zero date and whatever is no time."""
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    if moment is None or moment.year not in YEARS:
        return None
    return vietnam_date(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _data(body: Any) -> dict[str, Any]:
    data = body.get("data") if succeeded(body) else None
    return data if isinstance(data, dict) else {}


def _order(data: dict[str, Any]) -> Booked | None:
    number = label_text(data.get("order_code"), 64)
    if number is None:
        return None
    return Booked(
        tracking_no=number,
        freight_vnd=whole_number(data.get("total_fee")),
        expected_on=iso_date(data.get("expected_delivery_time")),
        sort_code=label_text(data.get("sort_code"), 64),
    )


def _moment(seconds: int | None) -> datetime | None:
    try:
        moment = datetime.fromtimestamp(seconds or 0, UTC)
    except (OverflowError, OSError, ValueError):
        return None
    return moment if moment.year in YEARS else None
