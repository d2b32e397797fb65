"""A month as of a revision, read from the revisions that were published."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from schemas.figures import Cell

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from services.store.pool import Connection

# The newest revision of a month that is not after the one asked for (null: the newest of all).
FIND_REVISION = """
    SELECT revision, as_of, watermark, cause FROM metrics.months
     WHERE month = $1 AND ($2::bigint IS NULL OR revision <= $2)
     ORDER BY revision DESC LIMIT 1
"""

# Every cell of a month as that revision had it.
READ_CELLS = """
    SELECT DISTINCT ON (channel, carrier, origin_province, product_group, star)
           month, channel, carrier, origin_province, product_group, star, figures
      FROM metrics.revisions
     WHERE month = $1 AND revision <= $2
     ORDER BY channel, carrier, origin_province, product_group, star, revision DESC
"""

# Cells that have moved since the newest revision was made.
COUNT_WAITING = "SELECT count(*) FROM metrics.changes WHERE month = $1"


# Whether every change has its revision, and every revision is in the topic.
ALL_TOLD = """
    SELECT NOT EXISTS (SELECT FROM metrics.changes)
           AND published >= coalesce((SELECT max(position) FROM metrics.revisions), 0)
      FROM metrics.publisher
"""


@dataclass(frozen=True, slots=True)
class Month:
    """Figures by cell and counter name (0 is absent), as of a revision.

    `waiting`: changes that no revision tells yet. Without a revision, nothing was ever counted.
    """

    month: str
    cells: Mapping[Cell, Mapping[str, int]]
    revision: int | None = None
    as_of: datetime | None = None
    watermark: datetime | None = None
    cause: str = ""
    waiting: int = 0


async def read_month(connection: Connection, month: str, revision: int | None = None) -> Month:
    """The month as the newest revision up to `revision` has it; all of it from one snapshot."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        waiting = await connection.fetchval(COUNT_WAITING, month)
        found = await connection.fetchrow(FIND_REVISION, month, revision)
        if found is None:
            return Month(month, {}, waiting=waiting)
        rows = await connection.fetch(READ_CELLS, month, found["revision"])
    cells = {Cell(*row[:6]): json.loads(row["figures"]) for row in rows}
    return Month(
        month,
        {cell: figures for cell, figures in cells.items() if figures},
        found["revision"],
        found["as_of"],
        found["watermark"],
        found["cause"],
        waiting,
    )


async def all_told(connection: Connection) -> bool:
    """True once nothing waits for a revision or for its publication."""
    return bool(await connection.fetchval(ALL_TOLD))
