"""Keys and signing secrets: issue, rotate, revoke, read."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from services.carriers.rsa_keys import public_key_pem

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.store.pool import Connection

OwnerKind: TypeAlias = Literal["seller", "partner", "channel", "ops"]

SIGNING_PREFIX = "whsec_"
VALID_AT_A_TIME = 2
"""The current key and the one before it, so that an owner can change over without a pause."""

INSERT_CREDENTIAL = """
INSERT INTO registry.credentials (key_id, owner_kind, owner_id, digest, sealed)
VALUES ($1, $2, $3, $4, $5)
"""

REVOKE_ALL_BUT_NEWEST = """
UPDATE registry.credentials SET revoked_at = now()
WHERE revoked_at IS NULL AND key_id IN (
    SELECT key_id FROM registry.credentials
    WHERE owner_kind = $1 AND owner_id = $2 AND revoked_at IS NULL
    ORDER BY created_at DESC, key_id
    OFFSET $3
)
"""

REVOKE_ONE = """
UPDATE registry.credentials SET revoked_at = now()
WHERE key_id = $1 AND revoked_at IS NULL
RETURNING key_id
"""

IS_KNOWN = """
SELECT true FROM registry.credentials
WHERE owner_kind = $1 AND owner_id = $2 AND digest = $3 AND revoked_at IS NULL
"""

SET_PUBLIC_KEY = "UPDATE registry.partners SET public_key = $2 WHERE partner_id = $1"

READ_LIVE = """
SELECT key_id, owner_kind, owner_id, digest, sealed
FROM registry.credentials WHERE revoked_at IS NULL
ORDER BY created_at DESC
"""


@dataclass(frozen=True, slots=True)
class Credential:
    """One valid key: the SHA-256 of it, or the sealed secret where we must compute signatures."""

    key_id: str
    owner_kind: OwnerKind
    owner_id: str
    digest: bytes | None
    sealed: bytes | None


def digest_of(secret: str | bytes) -> bytes:
    """What is stored of a secret: keys have 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(secret.encode() if isinstance(secret, str) else secret).digest()


async def issue_key(connection: Connection, owner_kind: OwnerKind, owner_id: str) -> str:
    """Make an API key and return it; it cannot be read again. The oldest of three is revoked."""
    key_id = secrets.token_hex(6)
    key = f"ocop_{key_id}_{secrets.token_urlsafe(32)}"
    await _store(connection, key_id, owner_kind, owner_id, digest_of(key), None)
    return key


async def adopt_secret(
    connection: Connection, owner_kind: OwnerKind, owner_id: str, secret: str
) -> None:
    """Take on a static secret the owner chose; nothing changes if it is valid already."""
    digest = digest_of(secret)
    if not await connection.fetchval(IS_KNOWN, owner_kind, owner_id, digest):
        await _store(connection, secrets.token_hex(6), owner_kind, owner_id, digest, None)


async def issue_signing_secret(
    connection: Connection,
    owner_kind: OwnerKind,
    owner_id: str,
    seal: Callable[[bytes], bytes],
) -> str:
    """Make a Standard Webhooks secret (`whsec_…`) and return it; stored sealed."""
    secret = secrets.token_bytes(32)
    await _store(connection, secrets.token_hex(6), owner_kind, owner_id, None, seal(secret))
    return f"whsec_{base64.b64encode(secret).decode()}"


async def seal_secret(
    connection: Connection, owner_id: str, secret: str, seal: Callable[[bytes], bytes]
) -> None:
    """Keep a secret that a channel gave us (`shopee`, or `shopee/100001` for a shop), sealed."""
    sealed = seal(secret.encode())
    await _store(connection, secrets.token_hex(6), "channel", owner_id, None, sealed)


async def adopt_signing_secret(
    connection: Connection,
    owner_kind: OwnerKind,
    owner_id: str,
    secret: str,
    seal: Callable[[bytes], bytes],
) -> None:
    """Take on a Standard Webhooks secret (`whsec_…`) made elsewhere; stored sealed.

    Raises ValueError for a text that is none.
    """
    raw = base64.b64decode(secret.removeprefix(SIGNING_PREFIX), validate=True)
    await _store(connection, secrets.token_hex(6), owner_kind, owner_id, None, seal(raw))


async def _store(  # noqa: PLR0917 - the row's columns
    connection: Connection,
    key_id: str,
    owner_kind: OwnerKind,
    owner_id: str,
    digest: bytes | None,
    sealed: bytes | None,
) -> None:
    async with connection.transaction():
        await connection.execute(INSERT_CREDENTIAL, key_id, owner_kind, owner_id, digest, sealed)
        await connection.execute(REVOKE_ALL_BUT_NEWEST, owner_kind, owner_id, VALID_AT_A_TIME)


async def trust_public_key(connection: Connection, partner_id: str, pem: str) -> bool:
    """Check the partner's bodies with this RSA key from now on; False if there is no such partner.

    `pem`: the key in any form that `public_key_pem` reads. Raises NotAnRsaKey.
    """
    pem = public_key_pem(pem)
    return bool(await connection.execute(SET_PUBLIC_KEY, partner_id, pem) == "UPDATE 1")


async def revoke_key(connection: Connection, key_id: str) -> bool:
    """End a key now; False if it was not valid."""
    return await connection.fetchval(REVOKE_ONE, key_id) is not None


async def read_credentials(connection: Connection) -> list[Credential]:
    """Every valid credential, newest first."""
    return [Credential(**row) for row in await connection.fetch(READ_LIVE)]
