"""Batches under way at once: a bounded number, and none of them held by someone who waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import asyncio
    from types import TracebackType

    from streams.runtime.persevere import Sleep


class Slot:
    """One of `slots`, held inside `async with` except while resting."""

    def __init__(self, slots: asyncio.Semaphore, sleep: Sleep) -> None:
        self._slots = slots
        self._sleep = sleep
        self._held = False

    async def __aenter__(self) -> Self:
        await self._take()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._held:
            self._slots.release()

    async def rest(self, seconds: float) -> None:
        """Wait for the world to come back, and let another unit work meanwhile."""
        self._slots.release()
        self._held = False
        await self._sleep(seconds)
        await self._take()

    async def _take(self) -> None:
        await self._slots.acquire()
        self._held = True
