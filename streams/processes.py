"""Which processes make the system on one machine. The same division as docker-compose.yml."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from services.embedded.process import Answers, Process
from services.sandbox.sample import FOLDER

if TYPE_CHECKING:
    from services.settings import Settings

WORKERS: Final[dict[str, tuple[str, ...]]] = {
    "worker-orders": ("intake", "routing", "packing", "booking"),
    "worker-tracking": ("tracking", "partners"),
    "worker-sellers": ("cod", "status", "feed", "metrics"),
}
"""Stages that share a process on a small machine. On a cluster each stage has workers of its own."""

SETTLE_AFTER_S: Final = "4"
POLL_EVERY_S: Final = "1"
SAMPLE_STARTS: Final = datetime(2026, 9, 30, tzinfo=UTC)
METRICS_PORT: Final = 8481
"""The job runner's, unless OCOP_METRICS_PORT names another; the workers' follow."""


def processes(settings: Settings) -> tuple[Process, ...]:
    """Everything but the servers, in the order it is started; it is stopped in the other order."""
    return (*sandboxes(settings), gateway(settings), jobs(settings), *workers(settings))


def gateway(settings: Settings) -> Process:
    """The HTTP API."""
    return Process(
        "gateway",
        ocop("gateway"),
        ready=Answers(f"http://{settings.gateway_host}:{settings.gateway_port}/readyz"),
        ports={"OCOP_GATEWAY_PORT": settings.gateway_port},
    )


def jobs(settings: Settings) -> Process:
    """The runner of outside calls."""
    process = with_metrics("jobs", ocop("jobs"), settings.metrics_port or METRICS_PORT)
    theirs = ways_of_doubles() if sandboxes(settings) else {}
    return replace(process, env={**process.env, **theirs})


def ways_of_doubles() -> dict[str, str]:
    """The doubles' lost calls take effect soon or never; their days pass in seconds, in the past.

    GHN's double numbers its places as a file says that lies beside the sample month.
    """
    days = (datetime.now(UTC) - SAMPLE_STARTS).days
    return {
        "OCOP_CARRIER_SETTLE_AFTER_S": SETTLE_AFTER_S,
        "OCOP_CARRIER_GHN_PLACES_FILE": str(FOLDER / "ghn_places.csv"),
        "OCOP_CHANNEL_POLL_EVERY_S": POLL_EVERY_S,
        "OCOP_CHANNEL_FIRST_LOOK_DAYS": str(max(days, 1) + 1),
    }


def workers(settings: Settings) -> tuple[Process, ...]:
    """One process a group of stages."""
    first = (settings.metrics_port or METRICS_PORT) + 1
    return tuple(
        with_metrics(name, ocop("worker", *stages), port)
        for port, (name, stages) in enumerate(WORKERS.items(), first)
    )


def sandboxes(settings: Settings) -> tuple[Process, ...]:
    """The carriers' and channels' doubles, where the settings look for them."""
    peers = (
        *(("CARRIER", name, url) for name, url in settings.carrier_urls.items()),
        *(("CHANNEL", name, url) for name, url in settings.channel_urls.items()),
    )
    return tuple(
        Process(
            f"sandbox-{name}",
            ocop("sandbox", name),
            ready=Answers(f"{url}/healthz"),
            ports={f"OCOP_{kind}_{name.upper()}_URL": port},
        )
        for kind, name, url in peers
        if (port := urlsplit(url).port) and urlsplit(url).hostname in {"127.0.0.1", "localhost"}
    )


def with_metrics(name: str, argv: tuple[str, ...], port: int) -> Process:
    """A process without an API, which says on a port of its own whether it is ready."""
    return Process(
        name,
        argv,
        ready=Answers(f"http://127.0.0.1:{port}/readyz"),
        env={"OCOP_METRICS_PORT": str(port)},
        ports={"OCOP_METRICS_PORT": port},
    )


def ocop(*words: str) -> tuple[str, ...]:
    """Our own command line, in this interpreter."""
    return (sys.executable, "-m", "streams.cli", *words)
