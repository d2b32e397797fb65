"""The older Vietnam Post webhook (facts/carriers.md 2.2): JSON inside a JSON string, RSA over it.

Signed are the raw values of `Data` and `SendDate`, joined. Code 10 means "deleted" here and "in
transit" in the newer interface: codes are only ever looked up together with the api.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from services.carriers.numbers import whole_number
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
API: Final = "legacy"
YES: Final = frozenset({"true", "1"})
MOST_DELIVERY_TIMES: Final = 32_767


class VietnamPostLegacyWebhook:
    """Verifies and reads bodies of CustomerConnect. One parcel a body.

    `check` takes (public key PEM, signed text, signature as sent).
    """

    signed_items: int | None = None

    def __init__(self, check: SignatureCheck | None = None) -> None:
        self._check = check or sha256_with_rsa

    def verify(
        self,
        raw: bytes,
        headers: Mapping[str, str],
        trusted: Trusted,
        query: Mapping[str, str] = NO_QUERY,
    ) -> bool:
        """True if the signature over Data and SendDate is right by one of the partner's keys."""
        del headers, query
        try:
            body = read_object(raw)
        except UnreadableWebhook:
            return False
        data, sent, signature = (body.get(name) for name in ("Data", "SendDate", "SignData"))
        if not (isinstance(data, str) and isinstance(sent, str) and isinstance(signature, str)):
            return False
        return any(self._check(key, data + sent, signature) for key in trusted.public_keys)

    def keys(self, raw: bytes) -> list[tuple[str, int]]:
        """The one parcel a body speaks of: `[(item code, 0)]`."""
        return [(required_number(_data(read_object(raw)).get("ItemCode")), 0)]

    def parse(self, raw: bytes, item: int = 0) -> CarrierEvent:
        """Read the body; only item 0 exists.

        Post offices are named where the parcel began and where it ends, never where it is: no
        facility is kept.
        """
        if item:
            raise UnreadableWebhook("no_such_item", f"the body has no item {item}")
        body = read_object(raw)
        data = _data(body)
        number = required_number(data.get("ItemCode"))
        raw_time = plain_text(data.get("LastUpdateTime"))
        times = whole_number(data.get("DeliveryTimes"))
        return CarrierEvent(
            CARRIER,
            API,
            number,
            number,
            plain_text(data.get("OrderCode")),
            required_code(CARRIER, data.get("OrderStatusId")),
            plain_text(data.get("CauseCode")),
            unix_seconds(raw_time),
            raw_time,
            unix_seconds(plain_text(body.get("SendDate"))),
            None,
            whole_vnd(data.get("CodAmount")),
            str(data.get("IsReturn")).lower() in YES,
            delivery_times=times if times is not None and times <= MOST_DELIVERY_TIMES else None,
        )


def _data(body: dict[str, Any]) -> dict[str, Any]:
    """The object inside the string `Data`; raises UnreadableWebhook."""
    text = body.get("Data")
    if not isinstance(text, str):
        raise UnreadableWebhook("no_data", "the body has no Data text")
    try:
        data = orjson.loads(text.encode("utf-8", "surrogatepass"))
    except orjson.JSONDecodeError as error:
        raise UnreadableWebhook("no_data", f"Data is not JSON: {error}") from None
    if not isinstance(data, dict):
        raise UnreadableWebhook("no_data", "Data is not a JSON object")
    return data
