"""What a process costs: CPU time and memory, as the operating system counts them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable

MB: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Usage:
    """One process of ours."""

    name: str
    process: psutil.Process

    def cpu_s(self) -> float:
        """CPU seconds so far, all threads, user and kernel."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def rss_mb(self) -> float:
        """Resident memory now, in units of a million bytes."""
        return float(self.process.memory_info().rss) / MB

    def alive(self) -> bool:
        """Whether it runs; a process that ended is no longer worth waiting for."""
        return self.process.is_running() and self.process.status() != psutil.STATUS_ZOMBIE


def family_cpu_s(parent: psutil.Process) -> float:
    """CPU seconds of a process and all it started, those that have ended included."""
    times = parent.cpu_times()
    ended = times.children_user + times.children_system
    living = sum(_cpu_s(child) for child in parent.children(recursive=True))
    return float(times.user + times.system + ended + living)


def _cpu_s(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest value that at least this share of them does not exceed; needs one value."""
    ordered = sorted(values)
    return ordered[max(0, -int(-share * len(ordered) // 1) - 1)]
