"""Sendo's answers: the login, a page of a search, one order."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
import structlog
from pydantic import ValidationError

from services.carriers.numbers import whole_number
from services.channels.http import Unreadable
from services.channels.port import Change, Fetched, Missing
from services.channels.sendo.model import Found

if TYPE_CHECKING:
    from collections.abc import Iterator

log = structlog.get_logger()


def read_token(body: Any) -> tuple[str, Any] | None:
    """The token and what is said of its end; None when refused."""
    result = body.get("result") if isinstance(body, dict) else None
    token = result.get("token") if isinstance(result, dict) else None
    if not isinstance(result, dict) or not isinstance(token, str) or not token:
        return None
    return token, result.get("expires")


def seconds_left(expires: Any, now: datetime) -> float | None:
    """What `expires` leaves of the token: its form is unconfirmed (Unix s, or ISO)."""
    unix_s = whole_number(expires)
    if isinstance(unix_s, int):
        return unix_s - now.timestamp()
    try:
        moment = datetime.fromisoformat(expires)
    except (TypeError, ValueError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now.timestamp()


def changes(body: Any) -> tuple[tuple[Change, ...], str | None]:
    """The orders of a page and the token of the next. Raises Unreadable for what is no page."""
    result = body.get("result") if isinstance(body, dict) else None
    if not isinstance(result, dict) or not isinstance(result.get("data"), list):
        raise Unreadable("the answer is no page of orders")
    listed = tuple(_listed(result["data"]))
    # A page that is empty ends the search, whatever token it names.
    return listed, (str(result.get("next_token") or "") or None) if result["data"] else None


def _listed(found: list[Any]) -> Iterator[Change]:
    """One order that cannot be read must not keep the others of its page back."""
    for one in found:
        try:
            order = Found.model_validate(one).sales_order
        except ValidationError:
            log.warning("listed_order_unreadable", channel="sendo")
            continue
        yield Change(order.order_number, state=order.order_status)


def fetched(body: Any, seen_at: datetime) -> Fetched | Missing:
    """One order. Sendo does not say when it changed: the time we saw it goes into the log."""
    order = body.get("result") if isinstance(body, dict) and "result" in body else body
    try:
        found = Found.model_validate(order)
    except ValidationError:
        return Missing("the answer is no order")
    seen = {**(order or {}), "seen_at": int(seen_at.timestamp())}
    state = found.sales_order.order_status
    return Fetched(found.sales_order.order_number, orjson.dumps(seen), seen_at, state=state)
