"""What both carriers' servers share: trouble on the wire, admin calls, start and stop."""

from __future__ import annotations

import asyncio
import contextlib
import random
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, Final, Protocol, TypedDict, runtime_checkable

from aiohttp import web

from services.sandbox.options import VIETNAM_TIME

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import AsyncIterator, Awaitable, Callable

    from services.sandbox.clock import Clock
    from services.sandbox.options import Options
    from services.sandbox.webhooks import Messenger

BAD_GATEWAY: Final = 502
UNPROCESSABLE: Final = 422


class Joining(TypedDict):
    """What is handed over when a partner joins: static secrets, and a public key as PEM."""

    secrets: list[str]
    public_key: str | None


class Ground(Protocol):
    """Where things happen: a carrier's yard or a marketplace's order book."""

    @property
    def options(self) -> Options:
        """What it may do to us."""

    @property
    def clock(self) -> Clock:
        """Its time."""

    @property
    def totals(self) -> Counter[str]:
        """What has happened, counted."""

    def set_clock(self, now: datetime, speed: float | None) -> None:
        """Set the clock, and perhaps its pace."""

    def open_parcels(self) -> int:
        """How much has not come to its end."""

    def close(self) -> None:
        """Let nothing more happen."""


@runtime_checkable
class Pays(Protocol):
    """A carrier that says what it collected and paid."""

    def statement(self) -> str:
        """Its statements so far, as CSV."""


class Peer(Protocol):
    """A sandbox: its routes, its parcels or orders, its webhooks."""

    @property
    def yard(self) -> Ground:
        """Its parcels or orders."""

    @property
    def messenger(self) -> Messenger:
        """Its webhooks."""

    def routes(self) -> list[web.RouteDef]:
        """The carrier's own calls."""

    def forget_tokens(self) -> None:
        """Every token given out so far is no good any more."""

    def joining(self) -> Joining:
        """What the carrier gives a partner to check its webhooks with."""


def application(peer: Peer) -> web.Application:
    """The carrier's calls behind its troubles, and `/admin/…` beside them."""
    app = web.Application(middlewares=[_trouble(peer.yard)])
    app.add_routes(peer.routes())
    app.add_routes(_admin_routes(peer))

    async def name_the_time(_request: web.Request, answer: web.StreamResponse) -> None:
        """Every answer names the peer's own time, as servers do."""
        now = peer.yard.clock.now().astimezone(UTC)
        answer.headers["Date"] = format_datetime(now, usegmt=True)

    app.on_response_prepare.append(name_the_time)

    async def life(_app: web.Application) -> AsyncIterator[None]:
        await peer.messenger.start()
        yield
        peer.yard.close()
        await peer.messenger.stop()

    app.cleanup_ctx.append(life)
    return app


@contextlib.asynccontextmanager
async def serving(peer: Peer, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve until the block ends; gives the base URL (port 0: any free one)."""
    runner = web.AppRunner(application(peer), access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield f"http://{host}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def totals(peer: Peer) -> dict[str, Any]:
    """What has come of everything so far. Nothing is left to wait for at `open` + `waiting` = 0."""
    return {
        "now": peer.yard.clock.now().isoformat(timespec="seconds"),
        "open": peer.yard.open_parcels(),
        "waiting": peer.messenger.waiting,
        **{f"webhooks_{name}": count for name, count in sorted(peer.messenger.totals.items())},
        **dict(sorted(peer.yard.totals.items())),
    }


def _admin_routes(peer: Peer) -> list[web.RouteDef]:
    async def read_totals(_request: web.Request) -> web.Response:
        return web.json_response(totals(peer))

    async def set_clock(request: web.Request) -> web.Response:
        wanted = await request.json()
        try:
            now = datetime.fromisoformat(wanted["now"])
            speed = float(wanted["speed"]) if wanted.get("speed") else None
        except (KeyError, TypeError, ValueError) as error:
            return web.json_response({"error": str(error)}, status=UNPROCESSABLE)
        peer.yard.set_clock(now if now.tzinfo else now.replace(tzinfo=VIETNAM_TIME), speed)
        return web.json_response({"now": peer.yard.clock.now().isoformat()})

    async def forget(_request: web.Request) -> web.Response:
        peer.forget_tokens()
        return web.json_response({})

    async def join(_request: web.Request) -> web.Response:
        return web.json_response(peer.joining())

    async def read_statement(_request: web.Request) -> web.Response:
        yard = peer.yard
        text = yard.statement() if isinstance(yard, Pays) else ""
        return web.Response(text=text, content_type="text/csv")

    async def alive(_request: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    return [
        web.get("/healthz", alive),
        web.get("/admin/totals", read_totals),
        web.get("/admin/joining", join),
        web.get("/admin/statement", read_statement),
        web.put("/admin/clock", set_clock),
        web.post("/admin/forget-tokens", forget),
    ]


def _trouble(yard: Ground) -> Any:
    chance = random.Random(yard.options.seed)

    @web.middleware
    async def trouble(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if request.path.startswith(("/admin/", "/healthz")):
            return await handler(request)
        mischief = yard.options.mischief
        if chance.random() < mischief.slow:
            await asyncio.sleep(mischief.slow_s)
        if chance.random() < mischief.unserved:
            return web.Response(status=BAD_GATEWAY)
        answer = await handler(request)
        if chance.random() < mischief.dropped and request.transport is not None:
            request.transport.abort()
        failing = chance.random() < mischief.server_error
        return web.Response(status=BAD_GATEWAY) if failing else answer

    return trouble
