from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.jobs.breaker import Breaker, Stopping, backoff_s
from services.jobs.gather import Gathering

if TYPE_CHECKING:
    from collections.abc import Sequence


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def a_breaker(clock: Clock | None = None, stop: asyncio.Event | None = None) -> Breaker:
    return Breaker(3, 0.05, clock or Clock(), stop or asyncio.Event())


async def call(breaker: Breaker, *, answered: bool | None) -> None:
    async with breaker.admitted() as permit:
        permit.answered = answered


async def broken_off(breaker: Breaker) -> None:
    async with breaker.admitted() as permit:
        permit.answered = False
        raise OSError("cut")


async def test_it_opens_after_failures_in_a_row() -> None:
    breaker = a_breaker()
    for answered in (False, False, True, False, False):
        await call(breaker, answered=answered)
    assert not breaker.is_open()
    await call(breaker, answered=False)
    assert breaker.is_open()


async def test_a_call_that_was_not_made_says_nothing_of_the_carrier() -> None:
    breaker = a_breaker()
    for answered in (False, None, False, None):
        await call(breaker, answered=answered)
    assert not breaker.is_open()
    await call(breaker, answered=False)
    assert breaker.is_open()


async def test_a_failure_counts_when_the_call_raises_too() -> None:
    breaker = a_breaker()
    for _ in range(3):
        with pytest.raises(OSError, match="cut"):
            await broken_off(breaker)
    assert breaker.is_open()


async def test_one_at_a_time_tries_a_rested_carrier_and_the_rest_follow_at_once() -> None:
    clock = Clock()
    breaker = a_breaker(clock)
    for _ in range(3):
        await call(breaker, answered=False)
    clock.now = 10.0
    inside: list[int] = []
    most: list[int] = []

    async def one(number: int) -> None:
        async with breaker.admitted() as permit:
            inside.append(number)
            most.append(len(inside))
            await asyncio.sleep(0.01)
            permit.answered = True
            inside.remove(number)

    await asyncio.gather(*(one(number) for number in range(10)))
    assert most[0] == 1
    assert max(most) == 9


async def test_a_trial_that_fails_makes_the_rest_longer() -> None:
    clock = Clock()
    breaker = a_breaker(clock)
    for _ in range(3):
        await call(breaker, answered=False)
    ends = [breaker._open_until]
    for _ in range(4):
        clock.now = breaker._open_until
        await call(breaker, answered=False)
        ends.append(breaker._open_until - clock.now)
    assert all(later > earlier for earlier, later in pairwise(ends))


async def test_who_waits_for_a_carrier_is_sent_away_when_the_runner_ends() -> None:
    stop = asyncio.Event()
    breaker = a_breaker(stop=stop)
    for _ in range(3):
        await call(breaker, answered=False)
    breaker._open_until = 1_000.0
    waiting = asyncio.create_task(call(breaker, answered=True))
    await asyncio.sleep(0.01)
    stop.set()
    with pytest.raises(Stopping):
        await waiting


@given(st.integers(min_value=0, max_value=10_000))
def test_waits_grow_and_never_pass_their_limit(attempt: int) -> None:
    wait = backoff_s(attempt, 1.0, 60.0)
    assert min(2 ** min(attempt, 5), 60) / 2 <= wait <= 60


async def test_questions_asked_together_are_answered_by_one_statement() -> None:
    groups: list[int] = []

    async def double(numbers: Sequence[int]) -> list[int]:
        groups.append(len(numbers))
        return [2 * number for number in numbers]

    gathering = Gathering(double)
    answers = await asyncio.gather(*(gathering.ask(number) for number in range(50)))
    assert answers == [2 * number for number in range(50)]
    assert groups == [50]


async def test_a_statement_that_fails_fails_for_everyone_who_asked() -> None:
    async def refuse(_questions: Sequence[int]) -> list[int]:
        raise OSError("away")

    gathering = Gathering(refuse)
    answers = await asyncio.gather(*(gathering.ask(n) for n in range(3)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [OSError] * 3
