"""Loading the registry into a real database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from services.registry.load import RegistryInvalid, load_registry
from services.sandbox.sample import FOLDER
from services.store.credentials import issue_key, read_credentials, revoke_key

if TYPE_CHECKING:
    from pathlib import Path

    from services.store.pool import Pool


async def test_the_sample_registry_loads_twice_without_a_change(pool: Pool) -> None:
    async with pool.acquire() as connection:
        first = await load_registry(connection, FOLDER)
        again = await load_registry(connection, FOLDER)
        products = await connection.fetchval("SELECT count(*) FROM registry.products")
    assert first == again
    assert products == first["products"]


async def test_a_product_of_an_unknown_seller_leaves_nothing_behind(
    pool: Pool, tmp_path: Path
) -> None:
    (tmp_path / "sellers.csv").write_text("seller_id,name,kind\nS1,A,company\n", encoding="utf-8")
    (tmp_path / "shops.csv").write_text(
        "channel,shop_ref,seller_id\nvoso,V-9,S9\n", encoding="utf-8"
    )
    async with pool.acquire() as connection:
        with pytest.raises(RegistryInvalid, match="S9"):
            await load_registry(connection, tmp_path)
        assert await connection.fetchval("SELECT count(*) FROM registry.sellers") == 0


async def test_a_third_key_ends_the_oldest_and_a_revoked_one_is_gone(pool: Pool) -> None:
    async with pool.acquire() as connection:
        keys = [await issue_key(connection, "seller", "S1") for _ in range(3)]
        ids = [key.split("_")[1] for key in keys]
        live = {key.key_id for key in await read_credentials(connection)}
        assert live == set(ids[1:])
        assert await revoke_key(connection, ids[1])
        assert not await revoke_key(connection, ids[1])
        assert [key.key_id for key in await read_credentials(connection)] == ids[2:]


async def test_keys_are_stored_as_digests_only(pool: Pool) -> None:
    async with pool.acquire() as connection:
        key = await issue_key(connection, "seller", "S1")
        stored = await connection.fetchval("SELECT credentials::text FROM registry.credentials")
    assert key not in stored
    assert key.split("_", 2)[2] not in stored
