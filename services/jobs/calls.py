"""What the runner reads before a call and keeps of it: in groups, one statement each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from services.carriers.directory import api_of
from services.jobs.gather import Gathering

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import asyncpg

    from services.jobs.queue import CarrierJob
    from services.store.pool import Pool

# The bookings jobs are about, whether they may still be called, and what is known of the calls.
READ_FACTS: Final = """
SELECT a.ord, b.reference, b.order_id, b.parcel_id, b.carrier, b.service, b.state, b.tracking_no,
       b.carrier_ref, o.held OR o.cancelled AS paused, o.void_version > 0 AS to_void, o.recall_why,
       b.decision_why, b.numbered_as, n.number AS own_number,
       p.pieces, p.weight_g, p.length_cm, p.width_cm, p.height_cm, p.goods_vnd, p.cod_vnd,
       g.contact_name, g.phone, g.street, g.ward_code, g.province_code,
       coalesce(c.in_doubt, false) AS in_doubt, c.sent_at, coalesce(c.settled, false) AS settled,
       c.answer, coalesce(goods.handling, '{}') AS handling,
       coalesce(goods.perishable, false) AS perishable, goods.names_en,
       coalesce(c.version, (SELECT max(v.version) FROM jobs.calls v
                            WHERE v.reference = a.reference AND v.kind = a.kind), 0) AS version
FROM unnest($1::text[], $2::text[], $3::bigint[])
     WITH ORDINALITY AS a(reference, kind, request, ord)
JOIN booking.bookings b USING (reference)
JOIN booking.orders o ON o.order_id = b.order_id
JOIN booking.parcels p ON p.parcel_id = b.parcel_id
LEFT JOIN registry.origins g ON g.origin_id = b.origin_id
LEFT JOIN LATERAL (
    SELECT array_agg(DISTINCT class) AS handling,
           bool_or(l.transit_tolerance_h IS NOT NULL) AS perishable,
           string_agg(DISTINCT l.name_en, ', ') AS names_en
    FROM intake.lines l CROSS JOIN LATERAL unnest(l.handling) AS class
    WHERE l.order_id = b.order_id AND l.origin_id = b.origin_id) AS goods ON true
LEFT JOIN jobs.calls c USING (reference, kind, request)
LEFT JOIN numbers.s10_allocated n ON n.reference = b.reference
"""

# From now on the call may have been made: an answer that does not come is a lost one.
MARK_SENT: Final = """
INSERT INTO jobs.calls (reference, kind, request, in_doubt, sent_at, version)
SELECT reference, kind, request, true, now(), version
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[])
     AS a(reference, kind, request, version)
ORDER BY reference, kind, request
ON CONFLICT (reference, kind, request) DO UPDATE SET in_doubt = true, sent_at = now()
"""

# The answer, before it is told to anybody; `in_doubt` as it stands now.
KEEP_ANSWER: Final = """
INSERT INTO jobs.calls
       (reference, kind, request, in_doubt, sent_at, version, answer, settled)
SELECT reference, kind, request, in_doubt, now(), version, answer, settled
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::boolean[], $5::bigint[], $6::jsonb[],
            $7::boolean[])
     AS a(reference, kind, request, in_doubt, version, answer, settled)
ORDER BY reference, kind, request
ON CONFLICT (reference, kind, request) DO UPDATE SET
    in_doubt = excluded.in_doubt, version = excluded.version,
    answer = coalesce(excluded.answer, calls.answer), settled = excluded.settled
"""

# The waybills that carriers' webhooks named together with our reference.
READ_HEARD: Final = "SELECT also FROM tracking.bookings WHERE reference = $1"

# A booking that the interface certainly knows: if it cannot find this one, it cannot find any. $3:
# it is the carrier's first, through which all went that names none.
READ_CONTROL: Final = """
SELECT reference FROM booking.bookings
WHERE carrier = $1 AND (api = $2 OR api = '' AND $3) AND book_outcome = 'booked' AND state = 'booked'
ORDER BY booked_at DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a job's call before it is made. `row` holds the columns of READ_FACTS."""

    job: CarrierJob
    row: asyncpg.Record
    answer: dict[str, Any] | None

    @property
    def in_doubt(self) -> bool:
        """The call was sent before, and nobody knows what became of it."""
        return bool(self.row["in_doubt"])

    @property
    def sent_at(self) -> datetime | None:
        """When it was last sent."""
        moment: datetime | None = self.row["sent_at"]
        return moment


@dataclass(frozen=True, slots=True)
class Kept:
    """What is to be kept of a call. `answer` None: it had none, and what was kept stays."""

    job: CarrierJob
    version: int
    answer: dict[str, Any] | None
    in_doubt: bool
    settled: bool


class CallBook:
    """The runner's memory: `jobs.calls`, and the tables of others it reads."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.read = Gathering(self._read).ask
        self.mark_sent = Gathering(self._mark_sent).ask
        self.keep = Gathering(self._keep).ask

    async def heard(self, carrier: str, reference: str) -> list[str]:
        """The carrier's own numbers that tracking has seen under our reference."""
        also = await self._pool.fetchval(READ_HEARD, reference) or []
        return [name.removeprefix(f"{carrier}:") for name in also if name.startswith(carrier + ":")]

    async def control(self, carrier: str, api: str) -> str | None:
        """The reference of a booking the carrier certainly has, made through the same interface."""
        is_first = api == api_of(carrier)
        found: str | None = await self._pool.fetchval(READ_CONTROL, carrier, api, is_first)
        return found

    async def _read(self, jobs: Sequence[CarrierJob]) -> Sequence[Known | None]:
        found: list[Known | None] = [None] * len(jobs)
        for row in await self._pool.fetch(READ_FACTS, *_keys(jobs)):
            place = row["ord"] - 1
            answer = orjson.loads(row["answer"]) if row["answer"] else None
            found[place] = Known(jobs[place], row, answer)
        return found

    async def _mark_sent(self, calls: Sequence[Known]) -> Sequence[None]:
        versions = [call.row["version"] for call in calls]
        await self._pool.execute(MARK_SENT, *_keys([call.job for call in calls]), versions)
        return [None] * len(calls)

    async def _keep(self, kept: Sequence[Kept]) -> Sequence[None]:
        await self._pool.execute(
            KEEP_ANSWER,
            *_keys([one.job for one in kept]),
            [one.in_doubt for one in kept],
            [one.version for one in kept],
            [orjson.dumps(one.answer).decode() if one.answer else None for one in kept],
            [one.settled for one in kept],
        )
        return [None] * len(kept)


def _keys(jobs: Sequence[CarrierJob]) -> tuple[list[str], list[str], list[int]]:
    return (
        [job.reference for job in jobs],
        [job.kind for job in jobs],
        [job.request for job in jobs],
    )
