"""A server that behaves like open.sendo.vn as its clients know it: login, search, order, update.

Whether the marketplace still runs is not known.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from services.sandbox.callers import UNAUTHORISED, Tokens
from services.sandbox.clock import Clock
from services.sandbox.market import Market
from services.sandbox.options import Webhooks
from services.sandbox.webhooks import Messenger

if TYPE_CHECKING:
    from services.sandbox.market import Sold
    from services.sandbox.options import Options
    from services.sandbox.serving import Joining

NEW, PROCESSING, SHIPPING, DELIVERED, CANCELLED = "2", "3", "6", "7", "13"
ENDED: Final = frozenset({"8", CANCELLED, "22"})
MAY_BECOME: Final = {
    PROCESSING: frozenset({NEW, "12"}),
    DELIVERED: frozenset({PROCESSING, SHIPPING}),
    CANCELLED: frozenset({NEW, PROCESSING, "11", "12"}),
}
"""What a shop may set, and from where."""
BAD_REQUEST, NOT_FOUND = 400, 404


class SendoSandbox:
    """Each shop logs in with its name as shop key; it sees its own orders only."""

    def __init__(self, options: Options) -> None:
        clock = Clock(options.start, options.speed)
        self.messenger = Messenger(Webhooks(), options.mischief, clock)
        self.yard = Market(
            options, clock, lambda _: None, first=NEW, cancelled=CANCELLED, ended=ENDED
        )
        self._options = options
        self._tokens = Tokens()

    def routes(self) -> list[web.RouteDef]:
        """Sendo's calls, and the plain ones beside them."""
        orders = "/api/partner/salesorder"
        return [
            web.post("/login", self.login),
            web.post(f"{orders}/search", self.search),
            web.get(orders + "/{number}", self.show_order),
            web.put(orders, self.update),
            *self.yard.admin_routes(),
        ]

    def forget_tokens(self) -> None:
        """Every token given out so far is no good any more."""
        self._tokens.forget()

    def joining(self) -> Joining:
        """The secret key of every shop; a shop's secret is `<its name>:<it>`."""
        return {"secrets": [self._options.password], "public_key": None}

    async def login(self, request: web.Request) -> web.Response:
        """Shop key and secret key for a token."""
        body = await request.json()
        if body.get("secret_key") != self._options.password or not body.get("shop_key"):
            return web.json_response({"success": False, "result": None}, status=UNAUTHORISED)
        value, ends = self._tokens.give(self._options.token_s, str(body["shop_key"]))
        return web.json_response({"success": True, "result": {"token": value, "expires": ends}})

    async def search(self, request: web.Request) -> web.Response:
        """A page of orders whose status changed since a time, by that time.

        The page token names the last order shown, so that what changes meanwhile hides nothing.
        """
        shop, body = self._caller(request), await request.json()
        since = int(body.get("order_status_date_from") or 0)
        after = _place(str(body.get("token") or ""))
        wanted = body.get("order_status")
        found = sorted(
            (int(one.at.timestamp()), one.order.number)
            for one in self.yard.sold.values()
            if one.order.shop == shop and wanted in {None, int(one.status)}
        )
        rest = [one for one in found if one[0] >= since and one > after]
        page = rest[: max(1, min(100, int(body.get("page_size") or 10)))]
        more = len(page) < len(rest)
        self.yard.totals["pages"] += 1
        data = [_order(self.yard.sold[number]) for _, number in page]
        next_token = _token(page[-1]) if more else ""
        return web.json_response({"result": {"data": data, "next_token": next_token}})

    async def show_order(self, request: web.Request) -> web.Response:
        """One order."""
        sold = self.yard.sold.get(request.match_info["number"])
        if sold is None or sold.order.shop != self._caller(request):
            return web.json_response({"success": False}, status=NOT_FOUND)
        self.yard.totals["fetched"] += 1
        return web.json_response({"result": _order(sold)})

    async def update(self, request: web.Request) -> web.Response:
        """Processing, delivered, cancelled, where that may follow."""
        body = await request.json()
        sold = self.yard.sold.get(str(body.get("order_number")))
        if sold is None or sold.order.shop != self._caller(request):
            return web.json_response({"success": False}, status=NOT_FOUND)
        status = str(body.get("order_status"))
        if sold.status not in MAY_BECOME.get(status, ()):
            return web.json_response({"success": False}, status=BAD_REQUEST)
        self.yard.move(sold, status, str(body.get("cancel_order_reason") or ""))
        return web.json_response({"success": True})

    def _caller(self, request: web.Request) -> str:
        """The shop whose token it is."""
        shop = self._tokens.bearer(request)
        if shop is None:
            raise web.HTTPUnauthorized(text='{"success":false}')
        return shop


def _order(sold: Sold) -> dict[str, Any]:
    order = sold.order
    where = order.address
    parts = (where.street, where.ward, where.district, where.province)
    return {
        "sales_order": {
            "order_number": order.number,
            "order_status": int(sold.status),
            "receiver_name": order.buyer.name,
            "buyer_address": ", ".join(part for part in parts if part),
            "buyer_phone": order.buyer.phone,
            "sub_total": order.goods,
            "shipping_fee": order.shipping,
            "payment_method": 1 if order.cod else 2,
            "order_date_time_stamp": int(sold.history[0][0].timestamp()),
        },
        "sku_details": [
            {
                "product_variant_id": line.ref or line.sku,
                "product_name": line.name,
                "quantity": line.quantity,
            }
            for line in order.lines
        ],
    }


def _token(place: tuple[int, str]) -> str:
    return base64.urlsafe_b64encode(f"{place[0]}|{place[1]}".encode()).decode()


def _place(token: str) -> tuple[int, str]:
    if not token:
        return (0, "")
    seconds, _, number = base64.urlsafe_b64decode(token).decode().partition("|")
    return (int(seconds), number)
