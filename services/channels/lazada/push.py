"""Lazada's pushes: what is signed, and which order to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import orjson

from schemas.ids import ORDER_NUMBER
from services.channels.lazada.signature import push_signature
from services.channels.numbers import from_unix
from services.channels.port import Hint, UnreadablePush
from services.channels.signing import is_one_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from services.channels.port import PushTrust

ORDER_STATUS: Final = 0
"""`message_type` of a change of an order's line; others are not about orders."""


class LazadaPush:
    """See services.channels.port.Push. It must be answered within half a second."""

    def verify(self, raw: bytes, headers: Mapping[str, str], trust: PushTrust) -> bool:
        """`Authorization` = hex HMAC-SHA256(app secret, app key + raw body)."""
        expected = [push_signature(key, trust.app_id, raw) for key in trust.secrets]
        return is_one_of(headers.get("authorization", ""), expected)

    def hints(self, raw: bytes) -> tuple[Hint, ...]:
        """The order whose line changed. The documents' key of a repeat: line, status, time."""
        try:
            message = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise UnreadablePush("no JSON") from error
        if not isinstance(message, dict):
            raise UnreadablePush("no JSON object")
        if message.get("message_type") != ORDER_STATUS:
            return ()
        shop, data = message.get("seller_id"), message.get("data")
        if not isinstance(data, dict) or not ORDER_NUMBER.fullmatch(str(shop)):
            raise UnreadablePush("a push about an order without seller_id or data")
        number = str(data.get("trade_order_id") or "")
        if not ORDER_NUMBER.fullmatch(number):
            raise UnreadablePush("a push about an order without its number")
        stamp, line = data.get("status_update_time"), data.get("trade_order_line_id")
        about = f"{line}:{data.get('order_status')}:{stamp}"[:120]
        return (Hint(str(shop), number, about, _at(stamp)),)

    def notice(self, raw: bytes) -> str | None:  # noqa: ARG002
        """No push for a person is documented."""
        return None


def _at(stamp: object) -> datetime | None:
    """Seconds or milliseconds: the unit is not documented, the size tells."""
    try:
        return from_unix(stamp) if stamp else None
    except ValueError:
        return None
