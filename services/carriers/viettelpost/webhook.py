"""Viettel Post's webhook (facts/carriers.md 1.6): a secret in the header and in the body.

One parcel a body. There is no event id and no zone; REASON_CODE may be null, number or text. The
return leg runs under the same number with a suffix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from services.carriers.webhook import (
    NO_QUERY,
    CarrierEvent,
    Trusted,
    UnreadableWebhook,
    is_secret,
    plain_text,
    read_object,
    required_code,
    required_number,
    unix_seconds,
    whole_vnd,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

CARRIER: Final = "viettelpost"
API: Final = "partner_v2"
RETURN_SUFFIX: Final = "1P1"


class ViettelPostWebhook:
    """Verifies, splits and reads bodies of Viettel Post's partner API v2."""

    signed_items: int | None = None

    def verify(
        self,
        raw: bytes,
        headers: Mapping[str, str],
        trusted: Trusted,
        query: Mapping[str, str] = NO_QUERY,
    ) -> bool:
        """True if the Authorization header and the body's TOKEN both carry a valid secret."""
        del query
        try:
            token = read_object(raw).get("TOKEN")
        except UnreadableWebhook:
            return False
        sent = headers.get("authorization", "").removeprefix("Bearer ")
        in_header = is_secret(sent, trusted)
        return is_secret(token, trusted) and in_header

    def keys(self, raw: bytes) -> list[tuple[str, int]]:
        """The one parcel a body speaks of: `[(tracking number, 0)]`."""
        number, _ = _numbers(_data(raw))
        return [(number, 0)]

    def parse(self, raw: bytes, item: int = 0) -> CarrierEvent:
        """Read the body; only item 0 exists. Facilities come as text only and are not kept."""
        if item:
            raise UnreadableWebhook("no_such_item", f"the body has no item {item}")
        data = _data(raw)
        number, written = _numbers(data)
        raw_time = plain_text(data.get("ORDER_STATUSDATE"))
        return CarrierEvent(
            CARRIER,
            API,
            number,
            written,
            plain_text(data.get("ORDER_REFERENCE")),
            required_code(CARRIER, data.get("ORDER_STATUS")),
            plain_text(data.get("REASON_CODE")),
            unix_seconds(raw_time),
            raw_time,
            None,
            None,
            whole_vnd(data.get("MONEY_COLLECTION")),
            number != written or data.get("IS_RETURNING") is True,
        )


def _data(raw: bytes) -> dict[str, Any]:
    data = read_object(raw).get("DATA")
    if not isinstance(data, dict):
        raise UnreadableWebhook("no_data", "the body has no DATA object")
    return data


def _numbers(data: dict[str, Any]) -> tuple[str, str]:
    """The parcel's number and the number as written."""
    written = required_number(data.get("ORDER_NUMBER"))
    return written.removesuffix(RETURN_SUFFIX) or written, written
