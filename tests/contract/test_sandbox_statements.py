"""What the sandboxes state of the cash can be imported, and holds mistakes on purpose."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import pytest

from services.sandbox.options import CALM, EVEN, Lives, Options
from services.sandbox.peers import SANDBOXES
from services.sandbox.serving import serving
from services.settings import Settings
from services.settlement.columns import NEUTRAL
from services.settlement.file import Import, read_statement

if TYPE_CHECKING:
    from pathlib import Path

    from services.sandbox.yard import Yard

FAST = Options(mischief=CALM, lives=EVEN, speed=2_000_000.0)
PARCELS = 300


@pytest.mark.parametrize("name", sorted(Settings().carrier_urls))
async def test_every_carrier_states_what_it_collected(name: str, tmp_path: Path) -> None:
    peer = SANDBOXES[name].build(FAST, tmp_path)
    yard: Yard = peer.yard  # type: ignore[assignment] # a carrier's
    async with serving(peer) as url, aiohttp.ClientSession() as session:
        for number in range(PARCELS):
            yard.accept(f"R-{number}", service="S", weight_g=500, cod_vnd=100_000 + number)
        async with asyncio.timeout(20):
            while yard.open_parcels():  # noqa: ASYNC110 (its clock is its own)
                await asyncio.sleep(0.05)
        async with session.get(f"{url}/admin/statement") as answer:
            raw = await answer.read()
    found = read_statement(raw, Import("any", NEUTRAL, "ops:an"))
    assert found.errors == []
    paid = {line.reference for line in found.lines}
    short = [line for line in found.lines if line.net_vnd + line.fee_vnd < line.cod_vnd]
    assert PARCELS * 0.85 < len(paid) < PARCELS
    assert short
    assert len(found.lines) > len(paid)


async def test_lost_goods_are_paid_for_and_returns_are_charged(tmp_path: Path) -> None:
    lives = Lives(**dict.fromkeys(Lives.__slots__, 0.0) | {"lost": 0.5, "returned": 1.0})
    peer = SANDBOXES["viettelpost"].build(Options(mischief=CALM, lives=lives, speed=2e6), tmp_path)
    yard: Yard = peer.yard  # type: ignore[assignment] # a carrier's
    async with serving(peer):
        for number in range(20):
            yard.accept(f"R-{number}", service="S", weight_g=500, cod_vnd=100_000)
        async with asyncio.timeout(20):
            while yard.open_parcels():  # noqa: ASYNC110 (its clock is its own)
                await asyncio.sleep(0.05)
        found = read_statement(yard.statement().encode(), Import("any", NEUTRAL, "ops:an"))
    assert {line.fee_kind for line in found.lines} == {"compensation", "return"}
    assert sum(line.cod_vnd for line in found.lines) == 0
