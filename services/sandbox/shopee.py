"""A server that behaves like Shopee's Open Platform v2 as far as it is documented.

It checks the signature of every call, shows buyers masked and weights in kg, answers only the
fields that are asked for, and pushes every change with a signature. Some pushes are lost: they are
kept until they are confirmed. `POST /admin/orders/{number}/packed` says that the goods are ready;
without it the courier comes after a day.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from services.channels.shopee.proxy import CONFIRM, DETAIL, LIST, LOST
from services.channels.shopee.signature import call_signature, push_signature
from services.channels.signing import is_one_of
from services.sandbox.callers import ShopTokens
from services.sandbox.clock import Clock
from services.sandbox.market import Market
from services.sandbox.shopee_order import detail, parts
from services.sandbox.webhooks import Messenger

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable

    from services.sandbox.market import Sold
    from services.sandbox.options import Options
    from services.sandbox.serving import Joining

PARTNER_ID: Final = "2000001"
NEW, ARRANGED, CANCELLED, LOST_PARCEL = (
    *("READY_TO_SHIP", "PROCESSED", "CANCELLED"),
    "SHIPPED:LOGISTICS_LOST",
)
ENDED: Final = frozenset({"COMPLETED", CANCELLED, LOST_PARCEL})
"""Orders as Shopee calls them; after a colon what it says of the package beside that."""
COLLECTED_AFTER_H: Final = 24.0
SHIPPING: Final = (
    *((1.0, ARRANGED), (8.0, "SHIPPED"), (50.0, "TO_CONFIRM_RECEIVE"), (74.0, "COMPLETED")),
)
"""Hours after the goods are ready."""
LOST_AFTER_H: Final = 60.0
SIGNED_FOR_S: Final = 300
MOST_DAYS_S: Final = 15 * 86_400
LARGEST_PAGE: Final = 100
KEPT_AT_ONCE: Final = 100
ORDER_PUSH, PACKAGE_PUSH = 3, 30


class ShopeeSandbox:
    """Shops, orders and pushes. A shop's access token is `<its id>:<our partner key>`."""

    def __init__(self, options: Options) -> None:
        clock = Clock(options.start, options.speed)
        self.messenger = Messenger(options.webhooks, options.mischief, clock)
        self.yard = Market(
            options, clock, self._changed, first=NEW, cancelled=CANCELLED, ended=ENDED
        )
        self.lost: list[tuple[int, dict[str, Any]]] = []
        self._options = options
        self._key = options.webhooks.secret
        self._lost_so_far = 0
        self._tokens = ShopTokens(self._key)

    def routes(self) -> list[web.RouteDef]:
        """Shopee's calls, and the plain ones beside them."""
        return [
            web.get(DETAIL, self._of_shop(self.show_orders)),
            web.get(LIST, self._of_shop(self.list_orders)),
            web.get(LOST, self.show_lost),
            web.post(CONFIRM, self.confirm_lost),
            web.post("/admin/orders/{number}/packed", self.pack),
            *self.yard.admin_routes(),
        ]

    def forget_tokens(self) -> None:
        """Every shop's access token is no good any more."""
        self._tokens.forget()

    def token(self, shop: str) -> str:
        """The shop's access token as it is now."""
        return self._tokens.of(shop)

    def joining(self) -> Joining:
        """Our partner key."""
        return {"secrets": [self._key], "public_key": None}

    async def show_orders(self, request: web.Request, shop: str) -> web.Response:
        """The orders of these numbers, with the fields that are asked for."""
        fields = frozenset(request.query.get("response_optional_fields", "").split(","))
        numbers = request.query.get("order_sn_list", "").split(",")
        found = [self.yard.sold[number] for number in numbers if number in self.yard.sold]
        self.yard.totals["fetched"] += len(found)
        return answer({"order_list": [detail(x, fields) for x in found if x.order.shop == shop]})

    async def list_orders(self, request: web.Request, shop: str) -> web.Response:
        """Numbers by update time, oldest first."""
        since, until = int(request.query["time_from"]), int(request.query["time_to"])
        size = int(request.query.get("page_size", "20"))
        if request.query.get("time_range_field") != "update_time" or size > LARGEST_PAGE:
            return failure("error_param")
        if until - since > MOST_DAYS_S:
            return failure("error_param_time_range")
        changed = sorted(
            (one.at.timestamp(), one.serial, one)
            for one in self.yard.sold.values()
            if one.order.shop == shop and since <= one.at.timestamp() <= until
        )
        start = int(request.query.get("cursor") or 0)
        page = [one for _, _, one in changed[start : start + size]]
        more = start + size < len(changed)
        self.yard.totals["pages"] += 1
        return answer(
            {
                "more": more,
                "next_cursor": str(start + size) if more else "",
                "order_list": [{"order_sn": one.order.number} for one in page],
            }
        )

    async def show_lost(self, request: web.Request) -> web.Response:
        """The oldest pushes that were lost and not confirmed."""
        if not self._is_signed(request, "", ""):
            return failure("error_sign")
        given = self.lost[:KEPT_AT_ONCE]
        return answer(
            {
                "push_message_list": [
                    message | {"data": json.dumps(message["data"])} for _, message in given
                ],
                "has_next_page": len(self.lost) > len(given),
                "last_message_id": given[-1][0] if given else 0,
            }
        )

    async def confirm_lost(self, request: web.Request) -> web.Response:
        """Forget those up to and including this one."""
        if not self._is_signed(request, "", ""):
            return failure("error_sign")
        last = int((await request.json())["last_message_id"])
        self.lost = [(number, message) for number, message in self.lost if number > last]
        return answer({})

    async def pack(self, request: web.Request) -> web.Response:
        """The seller has the goods ready: the courier comes."""
        return self.yard.packed(request, lambda sold: self._ship(sold, 0.0))

    def _of_shop(
        self, handler: Callable[[web.Request, str], Awaitable[web.Response]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def checked(request: web.Request) -> web.Response:
            shop = request.query.get("shop_id", "")
            token = request.query.get("access_token", "")
            if not self._is_signed(request, token, shop):
                return failure("error_sign")
            if not is_one_of(token, [self.token(shop)]):
                return failure("error_auth")
            return await handler(request, shop)

        return checked

    def _is_signed(self, request: web.Request, token: str, shop: str) -> bool:
        stamp = request.query.get("timestamp", "0")
        if not stamp.isdecimal() or abs(int(stamp) - time.time()) > SIGNED_FOR_S:
            return False
        path, partner = request.path, request.query.get("partner_id", "")
        expected = call_signature(self._key, partner, path, int(stamp), token, shop)
        return partner == PARTNER_ID and is_one_of(request.query.get("sign", ""), [expected])

    def _changed(self, sold: Sold) -> None:
        if len(sold.history) == 1:
            self._ship(sold, COLLECTED_AFTER_H)
        if sold.status == CANCELLED:
            sold.stop()
        status, _, package = sold.status.partition(":")
        about = {"ordersn": sold.order.number}
        if package:
            self._push(sold, PACKAGE_PUSH, about | {"package_number": parts(sold).package})
        else:
            stamp = int(sold.at.timestamp())
            more = {"items": [], "completed_scenario": ""}
            self._push(sold, ORDER_PUSH, about | {"status": status, "update_time": stamp} | more)

    def _ship(self, sold: Sold, wait_h: float) -> None:
        sold.stop()
        plan: tuple[tuple[float, str], ...] = SHIPPING
        if self._chance(sold, "life").random() < self._options.lives.lost:
            plan = (*SHIPPING[:2], (LOST_AFTER_H, LOST_PARCEL))
        self.yard.later(sold, tuple((wait_h + hours, status) for hours, status in plan))

    def _push(self, sold: Sold, code: int, data: dict[str, Any]) -> None:
        hooks = self._options.webhooks
        stamp = int(self.yard.now().timestamp())
        message = {"shop_id": _shop_id(sold), "code": code, "timestamp": stamp, "data": data}
        chance = self._chance(sold, str(code), sold.status)
        if hooks.url is None or chance.random() < self._options.mischief.late:
            self._lost_so_far += 1
            self.lost.append((self._lost_so_far, message))
            self.yard.totals["pushes_lost"] += 1
            return
        raw = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()
        signature = push_signature(self._key.encode(), hooks.url, raw)
        headers = {"Authorization": signature, "Content-Type": "application/json"}
        self.messenger.send(raw, headers, chance)

    def _chance(self, sold: Sold, *about: str) -> random.Random:
        return self.yard.chance(sold.order.number, *about)


def answer(response: dict[str, Any]) -> web.Response:
    """The envelope when it went well."""
    return web.json_response({"error": "", "message": "", "request_id": "", "response": response})


def failure(error: str) -> web.Response:
    """The envelope when it did not."""
    return web.json_response({"error": error, "message": error, "request_id": ""})


def _shop_id(sold: Sold) -> int | str:
    """A number, as Shopee's are; a sample shop may have a name."""
    return int(sold.order.shop) if sold.order.shop.isdecimal() else sold.order.shop
