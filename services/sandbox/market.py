"""What every marketplace's double has: orders of a plain shape of our own, told by `/admin/orders`.

    POST /admin/orders
    {"number": "100000001", "shop": "T-S01-01", "placed_at": "2026-10-01T07:00:00+07:00",
     "buyer": {"name": "Trần Thị B", "phone": "0900000002"},
     "address": {"street": "Số 1 Đường Mẫu", "ward": "Phường Cầu Giấy", "district": "",
                 "province": "Hà Nội"},
     "lines": [{"sku": "S01-01-01", "name": "Cốm", "quantity": 2, "price": 175000, "weight": 550}],
     "shipping": 16000, "discount": 0, "cod": 366000, "platform_ships": false}
    POST /admin/orders/{number}/cancel
    POST /admin/orders/{number}/status {"status": "…"}    (the marketplace's own word)

Prices in VND of one unit, weights in grams; `cod` is what the courier collects, 0 where it is paid.
How the marketplace shows such an order is its own affair.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web
from pydantic import BaseModel, ConfigDict, NonNegativeInt, PositiveInt, ValidationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.sandbox.clock import Clock
    from services.sandbox.options import Options

UNPROCESSABLE: Final = 422
NOT_FOUND: Final = 404


class Plain(BaseModel):
    """Frozen, and nothing but what is told above."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Buyer(Plain):
    """Who receives it."""

    name: str
    phone: str


class Address(Plain):
    """Where; a marketplace of the old map also names the district."""

    street: str
    ward: str = ""
    district: str = ""
    province: str = ""


class Line(Plain):
    """VND and grams of one unit. `ref`: the marketplace's own id of what is sold, if it has one."""

    sku: str
    name: str = ""
    quantity: PositiveInt
    price: NonNegativeInt
    weight: NonNegativeInt = 0
    ref: str = ""


class PlainOrder(Plain):
    """An order as a person would tell it."""

    number: str
    shop: str
    placed_at: datetime
    buyer: Buyer
    address: Address
    lines: tuple[Line, ...]
    shipping: NonNegativeInt = 0
    discount: NonNegativeInt = 0
    cod: NonNegativeInt = 0
    platform_ships: bool = False

    @property
    def goods(self) -> int:
        """VND of all lines."""
        return sum(line.quantity * line.price for line in self.lines)


@dataclass(slots=True)
class Sold:
    """An order with its life. `serial`: its place in the order of coming."""

    order: PlainOrder
    serial: int
    status: str
    at: datetime
    history: list[tuple[datetime, str]] = field(default_factory=list)
    tracking_no: str = ""
    reason: str = ""
    timers: list[asyncio.TimerHandle] = field(default_factory=list)

    def stop(self) -> None:
        """Nothing of what was planned happens any more."""
        for timer in self.timers:
            timer.cancel()


class Market:
    """The order book of a marketplace. `changed` hears of every change."""

    def __init__(
        self,
        options: Options,
        clock: Clock,
        changed: Callable[[Sold], None],
        *,
        first: str,
        cancelled: str,
        ended: frozenset[str],
    ) -> None:
        self.options = options
        self.clock = clock
        self.totals: Counter[str] = Counter()
        self.sold: dict[str, Sold] = {}
        self._changed = changed
        self._first = first
        self._cancelled = cancelled
        self._ended = ended

    def chance(self, *about: str) -> random.Random:
        """Chance that is the same for the same thing, in whatever order things come."""
        return random.Random("|".join((str(self.options.seed), *about)))

    def set_clock(self, now: datetime, speed: float | None) -> None:
        """Set the clock; once there are orders it is never put back."""
        self.clock.set(max(now, self.clock.now()) if self.sold else now, speed)

    def open_parcels(self) -> int:
        """How many orders have not come to their end."""
        return sum(one.status not in self._ended for one in self.sold.values())

    def close(self) -> None:
        """Let nothing more happen."""
        for one in self.sold.values():
            one.stop()

    def place(self, order: PlainOrder) -> Sold:
        """A buyer orders; the same number again is the same order."""
        known = self.sold.get(order.number)
        if known is not None:
            return known
        at = self.now()
        sold = Sold(order, len(self.sold), self._first, at, [(at, self._first)])
        self.sold[order.number] = sold
        self.totals["orders"] += 1
        self._changed(sold)
        return sold

    def move(self, sold: Sold, status: str, reason: str = "") -> None:
        """The order stands elsewhere now; an order that has ended stays."""
        if sold.status in self._ended or sold.status == status:
            return
        sold.status, sold.at, sold.reason = status, self.now(), reason or sold.reason
        sold.history.append((sold.at, status))
        self.totals[f"status_{status}"] += 1
        self._changed(sold)

    def later(self, sold: Sold, plan: tuple[tuple[float, str], ...]) -> None:
        """Statuses that follow, each so many hours of the marketplace's clock from now."""
        loop = asyncio.get_running_loop()
        for hours, status in plan:
            wait = self.clock.real_seconds(hours)
            sold.timers.append(loop.call_later(wait, self.move, sold, status))

    def now(self) -> datetime:
        """To the second, as marketplaces write it."""
        return self.clock.now().replace(microsecond=0)

    def admin_routes(self) -> list[web.RouteDef]:
        """What a person may do at the marketplace."""
        return [
            web.post("/admin/orders", self._take),
            web.post("/admin/orders/{number}/cancel", self._cancel),
            web.post("/admin/orders/{number}/status", self._set_status),
        ]

    def packed(self, request: web.Request, collect: Callable[[Sold], None]) -> web.Response:
        """The seller has the goods ready: the courier comes, if nobody has come yet."""
        sold = self.sold.get(request.match_info["number"])
        if sold is None:
            return no_such_order()
        if sold.status == self._first:
            collect(sold)
        return web.json_response({"number": sold.order.number, "status": sold.status})

    async def _take(self, request: web.Request) -> web.Response:
        try:
            order = PlainOrder.model_validate_json(await request.read())
        except ValidationError as error:
            told = error.errors(include_url=False, include_input=False, include_context=False)
            return web.json_response({"errors": told}, status=UNPROCESSABLE)
        sold = self.place(order)
        return web.json_response({"number": order.number, "status": sold.status})

    async def _cancel(self, request: web.Request) -> web.Response:
        return self._moved(request.match_info["number"], self._cancelled, "changed_mind")

    async def _set_status(self, request: web.Request) -> web.Response:
        wanted: dict[str, Any] = await request.json()
        return self._moved(request.match_info["number"], str(wanted.get("status")))

    def _moved(self, number: str, status: str, reason: str = "") -> web.Response:
        sold = self.sold.get(number)
        if sold is None:
            return no_such_order()
        self.move(sold, status, reason)
        return web.json_response({"number": number, "status": sold.status})


def no_such_order() -> web.Response:
    """The number is not one of ours."""
    return web.json_response({"error": "no such order"}, status=NOT_FOUND)
