"""Joining the marketplaces' doubles: what they gave is sealed, and is what the runner reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.registry.load import load_registry
from services.sandbox.month.onboarding import join_markets
from services.sandbox.options import Options
from services.sandbox.sample import FOLDER
from services.sandbox.shopee import ShopeeSandbox
from services.store.channel_secrets import ChannelSecrets
from services.store.vault import Vault

if TYPE_CHECKING:
    from services.store.pool import Pool

SHOPS = "SELECT shop_ref FROM registry.shops WHERE channel = 'shopee'"


async def test_every_sample_shop_has_its_access(pool: Pool) -> None:
    vault, peer = Vault(bytes(32)), ShopeeSandbox(Options())
    async with pool.acquire() as connection:
        await load_registry(connection, FOLDER)
        await join_markets(connection, vault.seal_secret, {"shopee": peer.joining()})
    secrets = ChannelSecrets(vault.open_secret)
    await secrets.refresh(pool)
    shops = [row["shop_ref"] for row in await pool.fetch(SHOPS)]
    assert len(shops) > 5
    assert [list(secrets.of_shop("shopee", shop)) for shop in shops] == [
        [peer.token(shop)] for shop in shops
    ]
    sealed = await pool.fetchval("SELECT min(sealed) FROM registry.credentials")
    assert peer.joining()["secrets"][0].encode() not in sealed
