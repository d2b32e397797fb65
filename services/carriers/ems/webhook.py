"""EMS's webhooks in both forms (facts/carriers.md 2.3): MerchantSite's and MyEMS's.

Nothing is signed, so the URL we give EMS holds a secret (`?key=`, ours). Header `ems-transaction`
is the event's id, and EMS wants it back in the answer. Only codes 1, 2, 4 and 11000 are known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from services.carriers.secret_url import SecretInUrl
from services.carriers.webhook import (
    CarrierEvent,
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

CARRIER: Final = "ems"
TRANSACTION: Final = "ems-transaction"
LONGEST_ECHO: Final = 512


@dataclass(frozen=True, slots=True)
class Names:
    """What the fields are called in one of the forms."""

    number: str
    reference: str
    code: str
    at: str
    cod: str | None


MERCHANTSITE: Final = Names(
    "tracking_code", "order_code", "status_code", "datetime", "money_collect"
)
MYEMS: Final = Names("TrackingCode", "OrderCode", "StatusCode", "CreatedAt", None)
"""It names fees only, the COD fee among them, and never the amount to collect."""


class EmsWebhook(SecretInUrl):
    """Verifies and reads one of the two forms. One parcel a body; places come as text only."""

    parameter = "key"

    def __init__(self, api: str, names: Names) -> None:
        self._api = api
        self._names = names

    def keys(self, raw: bytes) -> list[tuple[str, int]]:
        """The one parcel a body speaks of: `[(tracking number, 0)]`."""
        return [(self._number(read_object(raw)), 0)]

    def parse(self, raw: bytes, item: int = 0) -> CarrierEvent:
        """Read the body; only item 0 exists."""
        if item:
            raise UnreadableWebhook("no_such_item", f"the body has no item {item}")
        body, names = read_object(raw), self._names
        number = self._number(body)
        raw_time = plain_text(body.get(names.at))
        return CarrierEvent(
            CARRIER,
            self._api,
            number,
            number,
            plain_text(body.get(names.reference)),
            required_code(CARRIER, body.get(names.code)),
            None,
            unix_seconds(raw_time),
            raw_time,
            None,
            None,
            whole_vnd(body.get(names.cod)) if names.cod else None,
            False,
        )

    def _number(self, body: dict[str, Any]) -> str:
        """S10 numbers are written in capitals; a slip in that is no other parcel."""
        return required_number(body.get(self._names.number)).upper()


class EmsAnswer:
    """The answer EMS reads: whether it went well, and its transaction once more."""

    def stored(self, headers: Mapping[str, str]) -> bytes:
        """`{"code":"success","transaction":"…"}`."""
        return _answer("success", headers)

    def failed(self, headers: Mapping[str, str]) -> bytes:
        """`{"code":"error","transaction":"…"}`."""
        return _answer("error", headers)


def _answer(code: str, headers: Mapping[str, str]) -> bytes:
    transaction = headers.get(TRANSACTION, "")[:LONGEST_ECHO]
    echo = transaction.encode("utf-8", "replace").decode()
    return orjson.dumps({"code": code, "transaction": echo})
