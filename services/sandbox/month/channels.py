"""Channels and sellers who send the month's orders, each line at its time."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator
    from pathlib import Path

    from services.sandbox.clock import Clock
    from services.sandbox.month.door import Door

MARKETPLACES = frozenset({"shopee", "lazada", "tiki", "sendo"})

Line = dict[str, Any]
"""One line of `orders.jsonl`; its fields are told in `services.sandbox.sample.orders`."""

AT_ONCE = 32


def read_lines(path: Path, orders: int | None = None) -> Iterator[Line]:
    """The lines of `orders.jsonl`, of its first `orders` different orders if that is given."""
    kept: set[str] = set()
    with path.open("rb") as file:
        for raw in file:
            line = orjson.loads(raw)
            number = number_of(line)
            if number not in kept:
                if orders is not None and len(kept) == orders:
                    continue
                kept.add(number)
            yield line


def number_of(line: Line) -> str:
    """The order's number at its channel."""
    body = line["body"]
    return str(body["channel_order_no"] if "channel_order_no" in body else body["number"])


@dataclass(slots=True)
class Channels:
    """Sends lines in order of time; the share `repeat` of them twice."""

    door: Door
    clock: Clock
    seed: int = 0
    repeat: float = 0.0
    sent: int = 0
    refused: int = 0
    told: Callable[[], None] = field(default=lambda: None)
    _turns: dict[str, asyncio.Lock] = field(default_factory=dict)

    async def send(self, lines: Iterable[Line]) -> None:
        """Send every line once its time has come; return when all are answered."""
        rng = random.Random(self.seed)
        slots = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for line in lines:
                await sleep_until(self.clock, datetime.fromisoformat(line["at"]))
                for _ in range(2 if rng.random() < self.repeat else 1):
                    await slots.acquire()
                    sending = group.create_task(self._send_in_turn(line))
                    sending.add_done_callback(lambda _: slots.release())

    async def _send_in_turn(self, line: Line) -> None:
        """A seller asks for a change once its order was accepted; a channel's pushes may cross."""
        if line["channel"] != "direct":
            await self.send_line(line)
            return
        async with self._turns.setdefault(order_id(line), asyncio.Lock()):
            await self.send_line(line)

    async def send_line(self, line: Line) -> None:
        """Send one line the way its channel does."""
        status = await sender_of(line)(self.door, line)
        self.sent += 1
        self.refused += status >= 400  # noqa: PLR2004 - the first error status
        self.told()


async def sleep_until(clock: Clock, moment: datetime) -> None:
    """Return once it is `moment` in the sample month."""
    hours = (moment - clock.now()).total_seconds() / 3600
    if hours > 0:
        await asyncio.sleep(clock.real_seconds(hours))


def order_id(line: Line) -> str:
    """The id the gateway gives a direct order."""
    return f"direct:{line['seller_id']}:{number_of(line)}"


async def send_feed(door: Door, line: Line) -> int:
    """Postmart and Voso push every change of an order to one address."""
    return await door.post_as_channel(line["channel"], line["body"])


async def send_direct(door: Door, line: Line) -> int:
    """A seller places an order of its own."""
    return await door.post_as_seller(line["seller_id"], "/v1/orders", line["body"])


async def send_amendment(door: Door, line: Line) -> int:
    """A seller changes its order."""
    body = {"why": "buyer asked", "at": line["at"], "order": line["body"]}
    return await door.post_as_seller(line["seller_id"], f"/v1/orders/{order_id(line)}/amend", body)


async def send_cancellation(door: Door, line: Line) -> int:
    """A seller ends its order."""
    body = {"why": "changed_mind", "at": line["at"]}
    return await door.post_as_seller(line["seller_id"], f"/v1/orders/{order_id(line)}/cancel", body)


async def sell(door: Door, line: Line) -> int:
    """A buyer orders at a marketplace; how it tells us is its own affair."""
    return await door.tell_market(line["channel"], "", line["body"])


async def take_back(door: Door, line: Line) -> int:
    """A buyer cancels at the marketplace."""
    return await door.tell_market(line["channel"], f"/{number_of(line)}/cancel", {})


def sender_of(line: Line) -> Callable[[Door, Line], Awaitable[int]]:
    """How the line's channel sends it."""
    if line["channel"] in MARKETPLACES:
        return take_back if line["kind"] == "cancel" else sell
    return SENDERS[line["kind"] if line["channel"] == "direct" else "feed"]


SENDERS: dict[str, Callable[[Door, Line], Awaitable[int]]] = {
    "feed": send_feed,
    "order": send_direct,
    "amend": send_amendment,
    "cancel": send_cancellation,
}
