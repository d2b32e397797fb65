"""Postmart and Voso are told of their orders by a signed callback, over HTTP."""

from __future__ import annotations

import base64
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson
import pytest
from aiohttp import web
from standardwebhooks import Webhook

from services.channels.callback import Callback
from services.channels.directory import channels_in_use, reports_of_channels
from services.channels.port import (
    ChannelAccount,
    ChannelDenied,
    ChannelUnreachable,
    Milestone,
    NotTold,
    Report,
    Told,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

KEY = bytes(range(200, 232))
"""No text: as `ocop keys issue channel` makes them."""
REPORT = Report(
    "P-1", "PM-1", Milestone.TRACKING_NUMBER, datetime(2026, 7, 2, tzinfo=UTC), "vnpost", "CA1VN"
)


@dataclass
class Postmart:
    """What the channel hears; it answers `status`."""

    status: int = 200
    heard: list[tuple[bytes, dict[str, str]]] = field(default_factory=list)

    def of_app(self, channel: str) -> Sequence[str]:
        return (KEY.decode("utf-8", "surrogateescape"),) if channel == "postmart" else ()

    def of_shop(self, channel: str, shop: str) -> Sequence[str]:
        return (channel, shop)

    async def hears(self, request: web.Request) -> web.Response:
        self.heard.append((await request.read(), dict(request.headers)))
        return web.Response(status=self.status)


@asynccontextmanager
async def called(postmart: Postmart, name: str = "postmart") -> AsyncIterator[Callback]:
    app = web.Application()
    app.add_routes([web.post("/told", postmart.hears)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    account = ChannelAccount(f"http://127.0.0.1:{runner.addresses[0][1]}/told", timeout_s=5.0)
    callback = Callback(name, account, postmart)
    try:
        yield callback
    finally:
        await callback.close()
        await runner.cleanup()


async def test_a_milestone_is_told_with_a_signature_the_channel_can_check() -> None:
    postmart = Postmart()
    async with called(postmart) as callback:
        assert await callback.report(REPORT) == Told()
    [(body, headers)] = postmart.heard
    lower = {name.lower(): value for name, value in headers.items()}
    told = Webhook(base64.b64encode(KEY).decode()).verify(body, lower)
    assert told == orjson.loads(body)
    assert (told["channel_order_no"], told["milestone"], told["tracking_no"]) == (
        "PM-1",
        "tracking_number",
        "CA1VN",
    )


async def test_every_attempt_has_one_id() -> None:
    postmart = Postmart(503)
    async with called(postmart) as callback:
        for _ in range(2):
            with pytest.raises(ChannelUnreachable):
                await callback.report(REPORT)
    assert len({headers["webhook-id"] for _, headers in postmart.heard}) == 1


async def test_a_refusal_is_not_repeated_for_ever() -> None:
    async with called(Postmart(410)) as callback:
        assert await callback.report(REPORT) == NotTold("HTTP 410")


async def test_without_a_secret_nothing_is_sent() -> None:
    postmart = Postmart()
    async with called(postmart, "voso") as callback:
        with pytest.raises(ChannelDenied):
            await callback.report(REPORT)
    assert postmart.heard == []


def test_only_channels_with_an_address_are_told() -> None:
    assert "postmart" not in reports_of_channels()
    assert reports_of_channels({"postmart"})["postmart"] == frozenset(Milestone)
    assert "voso" not in {row.name for row in channels_in_use({"postmart"})}
