"""What is odd about carriers' events, counted by carrier: never guessed away, always shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from services.store.pool import Connection

# Each answers with carrier, kind, what exactly, how many, and a number as an example. $1: one
# carrier, or null for all.

# Bookings by flag.
FLAGS: Final = """
SELECT split_part(waybill, ':', 1) AS carrier, flag AS kind, '' AS what, count(*) AS count,
       min(waybill) AS example
FROM tracking.bookings CROSS JOIN LATERAL unnest(string_to_array(flags, ',')) AS flag
WHERE flags <> '' AND flag <> 'overdue' AND ($1::text IS NULL OR split_part(waybill, ':', 1) = $1)
GROUP BY 1, 2
"""

# Events that have no certain meaning, as they read now, by the code the carrier sends.
UNMAPPED: Final = """
SELECT split_part(w.waybill, ':', 1) AS carrier, 'unmapped' AS kind,
       e.api || ' ' || e.code || coalesce(':' || e.reason_code, '') AS what, count(*) AS count,
       min(w.waybill) AS example
FROM (
    SELECT waybill_id, event_key FROM tracking.events WHERE status = 'unmapped'
    UNION SELECT waybill_id, event_key FROM tracking.remapped WHERE status = 'unmapped') AS odd
JOIN tracking.readings e USING (waybill_id, event_key)
JOIN tracking.waybills w USING (waybill_id)
WHERE e.status = 'unmapped' AND ($1::text IS NULL OR split_part(w.waybill, ':', 1) = $1)
GROUP BY 1, 3
"""

# Numbers whose events wait, and why.
WAITING: Final = """
SELECT split_part(waybill, ':', 1) AS carrier, why AS kind, '' AS what, count(*) AS count,
       min(waybill) AS example
FROM tracking.waiting
WHERE $1::text IS NULL OR split_part(waybill, ':', 1) = $1
GROUP BY 1, 2
"""

# The same code of a number at several times, from carriers whose time is when a message was sent
# (facts/carriers.md, Vietnam Post): perhaps told again and not happened again.
TOLD_AGAIN: Final = """
SELECT split_part(w.waybill, ':', 1) AS carrier, 'told_again' AS kind, e.api || ' ' || e.code AS what,
       count(*) AS count, min(w.waybill) AS example
FROM (SELECT waybill_id, api, code FROM tracking.events WHERE api = ANY($2::text[])
       GROUP BY waybill_id, api, code HAVING count(DISTINCT occurred_at) > 1) AS e
JOIN tracking.waybills w USING (waybill_id)
WHERE $1::text IS NULL OR split_part(w.waybill, ':', 1) = $1
GROUP BY 1, 3
"""
SENT_TIME_APIS: Final = ("myvnpost",)
"""Interfaces that tell when they sent and not when it happened."""


async def oddities(connection: Connection, carrier: str | None) -> list[dict[str, Any]]:
    """Everything odd, by carrier and kind; the most frequent first."""
    rows = [
        *await connection.fetch(FLAGS, carrier),
        *await connection.fetch(UNMAPPED, carrier),
        *await connection.fetch(WAITING, carrier),
        *await connection.fetch(TOLD_AGAIN, carrier, list(SENT_TIME_APIS)),
    ]
    found = [dict(row) for row in rows]
    return sorted(found, key=lambda row: (row["carrier"], row["kind"], -row["count"], row["what"]))
