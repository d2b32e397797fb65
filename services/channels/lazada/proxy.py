"""Lazada's calls: signed, read, nothing else.

The envelope (`code` "0", `data`) and the texts of bad tokens are not in facts/channels.md: we take
`data` where it is, and CODES_DENIED and NOT_FOUND are our own reading. `sort_direction` is not there either: it is
sent, and a full page that is not ascending is refused, because what it leaves out cannot be asked for.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import orjson

from schemas.intake import Channel
from services.channels.lazada.mapping import packages_of, parsed
from services.channels.lazada.signature import call_signature
from services.channels.numbers import VIETNAM_TIME, from_text
from services.channels.port import (
    Change,
    ChannelDenied,
    ChannelUnreachable,
    Fetched,
    Missing,
    Page,
    Waiting,
)
from services.channels.signed_calls import SignedCalls, found_in

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from services.channels.http import ChannelAnswer

ORDER: Final = "/order/get"
ITEMS: Final = "/order/items/get"
ORDERS: Final = "/orders/get"
PAGE_SIZE: Final = 100
CODES_DENIED: Final = ("token", "sign", "permission", "auth")
NOT_FOUND: Final = ("notfound", "not_found", "not_exist")
ONE_SECOND: Final = timedelta(seconds=1)


class Lazada(SignedCalls):
    """See services.channels.port.ChannelApi."""

    name = Channel.LAZADA.value
    title = "Lazada"

    async def fetch(self, shop: str, number: str) -> Fetched | Missing:
        """The order and its items, in two calls: asked again if it changed in between."""
        order = _data(await self._ask(ORDER, shop, {"order_id": number}))
        items = _data(await self._ask(ITEMS, shop, {"order_id": number}))
        if not isinstance(order, dict) or not order or not items:
            return Missing("Lazada answers no order of this number")
        body = orjson.dumps({"order": order, "items": items})
        found = found_in(body, parsed)
        if found.order.order_id != number:
            return Missing("Lazada answers another order")
        return Fetched(number, body, found.order.updated_at, packages_of(found))

    async def page(self, shop: str, since: datetime, until: datetime, token: str | None) -> Page:  # noqa: ARG002
        """Orders by their update time. A full page is followed by one from its last time on."""
        after = token or since.astimezone(VIETNAM_TIME).isoformat(timespec="seconds")
        wanted = {
            "update_after": after,
            "limit": str(PAGE_SIZE),
            "sort_by": "updated_at",
            "sort_direction": "ASC",
        }
        answer = await self._ask(ORDERS, shop, wanted)
        data = _data(answer)
        listed = data.get("orders") if isinstance(data, dict) else None
        changes = _changes(listed or [])
        more = _after(changes, from_text(after)) if len(changes) >= PAGE_SIZE else None
        return Page(changes, more, answer.now)

    async def waiting(self) -> Waiting:
        """Nothing is kept for us: pushes are repeated for six hours, and polls find the rest."""
        return Waiting(())

    async def confirm(self, receipt: str) -> None:
        """There is nothing to confirm."""

    async def _ask(self, path: str, shop: str, wanted: Mapping[str, str]) -> ChannelAnswer:
        secrets = self._secrets.of_app(self.name)
        tokens = self._secrets.of_shop(self.name, shop)
        if not secrets or not tokens:
            raise ChannelDenied("no app secret or no access token for this seller")
        params = {
            **wanted,
            "app_key": self._account.app_id,
            "access_token": tokens[0],
            "timestamp": str(time.time_ns() // 1_000_000),
            "sign_method": "sha256",
        }
        params["sign"] = call_signature(secrets[0], path, params)
        return await self._line.ask("GET", path, params=params)


def _data(answer: ChannelAnswer) -> Any:
    """`data` of an answer without an error; None where there is none."""
    body = answer.body if isinstance(answer.body, dict) else {}
    code = str(body.get("code") or "0")
    if code == "0" and body:
        return body.get("data")
    if any(word in code.lower() for word in NOT_FOUND):
        return None
    if any(word in code.lower() for word in CODES_DENIED):
        raise ChannelDenied(code[:80])
    raise ChannelUnreachable(f"code {code[:80]}" if body else "an empty answer")


def _changes(listed: Any) -> tuple[Change, ...]:
    try:
        return tuple(Change(str(one["order_id"]), from_text(one["updated_at"])) for one in listed)
    except (KeyError, TypeError, ValueError) as error:
        raise ChannelUnreachable("a listing that is none") from error


def _after(changes: tuple[Change, ...], asked: datetime) -> str:
    """Where the next page begins. A second with more orders than a page has is stepped over."""
    times = [change.at for change in changes if change.at is not None]
    if times != sorted(times):
        raise ChannelUnreachable("a full page that is not in the order of its update times")
    last = max(times[-1], asked + ONE_SECOND) if times[-1] <= asked else times[-1]
    return last.astimezone(VIETNAM_TIME).isoformat(timespec="seconds")
