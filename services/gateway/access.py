"""One canonical log line and two metrics a request; ids and sizes only."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import structlog
from prometheus_client import Counter, Histogram

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger()

REQUESTS = Counter("ocop_http_requests_total", "Answered requests", ["route", "method", "status"])
SECONDS = Histogram("ocop_http_request_seconds", "Time to the answer's first byte", ["route"])

QUIET_ROUTES = {"/healthz", "/readyz", "/metrics"}


class AccessLog:
    """Outermost ASGI layer: sees what every request was answered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()

        async def observed(message: Message) -> None:
            if message["type"] == "http.response.start":
                note(scope, message["status"], time.perf_counter() - started)
            await send(message)

        await self._app(scope, receive, observed)


def note(scope: Scope, status: int, seconds: float) -> None:
    """Count and log. The route's template is logged, never the path: ids stay out of metrics."""
    route = getattr(scope.get("route"), "path", "none")
    REQUESTS.labels(route, scope["method"], status).inc()
    SECONDS.labels(route).observe(seconds)
    if route not in QUIET_ROUTES:
        log.info(
            "request_answered",
            route=route,
            method=scope["method"],
            status=status,
            ms=round(seconds * 1000, 1),
        )
