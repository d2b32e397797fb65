"""What joining the system takes, done for everybody in the sample month: registry and keys."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import orjson

from services.registry.load import load_registry
from services.sandbox.month.door import Keys
from services.sandbox.sample import FOLDER
from services.store.credentials import (
    adopt_secret,
    issue_key,
    issue_signing_secret,
    trust_public_key,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from services.sandbox.serving import Joining
    from services.store.pool import Connection

CHANNELS = ("postmart", "voso")

READ_SELLERS = "SELECT seller_id FROM registry.sellers ORDER BY seller_id"


async def join_everybody(
    connection: Connection,
    seal: Callable[[bytes], bytes],
    partners: Mapping[str, Joining],
) -> Keys:
    """Load the sample registry, issue every seller's and channel's key, know the carriers.

    `partners`: partner id → what the carrier gave us when we joined it.
    """
    await load_registry(connection, FOLDER)
    for partner_id, given in partners.items():
        for secret in given["secrets"]:
            await adopt_secret(connection, "partner", partner_id, secret)
        if given["public_key"] is not None:
            await trust_public_key(connection, partner_id, given["public_key"])
    sellers = [row["seller_id"] for row in await connection.fetch(READ_SELLERS)]
    return Keys(
        sellers={name: await issue_key(connection, "seller", name) for name in sellers},
        channels={
            name: await issue_signing_secret(connection, "channel", name, seal) for name in CHANNELS
        },
    )


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
