"""The lanes that carriers were asked to price: written by the job runner, read by routing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import orjson

from schemas.quotes import LaneQuote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import asyncpg
    from asyncpg.pool import PoolConnectionProxy

    from schemas.quotes import Lane
    from services.store.pool import Pool

# What is known of these lanes and still valid.
READ_QUOTES: Final = """
    SELECT lane, outcome, services::text AS services, quoted_at FROM jobs.lane_quotes
    WHERE lane = ANY($1::text[]) AND valid_until > now()
"""

# The newest answer for a lane.
STORE_QUOTE: Final = """
    INSERT INTO jobs.lane_quotes (lane, carrier, origin, destination, weight_g, with_cod,
                                  outcome, services, reason, quoted_at, valid_until)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8::json, $9, now(), now() + make_interval(secs => $10))
    ON CONFLICT (lane) DO UPDATE SET
        outcome = excluded.outcome, services = excluded.services, reason = excluded.reason,
        quoted_at = excluded.quoted_at, valid_until = excluded.valid_until
"""


class Known(NamedTuple):
    """What is known of lanes. `asked`: those nobody needs to ask about now, priced or not."""

    quotes: Mapping[str, LaneQuote]
    asked: frozenset[str]


class Answered(NamedTuple):
    """What came of asking for a lane; nobody asks again for `valid_s` seconds."""

    outcome: Literal["quoted", "refused", "unanswered"]
    services: Mapping[str, Mapping[str, int]]
    reason: str
    valid_s: float


NOTHING: Final = Known({}, frozenset())


async def read_quotes(
    connection: asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record],
    lanes: Iterable[str],
) -> Known:
    """Everything valid about these lanes."""
    rows = await connection.fetch(READ_QUOTES, sorted(lanes))
    return Known(
        {
            row["lane"]: LaneQuote.model_validate(
                {"quoted_at": row["quoted_at"], "services": orjson.loads(row["services"])}
            )
            for row in rows
            if row["outcome"] == "quoted"
        },
        frozenset(row["lane"] for row in rows),
    )


async def store_quote(pool: Pool, lane: Lane, answered: Answered) -> None:
    """Keep a carrier's answer."""
    await pool.execute(
        STORE_QUOTE,
        lane.key,
        lane.carrier,
        lane.origin,
        lane.destination,
        lane.weight_g,
        lane.with_cod,
        answered.outcome,
        orjson.dumps(answered.services).decode(),
        answered.reason,
        answered.valid_s,
    )
