"""Which version of the status map each carrier is read with: data, not code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from services.store.pool import Connection

# The version in use of every carrier that is not read with v1: a handful of rows.
READ_ACTIVE: Final = """
SELECT DISTINCT ON (carrier) carrier, version FROM registry.mappings ORDER BY carrier, change DESC
"""

# From now on this carrier is read with this version; nothing where it is already.
ACTIVATE: Final = """
INSERT INTO registry.mappings (carrier, version, by, why)
SELECT $1, $2, $3, $4
WHERE $2 <> coalesce((SELECT version FROM registry.mappings WHERE carrier = $1
                       ORDER BY change DESC LIMIT 1), 'v1')
"""


async def read_active(connection: Connection) -> dict[str, str]:
    """Carrier → version; a carrier that is not in it is read with v1."""
    return {row[0]: row[1] for row in await connection.fetch(READ_ACTIVE)}


async def activate(connection: Connection, carrier: str, version: str, by: str, why: str) -> None:
    """Read a carrier's events with this version, from the next batch on."""
    await connection.execute(ACTIVATE, carrier, version, by, why)
