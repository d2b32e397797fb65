"""GHN's webhook (facts/carriers.md 3): unsigned JSON, one parcel a body, times in UTC.

A body may say up to three things, each an item of its own: what moved (or which attribute was
amended), that the COD was paid out, and under which number a part comes back.

Ours, not GHN's: the secret in the URL (`?key=…`), and the code words `cod_transferred`,
`partial_return` and, as a reason, `part`. `Type` is compared without case: only Create and
Switch_status move the parcel; Update_* repeat its Status, so their type is their code.
"""

from __future__ import annotations

from typing import Any, Final

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

CARRIER: Final = "ghn"
API: Final = "v2"
MOVES: Final = frozenset({"create", "switch_status"})
DELIVERED: Final = "delivered"
PART: Final = "part"
COD_TRANSFERRED: Final = "cod_transferred"
PARTIAL_RETURN: Final = "partial_return"
EVENT, TRANSFER, LEG = range(3)


class GhnWebhook(SecretInUrl):
    """Verifies, splits and reads bodies of GHN's API v2."""

    parameter = "key"

    def keys(self, raw: bytes) -> list[tuple[str, int]]:
        """The parcel, and what else the body says of it."""
        body = read_object(raw)
        number = required_number(body.get("OrderCode"))
        keys = [(number, EVENT)]
        if _transferred_at(body) is not None:
            keys.append((number, TRANSFER))
        if (leg := _leg(body, number)) is not None:
            keys.append((leg, LEG))
        return keys

    def parse(self, raw: bytes, item: int = 0) -> CarrierEvent:
        """Read one item: `EVENT`, `TRANSFER` or `LEG`. Warehouses come as text: not kept."""
        body = read_object(raw)
        number = required_number(body.get("OrderCode"))
        reference = plain_text(body.get("ClientOrderCode"))
        match item:
            case 0:
                return _event(body, number, reference)
            case 1 if (at := _transferred_at(body)) is not None:
                raw_time = plain_text(body.get("CODTransferDate"))
                return _told(number, reference, COD_TRANSFERRED, at, raw_time)
            case 2 if (leg := _leg(body, number)) is not None:
                raw_time = plain_text(body.get("Time"))
                at = unix_seconds(raw_time)
                return _told(leg, reference, PARTIAL_RETURN, at, raw_time, is_return_leg=True)
            case _:
                raise UnreadableWebhook("no_such_item", f"the body has no item {item}")


def _event(body: dict[str, Any], number: str, reference: str | None) -> CarrierEvent:
    kind = plain_text(body.get("Type"))
    if kind is None:
        raise UnreadableWebhook("no_type", "the body has no Type")
    moves = kind.lower() in MOVES
    code = required_code(CARRIER, body.get("Status") if moves else kind)
    raw_time = plain_text(body.get("Time"))
    return CarrierEvent(
        CARRIER,
        API,
        number,
        number,
        reference,
        code,
        _reason(body, code) if moves else None,
        unix_seconds(raw_time),
        raw_time,
        None,
        None,
        whole_vnd(body.get("CODAmount")),
        False,
    )


def _reason(body: dict[str, Any], code: str) -> str | None:
    """GHN's reason code; a delivery of a part has none of its own, so it gets ours."""
    given = plain_text(body.get("ReasonCode"))
    partly = code == DELIVERED and body.get("IsPartialReturn") is True
    return given or (PART if partly else None)


def _told(
    number: str,
    reference: str | None,
    code: str,
    at: int | None,
    raw_time: str | None,
    *,
    is_return_leg: bool = False,
) -> CarrierEvent:
    """What a body says besides the movement."""
    return CarrierEvent(
        CARRIER,
        API,
        number,
        number,
        reference,
        code,
        None,
        at,
        raw_time,
        None,
        None,
        None,
        is_return_leg,
    )


def _transferred_at(body: dict[str, Any]) -> int | None:
    """When the COD was paid out (Unix seconds); a zero date means null."""
    return unix_seconds(plain_text(body.get("CODTransferDate")))


def _leg(body: dict[str, Any], number: str) -> str | None:
    """The number under which a part comes back, where it is another one than the parcel's."""
    try:
        leg = required_number(body.get("PartialReturnCode"))
    except UnreadableWebhook:
        return None
    return leg if leg != number else None
