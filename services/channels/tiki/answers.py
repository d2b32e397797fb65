"""Tiki's answers, read without a guess: lists of orders, pulled events, packages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson
import structlog
from pydantic import ValidationError

from schemas.ids import ORDER_NUMBER
from services.carriers.numbers import whole_number
from services.channels.http import Unreadable
from services.channels.port import Change, Fetched, Hint, Missing, PackageState
from services.channels.tiki.model import Heading, Shipping

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

log = structlog.get_logger()

CODES: Final = ("order_code", "code")
"""Where a pulled event may name its order: the shape is unconfirmed."""
UNDER_WAY: Final = frozenset(
    {
        *("handover_to_partner", "shipping", "delivered", "successful_delivery", "complete"),
        *("closed", "returned", "canceled"),
    }
)
"""Order statuses that also say where the parcel is, for orders whose `shipping.status` is empty."""


def fetched(body: Any) -> Fetched | Missing:
    """One order of an answer; an answer that is no order is as good as none."""
    found = _order_in(body)
    try:
        heading = Heading.model_validate(found)
    except ValidationError:
        return Missing("the answer is no order")
    at = heading.updated_at or heading.created_at
    return Fetched(heading.code, orjson.dumps(found), at, tuple(_packages(found, heading, at)))


def changes(body: Any, since: datetime) -> tuple[Change, ...]:
    """The orders of a page that changed since then. Raises Unreadable for what is no page."""
    found = body.get("data") if isinstance(body, dict) else None
    if not isinstance(found, list):
        raise Unreadable("the answer is no page of orders")
    listed = [Change(one.code, one.updated_at or one.created_at) for one in _headings(found)]
    return tuple(one for one in listed if one.at is None or one.at >= since)


def _headings(found: list[Any]) -> Iterator[Heading]:
    """One order that cannot be read must not keep the others of its page back."""
    for one in found:
        try:
            yield Heading.model_validate(one)
        except ValidationError:
            log.warning("listed_order_unreadable", channel="tiki")


def is_last(body: Any, page: int, limit: int) -> bool:
    """Whether no page follows: by the total if there is one, else by a page that is not full."""
    paging = body.get("paging")
    told = paging if isinstance(paging, dict) else body
    total = whole_number(told.get("total"))
    if isinstance(total, int):
        return page * limit >= total
    return len(body["data"]) < limit


def events(body: Any) -> list[dict[str, Any]]:
    """The events of an answer to a pull. Raises Unreadable for what is none."""
    found = body.get("events") if isinstance(body, dict) else None
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise Unreadable("the answer holds no events")
    return found


def hint(event: dict[str, Any]) -> Hint | None:
    """What an event is about; None if it does not say, and then the lists of orders tell."""
    payload = event.get("payload")
    inside = payload if isinstance(payload, dict) else event
    number = next((str(inside[name]) for name in CODES if inside.get(name)), "")
    shop = str(event.get("sid") or "")
    if not ORDER_NUMBER.fullmatch(number) or not shop:
        return None
    return Hint(shop, number, f"{event.get('type')}:{event.get('id')}")


def _order_in(body: Any) -> Any:
    """The order itself, or what an envelope holds."""
    if isinstance(body, dict) and "code" not in body and isinstance(body.get("data"), dict):
        return body["data"]
    return body


def _packages(order: Any, heading: Heading, at: datetime) -> Iterator[PackageState]:
    try:
        shipping = Shipping.model_validate(order.get("shipping") or {})
    except ValidationError:
        return
    status = shipping.status or (heading.status if heading.status in UNDER_WAY else "new")
    if shipping.tracking_code:
        yield PackageState(shipping.tracking_code, status, at, shipping.partner_name)
