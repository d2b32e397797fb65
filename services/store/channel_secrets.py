"""The channels' secrets: sealed in `registry.credentials`, owner `shopee` or `shopee/100001`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from services.store.pool import Pool

READ_SEALED: Final = """
-- Every valid secret of a channel or of a shop there, the newest first.
SELECT owner_id, sealed FROM registry.credentials
WHERE owner_kind = 'channel' AND revoked_at IS NULL AND sealed IS NOT NULL
ORDER BY created_at DESC, key_id
"""


def secret_owner(channel: str, shop: str | None = None) -> str:
    """Under which id a secret is stored."""
    return channel if shop is None else f"{channel}/{shop}"


class ChannelSecrets:
    """See services.channels.port.Secrets. Read again and again, so that a rotated one is used soon."""

    def __init__(self, open_secret: Callable[[bytes], bytes]) -> None:
        self._open = open_secret
        self._by_owner: dict[str, list[str]] = {}

    async def refresh(self, pool: Pool) -> None:
        """Read everything again."""
        by_owner: dict[str, list[str]] = {}
        for row in await pool.fetch(READ_SEALED):
            # Secrets we issued ourselves (Standard Webhooks) are bytes: escaped, none is lost.
            secret = self._open(row["sealed"]).decode("utf-8", "surrogateescape")
            by_owner.setdefault(row["owner_id"], []).append(secret)
        self._by_owner = by_owner

    def of_app(self, channel: str) -> Sequence[str]:
        """Our secrets as an application of the channel."""
        return self._by_owner.get(secret_owner(channel), ())

    def of_shop(self, channel: str, shop: str) -> Sequence[str]:
        """A shop's access tokens or keys."""
        return self._by_owner.get(secret_owner(channel, shop), ())
