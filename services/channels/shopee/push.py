"""Shopee's pushes: what is signed, which order to look at, what a person should know."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

import orjson

from schemas.ids import ORDER_NUMBER
from services.channels.numbers import from_unix
from services.channels.port import Hint, UnreadablePush
from services.channels.shopee.signature import push_signature
from services.channels.signing import is_one_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from services.channels.port import PushTrust

ORDER_STATUS: Final = 3
ABOUT_ORDERS: Final = frozenset({ORDER_STATUS, 4, 15, 29, 30, 47})
"""Order status, tracking number, shipping document, returns, package fulfilment, package info."""
AUTHORISATION: Final = {
    1: "a shop gave us authority",
    2: "a shop withdrew its authority",
    12: "the authority of shops ends soon: their tokens must be renewed",
}


class ShopeePush:
    """See services.channels.port.Push."""

    def verify(self, raw: bytes, headers: Mapping[str, str], trust: PushTrust) -> bool:
        """`Authorization` = hex HMAC-SHA256(partner key, registered URL | raw body)."""
        expected = [push_signature(key, trust.push_url, raw) for key in trust.secrets]
        return is_one_of(headers.get("authorization", ""), expected)

    def hints(self, raw: bytes) -> tuple[Hint, ...]:
        """The order it names, for codes that are about orders."""
        return hints_of(_object(raw))

    def notice(self, raw: bytes) -> str | None:
        """Pushes about authority are for a person: nothing renews it by itself."""
        code = _object(raw).get("code")
        return AUTHORISATION.get(code) if isinstance(code, int) else None


def hints_of(message: Mapping[str, Any]) -> tuple[Hint, ...]:
    """What a push says, however it came. A lost one carries its `data` as text."""
    code, shop, data = message.get("code"), message.get("shop_id"), message.get("data")
    if not isinstance(code, int) or code not in ABOUT_ORDERS:
        return ()
    if isinstance(data, str):
        data = _object(data.encode("utf-8", "surrogatepass"))
    if not isinstance(data, dict) or not ORDER_NUMBER.fullmatch(str(shop)):
        raise UnreadablePush("a push about an order without shop_id or data")
    # The push alone spells it without the underscore.
    number = data.get("ordersn") or data.get("order_sn")
    if not isinstance(number, str) or not ORDER_NUMBER.fullmatch(number):
        raise UnreadablePush("a push about an order without its number")
    return (Hint(str(shop), number, _about(code, data), _at(code, data)),)


def _about(code: object, data: Mapping[str, Any]) -> str:
    """Equal for repeats alone: there is no event id."""
    if code == ORDER_STATUS:
        return f"3:{data.get('status')}:{data.get('update_time')}"[:80]
    whole = orjson.dumps(data, option=orjson.OPT_SORT_KEYS)
    return f"{code}:{hashlib.sha256(whole).hexdigest()[:24]}"


def _at(code: object, data: Mapping[str, Any]) -> datetime | None:
    stamp = data.get("update_time")
    if code != ORDER_STATUS or not isinstance(stamp, int):
        return None
    try:
        return from_unix(stamp)
    except ValueError:
        return None


def _object(raw: bytes) -> dict[str, Any]:
    try:
        message = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise UnreadablePush("no JSON") from error
    if not isinstance(message, dict):
        raise UnreadablePush("no JSON object")
    return message
