"""The SQL of revisions: sums of the shards, what they were before, and how far they are published."""

from __future__ import annotations

import json
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from schemas.figures import FIGURE_NAMES, HISTOGRAMS, Cell, split_figure
from schemas.metrics import Dimensions, MonthlyThroughput

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    import asyncpg

    from streams.runtime.stage import Transaction

# Only one process writes revisions at a time; the others find the row taken and come back later.
LOCK_WRITER = """
    SELECT p.published, e.era FROM metrics.publisher p CROSS JOIN runtime.era e
       FOR UPDATE OF p SKIP LOCKED
"""

# Everything that moved since the last revision, by cell: how many facts, and the newest of them.
TAKE_CHANGES = """
    WITH taken AS (DELETE FROM metrics.changes RETURNING *)
    SELECT month, channel, carrier, origin_province, product_group, star,
           sum(facts) AS facts, max(watermark) AS watermark,
           (array_agg(cause ORDER BY watermark DESC, cause DESC))[1] AS cause
      FROM taken
     GROUP BY month, channel, carrier, origin_province, product_group, star
     ORDER BY month, channel, carrier, origin_province, product_group, star
"""

# These cells as they are now, over all shards, and as the last revision had them.
SUM_CELLS = """
    SELECT t.n, coalesce(now.figures, '{}') AS figures, last.figures AS before, last.watermark
      FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::smallint[])
           WITH ORDINALITY
           AS t (month, channel, carrier, origin_province, product_group, star, n)
     CROSS JOIN LATERAL (
           SELECT jsonb_object_agg(figure, value) AS figures
             FROM (SELECT c.figure, sum(c.value) AS value
                     FROM metrics.counters c
                    WHERE (c.month, c.channel, c.carrier, c.origin_province, c.product_group, c.star)
                        = (t.month, t.channel, t.carrier, t.origin_province, t.product_group, t.star)
                    GROUP BY c.figure HAVING sum(c.value) <> 0) AS sums) AS now
      LEFT JOIN LATERAL (
           SELECT r.figures, r.watermark
             FROM metrics.revisions r
            WHERE (r.month, r.channel, r.carrier, r.origin_province, r.product_group, r.star)
                = (t.month, t.channel, t.carrier, t.origin_province, t.product_group, t.star)
            ORDER BY r.revision DESC LIMIT 1) AS last ON true
     ORDER BY t.n
"""

# The last revision of these months.
LAST_REVISIONS = """
    SELECT DISTINCT ON (month) month, revision, watermark FROM metrics.months
     WHERE month = ANY ($1::text[]) ORDER BY month, revision DESC
"""

# A new revision of a month.
ADD_MONTH = """
    INSERT INTO metrics.months (month, revision, as_of, watermark, cells, cause)
    VALUES ($1, $2, $3, $4, $5, $6)
"""

# The cells it changed, absolute.
ADD_CELLS = """
    INSERT INTO metrics.revisions (month, channel, carrier, origin_province, product_group, star,
                                   revision, figures, watermark, cause)
    SELECT month, channel, carrier, origin_province, product_group, star, $1, figures::jsonb,
           watermark, cause
      FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::smallint[],
                  $8::text[], $9::timestamptz[], $10::text[]) WITH ORDINALITY
           AS t (month, channel, carrier, origin_province, product_group, star, figures,
                 watermark, cause, n)
     ORDER BY n
"""

# The oldest cells of revisions after a position.
UNPUBLISHED = """
    SELECT r.position, r.month, r.channel, r.carrier, r.origin_province, r.product_group, r.star,
           r.revision, r.figures, r.watermark, m.as_of, r.cause
      FROM metrics.revisions r JOIN metrics.months m USING (month, revision)
     WHERE r.position > $1 ORDER BY r.position LIMIT $2
"""

# Everything up to here is in the topic.
PUBLISHED_UP_TO = "UPDATE metrics.publisher SET published = $1"


class Writer(NamedTuple):
    """The right to write revisions, while its row is locked."""

    published: int
    era: int


class Moved(NamedTuple):
    """A cell that moved since the last revision: by how many facts, when and what the newest was."""

    cell: Cell
    facts: int
    watermark: datetime
    cause: str


class Revision(NamedTuple):
    """One cell of a stored revision; `figures` by counter name, 0 absent."""

    position: int
    cell: Cell
    revision: int
    figures: Mapping[str, int]
    watermark: datetime
    as_of: datetime
    cause: str


async def lock_writer(tx: Transaction) -> Writer | None:
    """Become the writer of revisions until the transaction ends; None if another is."""
    row = await tx.fetchrow(LOCK_WRITER)
    return None if row is None else Writer(*row)


async def take_changes(tx: Transaction) -> list[Moved]:
    """Empty the queue of changes; sorted by cell."""
    rows = await tx.fetch(TAKE_CHANGES)
    return [Moved(Cell(*row[:6]), row["facts"], row["watermark"], row["cause"]) for row in rows]


async def store_revisions(
    tx: Transaction,
    moved: Sequence[Moved],
    *,
    as_of: datetime,
    number: Callable[[int], int],
) -> int:
    """Store one revision of each month whose figures differ; returns how many cells do.

    `number` gives the revision after the given one (0: there is none).
    """
    if not moved:
        return 0
    differing = await _differing(tx, moved)
    months = sorted({each.cell.month for each, _ in differing})
    last = {row["month"]: row for row in await tx.fetch(LAST_REVISIONS, months)}
    for month, cells in groupby(differing, key=lambda each: each[0].cell.month):
        await _store_month(tx, list(cells), last.get(month), as_of, number)
    return len(differing)


async def _differing(tx: Transaction, moved: Sequence[Moved]) -> list[tuple[Moved, str]]:
    """The cells whose sums are not those of their last revision, with their sums as JSON.

    A cell's watermark never goes back: the newest fact counted may have been in it before.
    """
    cells = list(zip(*(each.cell for each in moved), strict=True))
    rows = await tx.fetch(SUM_CELLS, *cells)
    return [
        (each._replace(watermark=max(each.watermark, row["watermark"] or each.watermark)), now)
        for each, row in zip(moved, rows, strict=True)
        if (now := row["figures"]) != (row["before"] or "{}")
    ]


async def _store_month(
    tx: Transaction,
    cells: Sequence[tuple[Moved, str]],
    last: asyncpg.Record | None,
    as_of: datetime,
    number: Callable[[int], int],
) -> None:
    newest = max((moved for moved, _ in cells), key=lambda moved: (moved.watermark, moved.cause))
    watermark = max(newest.watermark, last["watermark"]) if last else newest.watermark
    revision = number(last["revision"] if last else 0)
    month = newest.cell.month
    await tx.execute(ADD_MONTH, month, revision, as_of, watermark, len(cells), newest.cause)
    rows = [(*moved.cell, figures, moved.watermark, reason(moved)) for moved, figures in cells]
    await tx.execute(ADD_CELLS, revision, *zip(*rows, strict=True))


def reason(moved: Moved) -> str:
    """Why a cell has a new revision: the newest fact, and how many came with it."""
    return moved.cause if moved.facts == 1 else f"{moved.cause} and {moved.facts - 1} more"


async def unpublished(tx: Transaction, position: int, limit: int) -> list[Revision]:
    """The oldest stored cells after a position, at most `limit`."""
    rows = await tx.fetch(UNPUBLISHED, position, limit)
    return [
        Revision(row["position"], Cell(*row[1:7]), row["revision"], json.loads(row["figures"]),
                 row["watermark"], row["as_of"], row["cause"])
        for row in rows
    ]  # fmt: skip


async def published_up_to(tx: Transaction, position: int) -> None:
    """Remember that the topic has everything up to a position."""
    await tx.execute(PUBLISHED_UP_TO, position)


def event_of(revision: Revision) -> MonthlyThroughput:
    """The event that tells a revision of a cell: every figure, absolute."""
    figures = dict.fromkeys(FIGURE_NAMES, 0)
    histograms: dict[str, dict[str, int]] = {histogram.name: {} for histogram in HISTOGRAMS}
    for counter, value in revision.figures.items():
        name, bucket = split_figure(counter)
        if bucket is None:
            figures[name] = value
        else:
            histograms[name][bucket] = value
    cell = revision.cell
    return MonthlyThroughput(
        version=revision.revision,
        occurred_at=revision.as_of,
        dimensions=Dimensions(**cell._asdict()),
        figures=figures,
        histograms=histograms,
        watermark=revision.watermark,
        as_of=revision.as_of,
        cause=revision.cause,
    )
