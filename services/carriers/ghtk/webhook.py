"""GHTK's webhook (facts/carriers.md 4): a form with a secret in the URL, and one repetition only.

`action_time` has its `+07:00` unescaped, which form decoding turns into a space. Reason codes 123,
127 and 128 are also status codes of other meaning: the pair is looked up, never one for the other.
Ours, not GHTK's: the reason `part` for a delivery that is marked as partial.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from services.carriers.secret_url import SecretInUrl
from services.carriers.webhook import (
    CarrierEvent,
    UnreadableWebhook,
    plain_text,
    required_code,
    required_number,
    unix_seconds,
    whole_vnd,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

CARRIER: Final = "ghtk"
API: Final = "services"
MOST_FIELDS: Final = 64
LOST_PLUS: Final = re.compile(r" (\d{2}:\d{2})")
DELIVERED: Final = frozenset({"5", "45"})
PART: Final = "part"


class GhtkWebhook(SecretInUrl):
    """Verifies, splits and reads bodies of GHTK's services API."""

    parameter = "hash"

    def keys(self, raw: bytes) -> list[tuple[str, int]]:
        """The one parcel a body speaks of: `[(label, 0)]`."""
        return [(required_number(_form(raw).get("label_id")), 0)]

    def parse(self, raw: bytes, item: int = 0) -> CarrierEvent:
        """Read the body; only item 0 exists. Stations come as text only and are not kept."""
        if item:
            raise UnreadableWebhook("no_such_item", f"the body has no item {item}")
        form = _form(raw)
        label = required_number(form.get("label_id"))
        code = required_code(CARRIER, form.get("status_id"))
        raw_time = plain_text(form.get("action_time"))
        return CarrierEvent(
            CARRIER,
            API,
            label,
            label,
            plain_text(form.get("partner_id")),
            code,
            _reason(form, code),
            unix_seconds(with_plus(raw_time)),
            raw_time,
            None,
            None,
            whole_vnd(form.get("pick_money")),
            False,
        )


def with_plus(text: str | None) -> str | None:
    """A time whose plus sign became a space, with the plus again: only at the end of an ISO time."""
    if text is None or "T" not in text:
        return text
    time, zone = text[: -len(" 07:00")], text[-len(" 07:00") :]
    return f"{time}+{match[1]}" if (match := LOST_PLUS.fullmatch(zone)) else text


def _form(raw: bytes) -> dict[str, str]:
    """The first value of each field; raises UnreadableWebhook."""
    try:
        pairs = parse_qsl(
            raw.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS
        )
    except ValueError as error:
        raise UnreadableWebhook("not_a_form", f"the body is not a form: {error}") from None
    form: dict[str, str] = {}
    for name, value in pairs:
        form.setdefault(name, value)
    return form


def _reason(form: Mapping[str, str], code: str) -> str | None:
    """GHTK's reason code; a delivery of a part has none of its own, so it gets ours."""
    partly = code in DELIVERED and plain_text(form.get("return_part_package")) == "1"
    return plain_text(form.get("reason_code")) or (PART if partly else None)
