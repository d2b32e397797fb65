"""The figures as a script reads them, and as a person does."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from services.bench.gateway import Gateway
    from services.bench.growth import Growth
    from services.bench.latency import Latency
    from services.bench.pipeline import Flow
    from services.bench.tracking import Taken

PEERS: Final = frozenset({"peers", "listeners", "load-webhooks", "load-orders"})
"""Processes that are the world's, not the system's."""


@dataclass(slots=True)
class Figures:
    """What was measured; None is what was not asked for."""

    tracking: Taken | None = None
    flow: Flow | None = None
    gateway: Gateway | None = None
    latency: Latency | None = None
    growth: Growth | None = None
    peak_mb: dict[str, float] = field(default_factory=dict)
    machine: str = ""

    def remember(self, peak_mb: Mapping[str, float]) -> None:
        """The largest memory of each process of ours, over all measurements."""
        for name, held in peak_mb.items():
            if name not in PEERS:
                self.peak_mb[name] = max(held, self.peak_mb.get(name, 0.0))


def document(figures: Figures) -> dict[str, Any]:
    """The last line of `make bench`."""
    taken, flow, gateway = figures.tracking, figures.flow, figures.gateway
    latency, growth = figures.latency, figures.growth
    return {
        "tracking_events_per_s": round(taken.events_per_s) if taken else None,
        "orders_per_s": round(flow.orders_per_s, 1) if flow else None,
        "gateway_requests_per_s": round(gateway.requests_per_s) if gateway else None,
        "cpu_us_per_event": round(taken.worker_us, 1) if taken else None,
        "latency_ms": percentiles(latency) if latency else None,
        "rss_mb": {name: round(held, 1) for name, held in sorted(figures.peak_mb.items())},
        "growth_ratio": round(growth.ratio, 3) if growth else None,
        "machine": figures.machine,
    }


def percentiles(latency: Latency) -> dict[str, float]:
    """Milliseconds by name."""
    return {name: round(getattr(latency, name), 1) for name in ("p50", "p95", "p99")}


def told(figures: Figures) -> list[str]:
    """Every figure in words, a line each."""
    held = ", ".join(f"{name} {mb:.0f}" for name, mb in sorted(figures.peak_mb.items()))
    return [
        *(tracking_words(figures.tracking) if figures.tracking else ()),
        *(flow_words(figures.flow) if figures.flow else ()),
        *(gateway_words(figures.gateway) if figures.gateway else ()),
        *(latency_words(figures.latency) if figures.latency else ()),
        *(growth_words(figures.growth) if figures.growth else ()),
        f"memory     MB at most: {held}",
    ]


def tracking_words(taken: Taken) -> Iterator[str]:
    """One worker's work."""
    yield f"tracking   {taken.events_per_s:,.0f} events/s by one worker, {taken.events:,} events"
    yield f"           CPU an event: {cpu_words(taken)}"


def cpu_words(taken: Taken) -> str:
    """What an event costs, and where."""
    return f"worker {taken.worker_us:.0f} µs, database {taken.database_us:.0f} µs"


def flow_words(flow: Flow) -> Iterator[str]:
    """The whole pipeline."""
    yield f"pipeline   {flow.orders_per_s:.1f} orders/s, {flow.events_per_s:,.0f} tracking events/s"
    yield f"           {flow.orders:,} orders, {flow.held} held, {flow.under_way_s:.0f} s under way"
    spent = ", ".join(f"{name} {used:.1f}" for name, used in flow.cpu_ms.items())
    yield f"           CPU ms an order: {spent}"


def gateway_words(gateway: Gateway) -> Iterator[str]:
    """Both kinds of requests."""
    for kind, answered in (("webhooks", gateway.webhooks), ("orders", gateway.orders)):
        yield (
            f"gateway    {answered.requests_per_s:,.0f} {kind}/s by one process, "
            f"{answered.cpu_us:.0f} µs of its CPU each, {answered.refused} refused"
        )


def latency_words(latency: Latency) -> Iterator[str]:
    """A seller's wait."""
    yield f"latency    p50 {latency.p50:.0f}, p95 {latency.p95:.0f}, p99 {latency.p99:.0f} ms"
    yield (
        f"           at {latency.rate:.0f} webhooks/s; {latency.changes:,} changes seen, "
        f"{latency.unseen} passed over"
    )


def growth_words(growth: Growth) -> Iterator[str]:
    """Small and large side by side."""
    yield f"growth     {growth.ratio:.2f} times the CPU an event"
    for size, taken in (("small", growth.small), ("large", growth.large)):
        yield f"           {size}: {cpu_words(taken)}, {taken.events_per_s:,.0f} events/s"


def machine() -> str:
    """What this was measured on, and how busy it was before."""
    memory = psutil.virtual_memory().total / 2**30
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} × {processor()}, {memory:.0f} GiB, {platform.system()} "
        f"{platform.release()}, Python {platform.python_version()}, load {load:.1f} before; "
        "broker, database and load generators on the same cores"
    )


def processor() -> str:
    """The processor's name as Linux has it."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
