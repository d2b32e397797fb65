"""The carriers' time: it runs faster than ours and may be put forward."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from services.sandbox.options import VIETNAM_TIME


class Clock:
    """Starts at `start` and runs `speed` times as fast as the real one."""

    def __init__(self, start: datetime, speed: float) -> None:
        self.speed = speed
        self._start = start.astimezone(VIETNAM_TIME)
        self._since = time.monotonic()

    def now(self) -> datetime:
        """The time it is for parcels, in Vietnam."""
        return self._start + timedelta(seconds=(time.monotonic() - self._since) * self.speed)

    def set(self, now: datetime, speed: float | None = None) -> None:
        """Set the clock, and perhaps change its pace."""
        self._start = now.astimezone(VIETNAM_TIME)
        self._since = time.monotonic()
        self.speed = speed or self.speed

    def real_seconds(self, hours: float) -> float:
        """How long parcels' hours take here."""
        return hours * 3600 / self.speed
