"""Many single questions asked at about the same time become one statement."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

Ask = TypeVar("Ask")
Answer = TypeVar("Answer")

WAIT_S: Final = 0.008
"""How long the first of a group waits for others: little beside a carrier's answer."""


class Gathering(Generic[Ask, Answer]):
    """Calls `together` with what came within `WAIT_S`; it answers in the same order.

    An exception of `together` reaches everyone of the group.
    """

    def __init__(self, together: Callable[[Sequence[Ask]], Awaitable[Sequence[Answer]]]) -> None:
        self._together = together
        self._waiting: list[tuple[Ask, asyncio.Future[Answer]]] = []
        self._running: set[asyncio.Task[None]] = set()

    async def ask(self, question: Ask) -> Answer:
        """The answer to one question."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_later(WAIT_S, self._go)
        answer: asyncio.Future[Answer] = loop.create_future()
        self._waiting.append((question, answer))
        return await answer

    def _go(self) -> None:
        group, self._waiting = self._waiting, []
        task = asyncio.create_task(self._answer(group))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _answer(self, group: Sequence[tuple[Ask, asyncio.Future[Answer]]]) -> None:
        waiting = [future for _question, future in group]
        try:
            answers = await self._together([question for question, _future in group])
        except Exception as error:  # noqa: BLE001 - it is theirs who asked
            for future in waiting:
                if not future.done():
                    future.set_exception(error)
            return
        for future, answer in zip(waiting, answers, strict=True):
            if not future.done():
                future.set_result(answer)
