"""Connections to PostgreSQL, with the session settings the flow relies on."""

from __future__ import annotations

import contextlib
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

import asyncpg

from services.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from asyncpg.pool import PoolConnectionProxy

    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]

# A frozen or cut-off worker must free its locks: the server ends its session.
WORKER_SESSION: Final[Mapping[str, str]] = MappingProxyType(
    {
        "jit": "off",  # compiling our short queries costs more than running them
        "timezone": "UTC",
        "idle_in_transaction_session_timeout": "5s",
        "transaction_timeout": "30s",
        "tcp_user_timeout": "10s",
        "lock_timeout": "20s",
    }
)

# For reports and checks: long reads are fine, forgotten transactions are not.
READER_SESSION: Final[Mapping[str, str]] = MappingProxyType(
    {"jit": "off", "timezone": "UTC", "idle_in_transaction_session_timeout": "60s"}
)


async def open_pool(
    dsn: str,
    *,
    application_name: str,
    size: int = 10,
    session: Mapping[str, str] = WORKER_SESSION,
) -> Pool:
    """Open a pool of at most `size` connections; one is opened at once, to fail early.

    Raises OperatorError if the server cannot be reached.
    """
    settings = {**session, "application_name": application_name}
    with said_plainly():
        return await asyncpg.create_pool(
            dsn,
            min_size=1,
            max_size=size,
            timeout=10,
            server_settings=settings,
            max_inactive_connection_lifetime=0,
            reset=_leave_as_it_is,
        )


async def _leave_as_it_is(_connection: object) -> None:
    """Ask the server nothing when a connection comes back; asyncpg rolls back what is open.

    Nobody changes a session's settings, takes session locks or leaves cursors behind, and the
    usual RESET ALL is a round trip a batch.
    """


@contextlib.contextmanager
def said_plainly() -> Iterator[None]:
    """Turn a connection that fails inside into an OperatorError."""
    try:
        yield
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise OperatorError(
            f"PostgreSQL does not answer: {error}. Is it running, and is DATABASE_URL right?"
        ) from error
