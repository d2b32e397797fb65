"""The toy bank's tables, and a town around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.runtime_toys import TABLES, a_bank
from tests.runtime_world import Town

if TYPE_CHECKING:
    from services.store.pool import Pool


@pytest.fixture
async def bank_pool(pool: Pool) -> Pool:
    await pool.execute(TABLES)
    return pool


@pytest.fixture
def town(bank_pool: Pool) -> Town:
    return Town(a_bank(), bank_pool)
