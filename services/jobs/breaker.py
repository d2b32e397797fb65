"""A circuit breaker: a carrier that does not answer is left alone for a while, then tried once."""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

LONGEST_REST_S: Final = 60.0


class Stopping(Exception):
    """The runner ends; whoever waits for a carrier waits in the queue instead."""


@dataclass(slots=True)
class Permit:
    """Leave to make one call.

    `answered`: whether the carrier did; None if it was not asked. `waited`: what was known before
    may be out of date.
    """

    answered: bool | None = None
    waited: bool = False


class Breaker:
    """Opens after `failures` in a row; rests `rest_s`, twice as long each time a trial fails.

    Calls that may not be made wait for their permit and so keep their places: one carrier's calls
    never take those of another, and the queue is not turned over meanwhile.
    """

    def __init__(
        self, failures: int, rest_s: float, clock: Callable[[], float], stop: asyncio.Event
    ) -> None:
        self._limit = failures
        self._first_rest_s = rest_s
        self._rest_s = rest_s
        self._clock = clock
        self._stop = stop
        self._failures = 0
        self._open_until = 0.0
        self._trial = asyncio.Lock()

    def is_open(self) -> bool:
        """Whether the carrier is being left alone or tried."""
        return self._failures >= self._limit

    @contextlib.asynccontextmanager
    async def admitted(self) -> AsyncIterator[Permit]:
        """A permit: at once while closed, else for one at a time after the rest. Raises Stopping."""
        permit = Permit()
        while self.is_open():
            async with self._trial:
                permit.waited = True
                if not self.is_open():
                    break
                await self._rested()
                try:
                    yield permit
                finally:
                    self._learn(permit, trial=True)
                return
        try:
            yield permit
        finally:
            self._learn(permit, trial=False)

    async def _rested(self) -> None:
        while (left := self._open_until - self._clock()) > 0:
            await self._pause(left)

    def _learn(self, permit: Permit, *, trial: bool) -> None:
        if permit.answered:
            self._failures = 0
            self._rest_s = self._first_rest_s
        elif permit.answered is False:
            self._failures += 1
            if trial or self._failures == self._limit:
                self._rest()

    def _rest(self) -> None:
        jitter = random.uniform(0.75, 1.25)  # noqa: S311 - keeps runners apart, no secret
        self._open_until = self._clock() + self._rest_s * jitter
        self._rest_s = min(self._rest_s * 2, LONGEST_REST_S)

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stop.wait(), timeout=seconds)
        except TimeoutError:
            return
        raise Stopping


def backoff_s(attempt: int, first_s: float = 1.0, longest_s: float = 60.0) -> float:
    """Twice as long every time, a random half of it: 1, 2, 4 … 60 s at most."""
    most = min(first_s * 2 ** min(attempt, 16), longest_s)
    return random.uniform(most / 2, most)  # noqa: S311 - keeps jobs apart, no secret
