"""Shopee's calls: signed, read, nothing else.

Paths, parameters and answers are those of the schema dumps that facts/channels.md names. Which
`error` texts mean "your token is no good" or "no such order" is not documented there: DENIED and
NOT_FOUND are our own reading.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import orjson

from schemas.intake import Channel
from services.channels.port import (
    Change,
    ChannelDenied,
    ChannelUnreachable,
    Fetched,
    Missing,
    Page,
    UnreadablePush,
    Waiting,
)
from services.channels.shopee.mapping import packages_of, parsed
from services.channels.shopee.push import hints_of
from services.channels.shopee.signature import call_signature
from services.channels.signed_calls import SignedCalls, found_in

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from services.channels.http import ChannelAnswer
    from services.channels.port import Hint

DETAIL: Final = "/api/v2/order/get_order_detail"
LIST: Final = "/api/v2/order/get_order_list"
LOST: Final = "/api/v2/push/get_lost_push_message"
CONFIRM: Final = "/api/v2/push/confirm_consumed_lost_push_message"
FIELDS: Final = ",".join(
    (
        *("buyer_user_id", "buyer_username", "estimated_shipping_fee", "recipient_address", "note"),
        *("item_list", "pay_time", "pickup_done_time", "package_list", "shipping_carrier"),
        *("payment_method", "total_amount", "fulfillment_flag", "split_up", "reverse_shipping_fee"),
    )
)
"""Most fields come only when they are asked for."""
PAGE_SIZE: Final = 100
NOT_FOUND: Final = ("not_found", "not_exist")
DENIED: Final = ("auth", "token", "sign", "permission")


class Shopee(SignedCalls):
    """See services.channels.port.ChannelApi."""

    name = Channel.SHOPEE.value
    title = "Shopee"

    async def fetch(self, shop: str, number: str) -> Fetched | Missing:
        """The order, with its packages."""
        wanted = {"order_sn_list": number, "response_optional_fields": FIELDS}
        response = _response(await self._ask_shop(DETAIL, shop, wanted))
        orders = response.get("order_list")
        if not isinstance(orders, list) or not orders:
            return Missing("Shopee answers no order of this number")
        body = orjson.dumps(orders[0])
        order = found_in(body, parsed)
        if order.order_sn != number:
            return Missing("Shopee answers another order")
        return Fetched(number, body, order.update_time, packages_of(order))

    async def page(self, shop: str, since: datetime, until: datetime, token: str | None) -> Page:
        """Orders by their update time: the listing does not say which it is."""
        wanted = {
            "time_range_field": "update_time",
            "time_from": str(int(since.timestamp())),
            "time_to": str(int(until.timestamp())),
            "page_size": str(PAGE_SIZE),
        }
        answer = await self._ask_shop(LIST, shop, wanted | ({"cursor": token} if token else {}))
        response = _response(answer)
        listed = response.get("order_list") or []
        changes = tuple(Change(str(one["order_sn"])) for one in listed if "order_sn" in one)
        more = str(response.get("next_cursor") or "") if response.get("more") else ""
        return Page(changes, more or None, answer.now)

    async def waiting(self) -> Waiting:
        """Pushes that were lost in the last 3 days, 100 at a time."""
        response = _response(await self._ask(LOST, self._signed(LOST, {}), "GET"))
        messages = response.get("push_message_list") or []
        if not messages:
            return Waiting(())
        hints = tuple(hint for message in messages for hint in _understood(message))
        last = response.get("last_message_id")
        receipt = None if last is None else str(last)
        return Waiting(
            hints, receipt, more=bool(response.get("has_next_page")) and last is not None
        )

    async def confirm(self, receipt: str) -> None:
        """Up to and including the last one that was read."""
        body = {"last_message_id": int(receipt)}
        _response(await self._ask(CONFIRM, self._signed(CONFIRM, {}), "POST", body))

    async def _ask_shop(self, path: str, shop: str, wanted: Mapping[str, str]) -> ChannelAnswer:
        tokens = self._secrets.of_shop(self.name, shop)
        if not tokens:
            raise ChannelDenied("no access token for this shop")
        return await self._ask(path, {**wanted, **self._signed(path, {}, tokens[0], shop)}, "GET")

    def _signed(
        self, path: str, wanted: Mapping[str, str], token: str = "", shop: str = ""
    ) -> dict[str, str]:
        keys = self._secrets.of_app(self.name)
        if not keys:
            raise ChannelDenied("no partner key")
        stamp = int(time.time())
        sign = call_signature(keys[0], self._account.app_id, path, stamp, token, shop)
        of_shop = {"access_token": token, "shop_id": shop} if shop else {}
        common = {"partner_id": self._account.app_id, "timestamp": str(stamp), "sign": sign}
        return {**wanted, **common, **of_shop}

    async def _ask(
        self, path: str, params: Mapping[str, str], method: str, body: object = None
    ) -> ChannelAnswer:
        return await self._line.ask(method, path, params=params, body=body)


def _response(answer: ChannelAnswer) -> dict[str, Any]:
    """`response` of an answer without an error."""
    body = answer.body if isinstance(answer.body, dict) else {}
    error = str(body.get("error") or "")
    if any(word in error.lower() for word in NOT_FOUND):
        return {}
    if any(word in error.lower() for word in DENIED):
        raise ChannelDenied(error[:80])
    if error or not body:
        raise ChannelUnreachable(f"error {error[:80]}" if error else "an empty answer")
    response = body.get("response")
    return response if isinstance(response, dict) else {}


def _understood(message: Any) -> tuple[Hint, ...]:
    """A lost push that cannot be read must not keep the others waiting: polling finds its order."""
    try:
        return hints_of(message if isinstance(message, dict) else {})
    except UnreadablePush:
        return ()
