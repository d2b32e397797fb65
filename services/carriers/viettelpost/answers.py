"""What Viettel Post's envelope says. `error: true` can come with HTTP 200: judge by the body."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Any, Final

from schemas.place import vietnam_date
from services.carriers.numbers import label_text, whole_number
from services.carriers.port import (
    BookAnswer,
    Booked,
    EditAnswer,
    Edited,
    PricedService,
    QuoteAnswer,
    Quoted,
    RedeliveryAccepted,
    RedeliveryAnswer,
    Refused,
    ReturnAccepted,
    ReturnAnswer,
    Unknown,
    VoidAnswer,
    Voided,
)

LONGEST_KPI_H: Final = 60 * 24
HOURS: Final = re.compile(r"\s*(\d{1,4})\s*giờ\s*", re.ASCII)


def succeeded(body: Any) -> bool:
    """Whether the envelope says in so many words that it went well."""
    return isinstance(body, dict) and body.get("error") is False and body.get("status") == 200  # noqa: PLR2004


def failed(body: Any) -> bool:
    """Whether the envelope says in so many words that it did not."""
    return isinstance(body, dict) and not succeeded(body) and ("error" in body or "status" in body)


def read_token(body: Any) -> tuple[str, int | None] | None:
    """The token and its end (Unix ms, if given) of a login answer; None when refused."""
    data = body.get("data") if succeeded(body) else None
    if not isinstance(data, dict) or not isinstance(data.get("token"), str) or not data["token"]:
        return None
    return data["token"], whole_number(data.get("expired"))


def read_booked(body: Any, ready_at: datetime) -> BookAnswer:
    """The answer to a create call; a body that is no envelope leaves it open."""
    if failed(body):
        return Refused(reason(body))
    data = body.get("data") if succeeded(body) else None
    number = label_text(data.get("ORDER_NUMBER"), 64) if isinstance(data, dict) else None
    if not isinstance(data, dict) or number is None:
        return Unknown("an answer without a waybill")
    return Booked(
        tracking_no=number,
        freight_vnd=whole_number(data.get("MONEY_TOTAL")),
        expected_on=_expected_on(ready_at, data.get("KPI_HT")),
        sort_code=label_text(data.get("SORT_CODE"), 64),
    )


def read_voided(body: Any) -> VoidAnswer:
    """The answer to `UpdateOrder` with type 4."""
    if succeeded(body):
        return Voided()
    return Refused(reason(body)) if failed(body) else Unknown("no envelope")


def read_return(body: Any) -> ReturnAnswer:
    """The answer to `UpdateOrder` with type 2."""
    if succeeded(body):
        return ReturnAccepted()
    return Refused(reason(body)) if failed(body) else Unknown("no envelope")


def read_redelivery(body: Any) -> RedeliveryAnswer:
    """The answer to `UpdateOrder` with type 3."""
    if succeeded(body):
        return RedeliveryAccepted()
    return Refused(reason(body)) if failed(body) else Unknown("no envelope")


def read_edited(body: Any) -> EditAnswer:
    """The answer to `edit`: assumed to hold what a create call's does."""
    if not succeeded(body):
        return Refused(reason(body)) if failed(body) else Unknown("no envelope")
    data = body.get("data")
    return Edited(whole_number(data.get("MONEY_TOTAL")) if isinstance(data, dict) else None)


def read_prices(body: Any) -> QuoteAnswer:
    """The answer to `getPriceAll` (a bare array) or `getPriceAllNlp` (an array under RESULT)."""
    if failed(body):
        return Refused(reason(body))
    rows = body.get("RESULT", body.get("data")) if isinstance(body, dict) else body
    if not isinstance(rows, list):
        return Unknown("no list of services")
    priced = [service for row in rows if (service := _priced(row))]
    return Quoted(tuple(priced)) if priced or not rows else Unknown("no row can be read")


def _priced(row: Any) -> PricedService | None:
    if not isinstance(row, dict):
        return None
    code, price = label_text(row.get("MA_DV_CHINH"), 32), whole_number(row.get("GIA_CUOC"))
    if code is None or not price:
        return None
    told = HOURS.fullmatch(row["THOI_GIAN"]) if isinstance(row.get("THOI_GIAN"), str) else None
    hours = int(told[1]) if told else 0
    return PricedService(
        code,
        price,
        charged_weight_g=whole_number(row.get("EXCHANGE_WEIGHT")) or None,
        transit_h=hours if 0 < hours <= LONGEST_KPI_H else None,
    )


def reason(body: Any) -> str:
    """The carrier's free text. For people: the 26 known texts are not at hand, so never switch."""
    return label_text(body.get("message")) or f"status {body.get('status')}"[:40]


def _expected_on(ready_at: datetime, hours: Any) -> date | None:
    kpi = whole_number(hours)
    if kpi is None or not 0 < kpi <= LONGEST_KPI_H:
        return None
    return vietnam_date(ready_at + timedelta(hours=kpi))
