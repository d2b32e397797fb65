"""The S10 numbers we give out ourselves: each to one booking, and none again before it has rested.

Parcels that a carrier's own call numbers need none of these: they are for items we label before
anybody is asked: EMS abroad. Serials come from ranges the operator assigned to us; the
standard asks for 12 months without reuse and recommends 24 (facts/standards.md 1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schemas.s10 import INDICATOR, LAST_SERIAL, S10
from services.errors import OperatorError

if TYPE_CHECKING:
    from datetime import datetime

    from services.store.pool import Connection

REST: Final = "24 months"
"""How long a number is not given out again."""
LOOK_AHEAD: Final = 1000
"""Serials looked at in one statement for one that has rested."""

# Assign a range, or replace the one of this indicator; numbering goes on within it.
OPEN_RANGE: Final = """
INSERT INTO numbers.s10_ranges (indicator, first_serial, last_serial, next_serial)
VALUES ($1, $2, $3, $2)
ON CONFLICT (indicator) DO UPDATE SET
    first_serial = excluded.first_serial, last_serial = excluded.last_serial,
    next_serial = CASE WHEN s10_ranges.next_serial BETWEEN $2 AND $3
                       THEN s10_ranges.next_serial ELSE excluded.next_serial END
"""

READ_GIVEN: Final = "SELECT number FROM numbers.s10_allocated WHERE reference = $1"

# The range is locked until the transaction ends: two never get one serial.
LOCK_RANGE: Final = """
SELECT first_serial, last_serial, next_serial FROM numbers.s10_ranges
WHERE indicator = $1 FOR UPDATE
"""

# The first serial from `$2` on, within the range, that was never given out or has rested.
FIND_RESTED: Final = f"""
SELECT free FROM generate_series($2::integer, $3::integer) AS free
WHERE NOT EXISTS (
    SELECT FROM numbers.s10_allocated a
    WHERE a.indicator = $1 AND a.serial = free
      AND a.allocated_at > $4::timestamptz - interval '{REST}')
ORDER BY free LIMIT 1
"""  # noqa: S608 (a constant)

GIVE_OUT: Final = """
INSERT INTO numbers.s10_allocated (reference, indicator, serial, number, allocated_at)
VALUES ($1, $2, $3, $4, $5)
"""

MOVE_ON: Final = "UPDATE numbers.s10_ranges SET next_serial = $2 WHERE indicator = $1"


class NumbersExhausted(OperatorError):
    """No range of the indicator is open, or every number of it is still resting."""


async def open_range(connection: Connection, indicator: str, first: int, last: int) -> None:
    """Take on a range of serials, both ends included. Raises OperatorError for one that is none."""
    if not INDICATOR.fullmatch(indicator) or not 0 <= first <= last <= LAST_SERIAL:
        raise OperatorError(f"{indicator} {first}–{last} is no range of S10 serials.")
    await connection.execute(OPEN_RANGE, indicator, first, last)


async def number_for(connection: Connection, reference: str, indicator: str, now: datetime) -> str:
    """The number of a booking reference: the one it has, else the next that may be given out.

    Raises:
        NumbersExhausted: nothing was given out.
    """
    async with connection.transaction():
        bounds = await connection.fetchrow(LOCK_RANGE, indicator)
        # Asked under the lock: a second caller for this reference finds what the first was given.
        given: str | None = await connection.fetchval(READ_GIVEN, reference)
        if given is not None:
            return given
        if bounds is None:
            raise NumbersExhausted(f"No range of {indicator} numbers is open.")
        first, last, following = bounds
        serial = await _rested(connection, indicator, (first, last, following), now)
        number = S10(indicator, serial).number
        await connection.execute(GIVE_OUT, reference, indicator, serial, number, now)
        await connection.execute(MOVE_ON, indicator, serial + 1 if serial < last else first)
        return number


async def _rested(
    connection: Connection, indicator: str, bounds: tuple[int, int, int], now: datetime
) -> int:
    """From the next serial to the end, then from the beginning."""
    first, last, following = bounds
    for start, end in ((following, last), (first, following - 1)):
        for begin in range(start, end + 1, LOOK_AHEAD):
            until = min(begin + LOOK_AHEAD - 1, end)
            found: int | None = await connection.fetchval(FIND_RESTED, indicator, begin, until, now)
            if found is not None:
                return found
    raise NumbersExhausted(f"Every {indicator} number of the range was given out in {REST}.")
