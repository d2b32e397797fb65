"""What the routes need, built once at start and handed to them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

from services.gateway.limits import RateLimit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.channels.port import ChannelAccount
    from services.gateway.ingest import Ingest
    from services.gateway.keyring import Keyring
    from services.gateway.tail import FeedTail
    from services.handover.desk import HandoverDesk
    from services.kafka.appender import Appender
    from services.labels.desk import Desk
    from services.store.pool import Pool

SELLER_RATE, SELLER_BURST = 50, 200
FEED_RATE, FEED_BURST = 5_000, 10_000
"""A marketplace or a carrier sends for the whole country over one credential."""


@dataclass(slots=True)
class Parts:
    """The gateway's connections and keys."""

    pool: Pool
    keyring: Keyring
    appender: Appender
    ingest: Ingest
    tail: FeedTail
    desk: Desk
    handover: HandoverDesk
    channels: Mapping[str, ChannelAccount] = field(default_factory=dict)
    seller_limit: RateLimit = field(default_factory=lambda: RateLimit(SELLER_RATE, SELLER_BURST))
    feed_limit: RateLimit = field(default_factory=lambda: RateLimit(FEED_RATE, FEED_BURST))

    def seller_of(self, request: Request) -> str:
        """The seller whose key the request carries, within its rate.

        Raises:
            Problem: 401, 429.
        """
        owner = self.keyring.owner_of(request.headers.get("authorization"), "seller")
        self.seller_limit.take(owner.owner_id, time.monotonic())
        return owner.owner_id


async def parts_of(request: Request) -> Parts:
    """The parts of the app that serves this request.

    It waits for nothing: FastAPI would run a plain function in a thread, a fifth of a request.
    """
    parts: Parts = request.app.state.parts
    return parts


Wired = Annotated[Parts, Depends(parts_of)]
