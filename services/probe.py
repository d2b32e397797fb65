"""The small HTTP side of a process without an API: is it alive, is it ready, what does it count."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from services.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


@contextlib.asynccontextmanager
async def probe(host: str, port: int | None, ready: Callable[[], bool]) -> AsyncIterator[None]:
    """Serve /healthz, /readyz and /metrics inside; nothing at all without a port.

    Raises OperatorError if the port is taken.
    """
    if port is None:
        yield
        return
    runner = web.AppRunner(_app(ready), access_log=None, handle_signals=False)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        await runner.cleanup()
        raise OperatorError(
            f"Port {port} for metrics is taken: choose another with OCOP_METRICS_PORT."
        ) from error
    try:
        yield
    finally:
        await runner.cleanup()


def _app(ready: Callable[[], bool]) -> web.Application:
    async def alive(_request: web.Request) -> web.Response:
        return web.json_response({"status": "alive"})

    async def is_ready(_request: web.Request) -> web.Response:
        if ready():
            return web.json_response({"status": "ready"})
        return web.json_response({"status": "not ready"}, status=503)

    async def counted(_request: web.Request) -> web.Response:
        headers = {"Content-Type": CONTENT_TYPE_LATEST}
        return web.Response(body=generate_latest(), headers=headers)

    app = web.Application()
    app.router.add_get("/healthz", alive)
    app.router.add_get("/readyz", is_ready)
    app.router.add_get("/metrics", counted)
    return app
