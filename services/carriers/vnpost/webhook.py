"""Vietnam Post's MyVNPost webhook (facts/carriers.md 2.1): a list of items, RSA over the first.

The documents say SHA256withRSA over "MYVNP" + sendDate + itemCode + status of the first item; the
vendor's own sample does something else, so the check is a value. Items after the first are not
covered by it: take them only from an address that is allowed by hand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from services.carriers.rsa_signature import sha256_with_rsa
from services.carriers.webhook import (
    NO_QUERY,
    CarrierEvent,
    Trusted,
    UnreadableWebhook,
    plain_text,
    read_object,
    required_code,
    required_number,
    unix_seconds,
    whole_vnd,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.carriers.rsa_signature import SignatureCheck

CARRIER: Final = "vnpost"
API: Final = "myvnpost"
PREFIX: Final = "MYVNP"


class VietnamPostWebhook:
    """Verifies, splits and reads bodies of the new MyVNPost API.

    `check` takes (public key PEM, signed text, signature as sent). The event time is sendDate, the
    only time there is: assumed unchanged when a body is sent again.
    """

    signed_items: int | None = 1

    def __init__(self, check: SignatureCheck | None = None) -> None:
        self._check = check or sha256_with_rsa

    def verify(
        self,
        raw: bytes,
        headers: Mapping[str, str],
        trusted: Trusted,
        query: Mapping[str, str] = NO_QUERY,
    ) -> bool:
        """True if the signature over the first item is right by one of the partner's keys."""
        del headers, query
        try:
            body = read_object(raw)
            text, signature = _signed_text(body), body.get("signature")
        except UnreadableWebhook:
            return False
        if not isinstance(signature, str):
            return False
        return any(self._check(key, text, signature) for key in trusted.public_keys)

    def keys(self, raw: bytes) -> list[tuple[str, int]]:
        """(tracking number, index) of every item of `data`."""
        items = _items(read_object(raw))
        return [(required_number(item.get("itemCode")), n) for n, item in enumerate(items)]

    def parse(self, raw: bytes, item: int = 0) -> CarrierEvent:
        """Read one item of `data`."""
        body = read_object(raw)
        items = _items(body)
        if not 0 <= item < len(items):
            raise UnreadableWebhook("no_such_item", f"the body has no item {item}")
        found = items[item]
        number = required_number(found.get("itemCode"))
        raw_time = plain_text(body.get("sendDate"))
        at = unix_seconds(raw_time)
        return CarrierEvent(
            CARRIER,
            API,
            number,
            number,
            plain_text(found.get("saleOrderCode")),
            required_code(CARRIER, found.get("status")),
            None,
            at,
            raw_time,
            at,
            None,
            whole_vnd(found.get("codAmount")),
            False,
        )


def _signed_text(body: dict[str, Any]) -> str:
    first = _items(body)[0]
    parts = (body.get("sendDate"), first.get("itemCode"), first.get("status"))
    return PREFIX + "".join("" if part is None else str(part) for part in parts)


def _items(body: dict[str, Any]) -> list[dict[str, Any]]:
    items = body.get("data")
    if not isinstance(items, list) or not items:
        raise UnreadableWebhook("no_data", "the body has no data list")
    if not all(isinstance(item, dict) for item in items):
        raise UnreadableWebhook("no_data", "the data list holds something else than objects")
    return items
