"""What joining the system takes, done for everybody in the sample month: registry and keys."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import orjson

from services.registry.load import load_registry
from services.sandbox.month.door import Keys
from services.sandbox.sample import FOLDER
from services.store.credentials import (
    SIGNING_PREFIX,
    adopt_secret,
    adopt_signing_secret,
    issue_key,
    issue_signing_secret,
    seal_secret,
    trust_public_key,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from asyncpg import Record

    from services.sandbox.serving import Joining
    from services.store.pool import Connection

CHANNELS = ("postmart", "voso")

READ_PARTNERS = """
SELECT partner_id, verification = 'standard_webhooks' AS signs FROM registry.partners
WHERE partner_id = $1 OR starts_with(partner_id, $1 || '-') ORDER BY partner_id
"""
READ_CHANNEL_SHOPS = "SELECT shop_ref FROM registry.shops WHERE channel = $1 ORDER BY shop_ref"
READ_SELLERS = "SELECT seller_id FROM registry.sellers ORDER BY seller_id"


async def join_everybody(
    connection: Connection,
    seal: Callable[[bytes], bytes],
    partners: Mapping[str, Joining],
) -> Keys:
    """Load the sample registry, issue every seller's and channel's key, know the carriers.

    `partners`: partner id → what the carrier gave us when we joined it. One that tells in several
    forms is a partner for each of them, `ems` and `ems-…`, all with what the first was given.
    """
    await load_registry(connection, FOLDER)
    for name, given in partners.items():
        for row in await connection.fetch(READ_PARTNERS, name):
            await join_partner(connection, seal, row, given)
    sellers = [row["seller_id"] for row in await connection.fetch(READ_SELLERS)]
    return Keys(
        sellers={name: await issue_key(connection, "seller", name) for name in sellers},
        channels={
            name: await issue_signing_secret(connection, "channel", name, seal) for name in CHANNELS
        },
    )


async def join_partner(
    connection: Connection, seal: Callable[[bytes], bytes], partner: Record, given: Joining
) -> None:
    """Know a partner by what it gave: `whsec_…` are secrets to sign with, others stand as they are."""
    partner_id, signs = partner["partner_id"], partner["signs"]
    for secret in given["secrets"]:
        if signs and secret.startswith(SIGNING_PREFIX):
            await adopt_signing_secret(connection, "partner", partner_id, secret, seal)
        elif not signs and not secret.startswith(SIGNING_PREFIX):
            await adopt_secret(connection, "partner", partner_id, secret)
    if given["public_key"] is not None:
        await trust_public_key(connection, partner_id, given["public_key"])


async def join_markets(
    connection: Connection, seal: Callable[[bytes], bytes], markets: Mapping[str, Joining]
) -> None:
    """Keep what the marketplaces' doubles gave us: our secret there, and each shop's access.

    `markets`: channel → what it gave. A shop's access is `<its name>:<the secret>` at all of them.
    """
    for channel, given in markets.items():
        for secret in given["secrets"]:
            await seal_secret(connection, channel, secret, seal)
            for row in await connection.fetch(READ_CHANNEL_SHOPS, channel):
                shop = row["shop_ref"]
                await seal_secret(connection, f"{channel}/{shop}", f"{shop}:{secret}", seal)


def write_keys(path: Path, keys: Keys) -> None:
    """Keep the keys where only this user can read them."""
    text = orjson.dumps(
        {"sellers": dict(keys.sellers), "channels": dict(keys.channels)},
        option=orjson.OPT_INDENT_2,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(file, "wb") as kept:
        kept.write(text)


def read_keys(path: Path) -> Keys:
    """The keys that `write_keys` kept."""
    kept = orjson.loads(path.read_bytes())
    return Keys(sellers=kept["sellers"], channels=kept["channels"])
