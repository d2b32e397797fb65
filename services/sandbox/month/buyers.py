"""Buyers who change their mind late: once the order has a label, or is on its way."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.sandbox.month.channels import number_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.sandbox.month.channels import Channels, Line
    from services.sandbox.month.door import Door

POLL_S = 0.5
PAGE = 500


@dataclass(slots=True)
class Buyers:
    """Watches the feeds of the sellers concerned and cancels when the awaited status shows."""

    door: Door
    channels: Channels
    waiting: dict[str, dict[str, Line]] = field(default_factory=dict)
    """By seller: the cancellation of each order that waits for its moment."""
    read: dict[str, int] = field(default_factory=dict)

    def expect(self, lines: Iterable[Line]) -> None:
        """Take the lines that name a status in `after`."""
        for line in lines:
            prefix = f"{line['channel']}:{line['seller_id']}"
            order = f"{prefix}:{number_of(line)}"
            self.waiting.setdefault(line["seller_id"], {})[order] = line

    async def watch(self, done: asyncio.Event) -> None:
        """Follow the feeds until `done`."""
        while not done.is_set() and self.waiting:
            for seller_id in list(self.waiting):
                await self.read_feed(seller_id)
            await asyncio.sleep(POLL_S)

    async def read_feed(self, seller_id: str) -> None:
        """Read what is new for a seller and send the cancellations whose time has come."""
        page = await self.door.get(seller_id, "/v1/events", after=self.read.get(seller_id, 0))
        waiting = self.waiting[seller_id]
        for entry in page["events"]:
            self.read[seller_id] = entry["number"]
            change = entry["data"]
            line = waiting.get(change["order_id"])
            if line is not None and change["status"] == line["after"]:
                del waiting[change["order_id"]]
                await self.channels.send_line(line)
        if not waiting:
            del self.waiting[seller_id]
