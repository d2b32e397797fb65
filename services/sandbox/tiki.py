"""A server that behaves like api.tiki.vn as far as it is documented: tokens, queue, orders.

Of the queue the path and body of the acknowledgement and the shape of the events are unconfirmed:
it speaks the defaults of services/channels/tiki/details.py. Events that are not acknowledged come
again, and now and then one that was.
"""

from __future__ import annotations

import secrets
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from services.sandbox.callers import UNAUTHORISED, Tokens
from services.sandbox.clock import Clock
from services.sandbox.market import Market
from services.sandbox.options import Webhooks
from services.sandbox.tiki_order import tiki_order
from services.sandbox.webhooks import Messenger

if TYPE_CHECKING:
    from datetime import datetime

    from services.sandbox.market import Sold
    from services.sandbox.options import Options
    from services.sandbox.serving import Joining

APP: Final = "sandbox"
"""The client id of our application; a shop's own is its name."""
NEW, CONFIRMED, DELIVERED = "queueing", "processing", "successful_delivery"
ENDED: Final = frozenset({DELIVERED, "complete", "closed", "canceled", "returned"})
BEFORE_CANCEL: Final = frozenset({"handover_to_partner", "shipping", "delivered"})
SHIPPED_BY_TIKI: Final = (
    *((2.0, "packaging"), (8.0, "ready_to_ship"), (14.0, "handover_to_partner")),
    *((20.0, "shipping"), (60.0, DELIVERED)),
)
"""Hours after the confirmation, where Tiki's own carrier takes the parcel."""
LARGEST_PAGE: Final = 50
PULLED: Final = 100
ROUTING_S: Final = 5
"""A subscription takes effect so long after it was made, by Tiki's clock."""
BAD_REQUEST, NOT_FOUND = 400, 404


class TikiSandbox:
    """Gives tokens, keeps events until they are acknowledged, lists and moves orders."""

    def __init__(self, options: Options) -> None:
        clock = Clock(options.start, options.speed)
        self.messenger = Messenger(Webhooks(), options.mischief, clock)
        self.yard = Market(options, clock, self._tell, first=NEW, cancelled="canceled", ended=ENDED)
        self.events: list[dict[str, Any]] = []
        self.subscribed: dict[tuple[str, str], datetime] = {}
        self._queues: dict[str, str] = {}
        self._tokens = Tokens()
        self._receipts: dict[str, set[str]] = {}
        self._options = options
        self._redelivered: set[str] = set()

    def routes(self) -> list[web.RouteDef]:
        """Tiki's calls, and the plain ones beside them."""
        queue, order = "/integration/v1/queues", "/integration/v2/orders"
        return [
            web.post("/sc/oauth2/token", self.token),
            web.get(queue, self.list_queues),
            web.post(queue, self.make_queue),
            web.post(queue + "/{queue}/subscriptions", self.subscribe),
            web.post(queue + "/{queue}/events/pull", self.pull),
            web.post(queue + "/{queue}/events/ack", self.acknowledge),
            web.get(order, self.list_orders),
            web.get(order + "/{code}", self.show_order),
            web.post(order + "/{code}/confirm-available", self.confirm_available),
            web.post(order + "/{code}/update-delivery", self.update_delivery),
            *self.yard.admin_routes(),
        ]

    def forget_tokens(self) -> None:
        """Every token given out so far is no good any more."""
        self._tokens.forget()

    def joining(self) -> Joining:
        """Our client secret; a shop's is `<its name>:<the same>`."""
        return {"secrets": [self._options.password], "public_key": None}

    async def token(self, request: web.Request) -> web.Response:
        """OAuth2 client credentials, for the app or for a shop."""
        form = await request.post()
        known = form.get("client_secret") == self._options.password
        if form.get("grant_type") != "client_credentials" or not known:
            return web.json_response({"error": "invalid_client"}, status=UNAUTHORISED)
        value, _ends = self._tokens.give(self._options.token_s, str(form.get("client_id")))
        seconds = int(self._options.token_s)
        return web.json_response(
            {"access_token": value, "expires_in": seconds, "token_type": "bearer", "scope": ""}
        )

    async def list_queues(self, request: web.Request) -> web.Response:
        """The app's queues."""
        if self._caller(request) != APP:
            return denied()
        return web.json_response([_queue(*one) for one in self._queues.items()])

    async def make_queue(self, request: web.Request) -> web.Response:
        """A queue of a name; two of one name are two."""
        if self._caller(request) != APP:
            return denied()
        code, name = str(uuid.uuid4()), str((await request.json()).get("name"))
        self._queues[code] = name
        return web.json_response(_queue(code, name))

    async def subscribe(self, request: web.Request) -> web.Response:
        """A shop's events of one type go into the queue from soon on."""
        caller, queue = self._caller(request), request.match_info["queue"]
        if caller in {None, APP} or queue not in self._queues:
            return denied()
        event_type = str((await request.json()).get("event_type"))
        begins = self.yard.now() + timedelta(seconds=ROUTING_S)
        self.subscribed.setdefault((caller or "", event_type), begins)
        told = {"code": str(uuid.uuid4()), "active": True, "event_type": event_type, "sid": caller}
        return web.json_response(told)

    async def pull(self, request: web.Request) -> web.Response:
        """The oldest events nobody has acknowledged: the same ones, if asked again."""
        if self._caller(request) != APP or request.match_info["queue"] not in self._queues:
            return denied()
        given = self.events[:PULLED]
        receipt = str(uuid.uuid4())
        self._receipts[receipt] = {event["id"] for event in given}
        self.yard.totals["events_pulled"] += len(given)
        return web.json_response({"events": given, "ack_id": receipt})

    async def acknowledge(self, request: web.Request) -> web.Response:
        """Forget what was pulled under this receipt, but for one now and then."""
        if self._caller(request) != APP:
            return denied()
        done = self._receipts.pop(str((await request.json()).get("ack_id")), None)
        if done is None:
            return web.json_response({"error": "unknown ack_id"}, status=BAD_REQUEST)
        again = {one for one in done if self._comes_again(one)}
        self._redelivered |= again
        self.events = [one for one in self.events if one["id"] not in done - again]
        return web.json_response({})

    async def list_orders(self, request: web.Request) -> web.Response:
        """A page of the caller's orders, the newest first."""
        shop = self._caller(request)
        if shop is None:
            return denied()
        page = max(1, int(request.query.get("page", "1")))
        limit = min(LARGEST_PAGE, int(request.query.get("limit", "20")))
        wanted = request.query.get("status")
        found = [
            one
            for one in sorted(self.yard.sold.values(), key=lambda one: -one.serial)
            if one.order.shop == shop and wanted in {None, one.status}
        ]
        part = found[(page - 1) * limit : page * limit]
        self.yard.totals["pages"] += 1
        return web.json_response(
            {
                "data": [tiki_order(one) for one in part],
                "paging": {"total": len(found), "current_page": page, "per_page": limit},
            }
        )

    async def show_order(self, request: web.Request) -> web.Response:
        """One order."""
        sold = self._own(request)
        self.yard.totals["fetched"] += 1
        return denied(NOT_FOUND) if sold is None else web.json_response(tiki_order(sold))

    async def confirm_available(self, request: web.Request) -> web.Response:
        """The seller has the goods; where Tiki ships, its carrier's number is known now."""
        sold = self._own(request)
        if sold is None:
            return denied(NOT_FOUND)
        if sold.status != NEW:
            return web.json_response({"error": "invalid status"}, status=BAD_REQUEST)
        if sold.order.platform_ships:
            sold.tracking_no = f"TKVN{sold.serial:08d}"
            self.yard.later(sold, SHIPPED_BY_TIKI)
        self.yard.move(sold, CONFIRMED)
        return web.json_response(tiki_order(sold))

    async def update_delivery(self, request: web.Request) -> web.Response:
        """The seller's own courier has delivered, or failed to."""
        sold = self._own(request)
        if sold is None:
            return denied(NOT_FOUND)
        status = (await request.json()).get("status")
        if status not in {DELIVERED, "failed"} or sold.status in {NEW, *ENDED}:
            return web.json_response({"error": "invalid status"}, status=BAD_REQUEST)
        self.yard.move(sold, DELIVERED if status == DELIVERED else "returned")
        return web.json_response(tiki_order(sold))

    def _tell(self, sold: Sold) -> None:
        """An event for every change of a shop that has subscribed."""
        is_new = len(sold.history) == 1
        event_type = "ORDER_CREATED_SUCCESSFULLY" if is_new else "ORDER_STATUS_UPDATED"
        begins = self.subscribed.get((sold.order.shop, event_type))
        if begins is None or self.yard.now() < begins:
            self.yard.totals["events_unrouted"] += 1
            return
        self.yard.totals["events"] += 1
        self.events.append(
            {
                "id": str(uuid.uuid4()),
                "sid": sold.order.shop,
                "type": event_type,
                "created_at": int(sold.at.timestamp() * 1000),
                "payload": {"order_code": sold.order.number, "status": sold.status},
                "version": "v1",
            }
        )

    def _comes_again(self, event_id: str) -> bool:
        chance = self._options.mischief.duplicate
        if event_id in self._redelivered or not chance:
            return False
        return secrets.randbelow(1_000) < chance * 1_000

    def _own(self, request: web.Request) -> Sold | None:
        sold = self.yard.sold.get(request.match_info["code"])
        caller = self._caller(request)
        return sold if sold is not None and sold.order.shop == caller else None

    def _caller(self, request: web.Request) -> str | None:
        """Whose token it is; None if it is none, or has ended."""
        client = self._tokens.bearer(request)
        if client is None:
            raise web.HTTPUnauthorized(text='{"error":"unauthorized"}')
        return client


def denied(status: int = 403) -> web.Response:
    """Not for this caller, or not there."""
    return web.json_response({"error": "denied"}, status=status)


def _queue(code: str, name: str) -> dict[str, str]:
    return {"code": code, "name": name, "status": "ACTIVE"}
