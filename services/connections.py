"""Connections to one server outside: opened with the first call, kept, closed in the end."""

from __future__ import annotations

import aiohttp


class Connections:
    """A connection pool to one server with its timeouts. `base_url` may end with a slash."""

    def __init__(self, base_url: str, *, timeout_s: float, connections: int) -> None:
        self._base_url = base_url.rstrip("/")
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, sock_connect=min(timeout_s, 5.0))
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=self._timeout,
                connector=aiohttp.TCPConnector(limit=self._connections),
                # The server is spoken to directly, whatever proxy the environment names.
                trust_env=False,
            )
        return self._session

    async def close(self) -> None:
        """Close every connection."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()
