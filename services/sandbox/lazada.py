"""A server that behaves like Lazada's Open Platform (Vietnam) as far as it is documented.

It checks the signature of every call, shows buyers masked, one item row a unit, numbers as text or
as numbers, times in two forms, and pushes every change of a line with a signature.
`POST /admin/orders/{number}/cancel-unit` cancels one unit of an order.
"""

from __future__ import annotations

import json
import time
from datetime import datetime
from typing import TYPE_CHECKING, Final

from aiohttp import web

from services.channels.lazada.proxy import ITEMS, ORDER, ORDERS
from services.channels.lazada.signature import call_signature, push_signature
from services.channels.signing import is_one_of
from services.sandbox.callers import ShopTokens
from services.sandbox.clock import Clock
from services.sandbox.lazada_order import CANCELED, Units, heading, items, line_ids
from services.sandbox.market import Market, no_such_order
from services.sandbox.webhooks import Messenger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from services.sandbox.market import Sold
    from services.sandbox.options import Options
    from services.sandbox.serving import Joining

APP_KEY: Final = "100001"
NEW: Final = "pending"
ENDED: Final = frozenset({"delivered", CANCELED, "lost_by_3pl"})
COLLECTED_AFTER_H: Final = 24.0
SHIPPING: Final = ((1.0, "packed"), (2.0, "ready_to_ship"), (8.0, "shipped"), (50.0, "delivered"))
"""Hours after the goods are ready."""
LOST: Final = (60.0, "lost_by_3pl")
SIGNED_FOR_S: Final = 7_200
LARGEST_PAGE: Final = 100


class LazadaSandbox:
    """Sellers, orders and pushes. A seller's access token is `<its id>:<our app secret>`."""

    def __init__(self, options: Options) -> None:
        clock = Clock(options.start, options.speed)
        self.messenger = Messenger(options.webhooks, options.mischief, clock)
        self.yard = Market(
            options, clock, self._changed, first=NEW, cancelled=CANCELED, ended=ENDED
        )
        self.units: dict[str, Units] = {}
        self._options = options
        self._secret = options.webhooks.secret
        self._tokens = ShopTokens(self._secret)

    def routes(self) -> list[web.RouteDef]:
        """Lazada's calls, and the plain ones beside them."""
        return [
            web.get(ORDER, self._checked(self.show_order)),
            web.get(ITEMS, self._checked(self.show_items)),
            web.get(ORDERS, self._checked(self.list_orders)),
            web.post("/admin/orders/{number}/packed", self.pack),
            web.post("/admin/orders/{number}/cancel-unit", self.cancel_unit),
            *self.yard.admin_routes(),
        ]

    def forget_tokens(self) -> None:
        """Every seller's access token is no good any more."""
        self._tokens.forget()

    def token(self, shop: str) -> str:
        """The seller's access token as it is now."""
        return self._tokens.of(shop)

    def joining(self) -> Joining:
        """Our app secret."""
        return {"secrets": [self._secret], "public_key": None}

    async def show_order(self, query: Mapping[str, str], shop: str) -> web.Response:
        """One order, without its items."""
        sold = self._own(query, shop)
        self.yard.totals["fetched"] += 1
        return (
            failure("OrderNotFound") if sold is None else answer(heading(sold, self._units(sold)))
        )

    async def show_items(self, query: Mapping[str, str], shop: str) -> web.Response:
        """One row a unit."""
        sold = self._own(query, shop)
        return failure("OrderNotFound") if sold is None else answer(items(sold, self._units(sold)))

    async def list_orders(self, query: Mapping[str, str], shop: str) -> web.Response:
        """Orders that changed since then, oldest first."""
        limit = int(query.get("limit", "10"))
        if "update_after" not in query or limit > LARGEST_PAGE:
            return failure("MissingParameter")
        after = datetime.fromisoformat(query["update_after"])
        found = sorted(
            (one for one in self.yard.sold.values() if one.order.shop == shop and one.at >= after),
            key=lambda one: (one.at, one.serial),
        )
        page = found[:limit]
        self.yard.totals["pages"] += 1
        orders = [heading(one, self._units(one)) for one in page]
        return answer({"count": len(page), "countTotal": len(found), "orders": orders})

    async def pack(self, request: web.Request) -> web.Response:
        """The seller has the goods ready: the courier comes."""
        return self.yard.packed(request, lambda sold: self._ship(sold, 0.0))

    async def cancel_unit(self, request: web.Request) -> web.Response:
        """One unit fewer; the last one ends the order."""
        sold = self.yard.sold.get(request.match_info["number"])
        if sold is None:
            return no_such_order()
        units = self._units(sold)
        units.canceled += 1
        if units.canceled >= units.ordered:
            self.yard.move(sold, CANCELED)
        else:
            sold.at = self.yard.now()
            sold.history.append((sold.at, CANCELED))
            self._push(sold, CANCELED, line_ids(sold)[units.ordered - units.canceled])
        return web.json_response({"number": sold.order.number, "status": sold.status})

    def _own(self, query: Mapping[str, str], shop: str) -> Sold | None:
        sold = self.yard.sold.get(query.get("order_id", ""))
        return sold if sold is not None and sold.order.shop == shop else None

    def _units(self, sold: Sold) -> Units:
        ordered = sum(line.quantity for line in sold.order.lines)
        return self.units.setdefault(sold.order.number, Units(ordered))

    def _checked(
        self, handler: Callable[[Mapping[str, str], str], Awaitable[web.Response]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def checked(request: web.Request) -> web.Response:
            query = dict(request.query)
            shop = query.get("access_token", "").partition(":")[0]
            if not self._is_signed(request.path, query):
                return failure("IncompleteSignature")
            if not is_one_of(query.get("access_token", ""), [self.token(shop)]):
                return failure("IllegalAccessToken")
            return await handler(query, shop)

        return checked

    def _is_signed(self, path: str, query: Mapping[str, str]) -> bool:
        stamp = query.get("timestamp", "0")
        if not stamp.isdecimal() or abs(int(stamp) / 1000 - time.time()) > SIGNED_FOR_S:
            return False
        expected = call_signature(self._secret, path, query)
        is_ours = query.get("app_key") == APP_KEY and query.get("sign_method") == "sha256"
        return is_ours and is_one_of(query.get("sign", ""), [expected])

    def _changed(self, sold: Sold) -> None:
        if len(sold.history) == 1:
            self._ship(sold, COLLECTED_AFTER_H)
        if sold.status == CANCELED:
            sold.stop()
        for line in line_ids(sold):
            self._push(sold, sold.status, line)

    def _ship(self, sold: Sold, wait_h: float) -> None:
        sold.stop()
        lost = self.yard.chance(sold.order.number, "life").random() < self._options.lives.lost
        plan = (*SHIPPING[:3], LOST) if lost else SHIPPING
        self.yard.later(sold, tuple((wait_h + hours, status) for hours, status in plan))

    def _push(self, sold: Sold, status: str, line: int) -> None:
        if self._options.webhooks.url is None:
            return
        stamp = int(sold.at.timestamp())
        message = {
            "seller_id": sold.order.shop,
            "message_type": 0,
            "data": {
                "order_status": status,
                "trade_order_id": sold.order.number,
                "trade_order_line_id": str(line),
                # The unit is not documented: orders with an even number tell milliseconds.
                "status_update_time": stamp if sold.serial % 2 else stamp * 1000,
                "buyer_id": "0",
            },
            "timestamp": stamp,
            "site": "lazada_vn",
        }
        raw = json.dumps(message, separators=(",", ":")).encode()
        signature = push_signature(self._secret.encode(), APP_KEY, raw)
        headers = {"Authorization": signature, "Content-Type": "application/json"}
        self.messenger.send(raw, headers, self.yard.chance(sold.order.number, status, str(line)))


def answer(data: object) -> web.Response:
    """The envelope when it went well."""
    return web.json_response({"code": "0", "data": data, "request_id": ""})


def failure(code: str) -> web.Response:
    """The envelope when it did not."""
    return web.json_response({"code": code, "type": "ISV", "message": code, "request_id": ""})
