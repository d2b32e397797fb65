"""Access tokens: fetched when needed, by one caller for all that wait."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

EARLY_S: Final = 60.0
"""A token is renewed this long before its end, so that none dies on the way."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token and when it ends (loop time in seconds); None: the carrier does not say."""

    value: str
    ends_at: float | None = None


Login: TypeAlias = "Callable[[], Awaitable[Token]]"


class TokenKeeper:
    """Holds the token of one account. `login` may raise CarrierUnreachable."""

    def __init__(self, login: Login) -> None:
        self._login = login
        self._token: Token | None = None
        self._lock = asyncio.Lock()

    async def current(self) -> str:
        """A token that should be good."""
        token = self._token
        if token is None or _ending(token):
            return await self.after(token.value if token else None)
        return token.value

    async def after(self, bad: str | None) -> str:
        """Another token than `bad`: who comes second takes what the first one fetched."""
        async with self._lock:
            if self._token is None or self._token.value == bad:
                self._token = await self._login()
            return self._token.value


def _ending(token: Token) -> bool:
    now = asyncio.get_running_loop().time()
    return token.ends_at is not None and token.ends_at - EARLY_S <= now
