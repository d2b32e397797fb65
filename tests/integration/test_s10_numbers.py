"""Giving out S10 numbers on a real database."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from schemas.s10 import is_s10, read_s10
from services.errors import OperatorError
from services.store.s10_numbers import NumbersExhausted, number_for, open_range

if TYPE_CHECKING:
    from services.store.pool import Pool

pytestmark = pytest.mark.postgres

NOW = datetime(2026, 10, 5, tzinfo=UTC)
TWO_YEARS = timedelta(days=731)


async def test_a_booking_keeps_its_number_and_another_gets_the_next(pool: Pool) -> None:
    async with pool.acquire() as connection:
        await open_range(connection, "EA", 5, 99)
        first = await number_for(connection, "OC-A-1", "EA", NOW)
        assert first == "EA000000059VN"
        assert await number_for(connection, "OC-A-1", "EA", NOW) == first
        assert read_s10(await number_for(connection, "OC-B-1", "EA", NOW)).serial == 6


async def test_a_number_rests_two_years_before_it_is_given_out_again(pool: Pool) -> None:
    async with pool.acquire() as connection:
        await open_range(connection, "EA", 0, 1)
        numbers = [await number_for(connection, f"OC-{n}-1", "EA", NOW) for n in range(2)]
        with pytest.raises(NumbersExhausted):
            await number_for(connection, "OC-2-1", "EA", NOW + timedelta(days=700))
        assert await number_for(connection, "OC-2-1", "EA", NOW + TWO_YEARS) == numbers[0]
        assert await number_for(connection, "OC-0-1", "EA", NOW) == numbers[0]


async def test_many_at_once_get_different_numbers(pool: Pool) -> None:
    async with pool.acquire() as connection:
        await open_range(connection, "EB", 0, 999)

    async def ask(n: int) -> str:
        async with pool.acquire() as connection:
            return await number_for(connection, f"OC-{n % 20}-1", "EB", NOW)

    numbers = await asyncio.gather(*(ask(n) for n in range(40)))
    assert len(set(numbers)) == 20
    assert all(map(is_s10, numbers))


async def test_without_a_range_there_is_no_number(pool: Pool) -> None:
    async with pool.acquire() as connection:
        with pytest.raises(NumbersExhausted, match="No range"):
            await number_for(connection, "OC-A-1", "EC", NOW)
        with pytest.raises(OperatorError, match="no range"):
            await open_range(connection, "E1", 0, 5)
