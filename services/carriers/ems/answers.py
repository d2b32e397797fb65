"""What EMS answers: `code` is "success" or "error", whatever HTTP says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from services.carriers.numbers import label_text, whole_number
from services.carriers.port import BookAnswer, Booked, Refused, Unknown, VoidAnswer, Voided
from services.carriers.webhook import unix_seconds


@dataclass(frozen=True, slots=True)
class Trace:
    """One line of a parcel's history. `at`: Unix seconds."""

    at: int
    code: str


def succeeded(body: Any) -> bool:
    """Whether the body says in so many words that it went well."""
    return isinstance(body, dict) and body.get("code") == "success"


def failed(body: Any) -> bool:
    """Whether the body says in so many words that it did not."""
    return isinstance(body, dict) and body.get("code") == "error"


def read_booked(body: Any) -> BookAnswer:
    """The answer to `create-v2`; the price is the sum of the fees it names."""
    if failed(body):
        return Refused(reason(body))
    data = body.get("data") if succeeded(body) else None
    number = label_text(data.get("tracking_code"), 64) if isinstance(data, dict) else None
    if not isinstance(data, dict) or number is None:
        return Unknown("an answer without a tracking code")
    return Booked(
        tracking_no=number.upper(),
        freight_vnd=_freight_vnd(data),
        sort_code=label_text(data.get("courier_code"), 64),
    )


def read_voided(body: Any) -> VoidAnswer:
    """The answer to the cancel call, assumed to have the envelope of the others."""
    if succeeded(body):
        return Voided()
    return Refused(reason(body)) if failed(body) else Unknown("no envelope")


def read_history(body: Any) -> tuple[Trace, ...] | None:
    """The answer to `orders/tracking`, oldest first; None where it holds no history.

    It comes newest first in EMS's own sample, and nothing promises that: sorted by `tracedate`.
    """
    data = body.get("data") if isinstance(body, dict) else None
    rows = data.get("__get_status") if isinstance(data, dict) else None
    if not isinstance(rows, list):
        return None
    told = [trace for row in rows if (trace := _trace(row))]
    return tuple(sorted(told, key=lambda one: one.at))


def reason(body: dict[str, Any]) -> str:
    """The carrier's free text, for people."""
    return label_text(body.get("message")) or "refused without a reason"


def _freight_vnd(data: dict[str, Any]) -> int | None:
    """What stands under fee and vas; None where no fee is named."""
    fees, extras = data.get("fee"), data.get("vas")
    main = whole_number(fees.get("fee")) if isinstance(fees, dict) else None
    if main is None or not isinstance(fees, dict):
        return None
    extra = whole_number(extras.get("total_vas")) if isinstance(extras, dict) else None
    return main + (whole_number(fees.get("remote_fee")) or 0) + (extra or 0)


def _trace(row: Any) -> Trace | None:
    if not isinstance(row, dict):
        return None
    code, at = label_text(row.get("status"), 32), unix_seconds(label_text(row.get("tracedate")))
    return Trace(at, code) if code and at is not None else None
