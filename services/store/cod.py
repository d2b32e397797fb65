"""The COD ledger as people read it: sums, one parcel, and what somebody should look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from services.store.pool import Connection

# Bookings, cash and fees by carrier and state.
SUMS: Final = """
    SELECT carrier, state, count(*) AS bookings, sum(expected_vnd)::bigint AS expected_vnd,
           sum(collected_vnd)::bigint AS collected_vnd, sum(remitted_vnd)::bigint AS remitted_vnd,
           sum(fees_vnd)::bigint AS fees_vnd, sum(paid_out_vnd)::bigint AS paid_out_vnd
      FROM cod.accounts
     WHERE state <> 'not_applicable' AND ($1::text IS NULL OR carrier = $1)
     GROUP BY carrier, state ORDER BY carrier, state
"""

# Bookings that are in a state.
IN_STATE: Final = """
    SELECT parcel_id, reference, carrier, booked ->> 'tracking_no' AS tracking_no, state,
           expected_vnd, collected_vnd, remitted_vnd, fees_vnd, paid_out_vnd, short_vnd, exceptions
      FROM cod.accounts
     WHERE state = $2 AND ($1::text IS NULL OR carrier = $1) ORDER BY parcel_id, reference LIMIT $3
"""

# The bookings of a parcel, the newest attempt first.
OF_PARCEL: Final = """
    SELECT parcel_id, reference, order_id, carrier, booked ->> 'tracking_no' AS tracking_no, state,
           booked_vnd, expected_vnd, collected_vnd, remitted_vnd, fees_vnd, compensation_vnd,
           paid_out_vnd, short_vnd, exceptions, delivered_at
      FROM cod.accounts WHERE parcel_id = $1
     ORDER BY state = 'void', length(reference) DESC, reference DESC
"""

# The books of these bookings.
ENTRIES: Final = """
    SELECT reference, entry_no, kind, evidence, account, vnd, occurred_at
      FROM cod.entries WHERE reference = ANY ($1::text[]) ORDER BY reference, entry_no, vnd DESC
"""

# What is noted at a booking, by name.
NOTED: Final = """
    SELECT name AS exception, carrier, parcel_id, reference, state,
           booked ->> 'tracking_no' AS tracking_no, expected_vnd, remitted_vnd, short_vnd
      FROM cod.accounts, unnest(exceptions) AS name
     WHERE $1::text IS NULL OR carrier = $1
     ORDER BY name, carrier, parcel_id
"""

# Delivered with cash to collect, and nothing paid for it in time. Days by carrier, else $2.
OVERDUE: Final = """
    SELECT 'overdue' AS exception, a.carrier, parcel_id, reference, state,
           booked ->> 'tracking_no' AS tracking_no, expected_vnd, remitted_vnd, 0::bigint AS short_vnd,
           extract(day FROM now() - delivered_at)::integer AS days
      FROM cod.accounts a
      LEFT JOIN unnest($3::text[], $4::integer[]) AS patience (carrier, days) USING (carrier)
     WHERE state IN ('expected', 'collected') AND delivered_at IS NOT NULL
       AND delivered_at < now() - make_interval(days => coalesce(patience.days, $2))
       AND ($1::text IS NULL OR a.carrier = $1)
     ORDER BY carrier, parcel_id
"""

# Lines that belong to no booking we know of that carrier.
UNMATCHED: Final = """
    SELECT 'unmatched' AS exception, l.carrier, l.statement_no, l.line_no, l.tracking_no,
           l.reference, l.cod_vnd, l.net_vnd, l.transferred_on
      FROM cod.lines l LEFT JOIN cod.accounts a ON a.reference = l.owner AND a.carrier = l.carrier
     WHERE a.reference IS NULL AND ($1::text IS NULL OR l.carrier = $1)
     ORDER BY l.carrier, l.statement_no, l.line_no
"""

# How many exceptions there are, by carrier and name.
COUNTS: Final = f"""
    SELECT carrier, exception, count(*) AS found
      FROM (SELECT carrier, exception FROM ({NOTED}) AS noted
             UNION ALL SELECT carrier, exception FROM ({OVERDUE}) AS overdue
             UNION ALL SELECT carrier, exception FROM ({UNMATCHED}) AS unmatched) AS every
     GROUP BY carrier, exception
"""  # noqa: S608 (constants)

# Lines of these statements that are known, and where they belong.
KNOWN_LINES: Final = """
    SELECT l.carrier || '|' || l.statement_no || '|' || l.line_no AS entity, l.tracking_no,
           l.reference, l.cod_vnd, l.fee_vnd, l.fee_kind, l.net_vnd, l.transferred_on, l.paid_to,
           a.state, a.exceptions
      FROM cod.lines l LEFT JOIN cod.accounts a ON a.reference = l.owner AND a.carrier = l.carrier
     WHERE l.carrier = $1 AND l.statement_no = ANY ($2::text[])
"""

# Reconciled bookings and what was received for them. What a carrier paid twice is not the seller's.
TO_PAY: Final = """
    SELECT a.parcel_id, a.reference, a.order_id, a.carrier, received.vnd
      FROM cod.accounts a
     CROSS JOIN LATERAL (SELECT coalesce(sum(vnd), 0)::bigint
                                - greatest(0, a.remitted_vnd - a.expected_vnd) AS vnd
                           FROM cod.entries e
                          WHERE e.reference = a.reference AND e.account = 'programme_bank') AS received
     WHERE a.state = 'reconciled' AND received.vnd > 0
       AND ($1::text IS NULL OR a.carrier = $1) AND ($2::text IS NULL OR a.parcel_id = $2)
     ORDER BY a.parcel_id
"""


class Patience(NamedTuple):
    """How many days after delivery cash may be outstanding: for each carrier, else `days`."""

    days: int
    of: Mapping[str, int]

    @property
    def arguments(self) -> tuple[int, list[str], list[int]]:
        """As the query takes it."""
        return self.days, list(self.of), list(self.of.values())


async def exceptions(
    db: Connection, carrier: str | None, patience: Patience
) -> list[dict[str, Any]]:
    """Everything somebody should look at."""
    noted = await db.fetch(NOTED, carrier)
    overdue = await db.fetch(OVERDUE, carrier, *patience.arguments)
    return [dict(row) for row in (*noted, *overdue, *await db.fetch(UNMATCHED, carrier))]


async def exception_counts(db: Connection, patience: Patience) -> Mapping[tuple[str, str], int]:
    """How many exceptions there are, by carrier and name."""
    rows = await db.fetch(COUNTS, None, *patience.arguments)
    return {(row["carrier"], row["exception"]): row["found"] for row in rows}


async def read(db: Connection, query: str, *arguments: object) -> list[dict[str, Any]]:
    """Rows as dictionaries."""
    return [dict(row) for row in await db.fetch(query, *arguments)]


async def known_lines(
    db: Connection, carrier: str, statements: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Lines of these statements that were imported before, by what identifies them."""
    rows = await db.fetch(KNOWN_LINES, carrier, statements)
    return {row["entity"]: dict(row) for row in rows}
