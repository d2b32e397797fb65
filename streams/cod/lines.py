"""The tables of the COD stage where facts meet: numbers, statement lines, decisions. In bulk."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Final

import orjson

from schemas.ids import tracking_key
from services.store.unnest import columns
from streams.rules.cod_facts import Claim, Decision, Line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from streams.runtime.stage import Transaction

LINE_COLUMNS: Final = """carrier, statement_no, line_no, tracking_no, reference, cod_vnd, fee_vnd,
    fee_kind, net_vnd, transferred_on, paid_to"""

# Make rows for numbers nobody has looked for yet.
MAKE_NUMBERS: Final = """
    INSERT INTO cod.numbers (number) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING
"""

# Lock these numbers.
LOCK_NUMBERS: Final = """
    SELECT number, claims::text FROM cod.numbers
    WHERE number = ANY ($1::text[]) ORDER BY number FOR UPDATE
"""

# Keep the claims on these numbers.
STORE_CLAIMS: Final = """
    UPDATE cod.numbers AS n SET claims = u.claims
    FROM unnest($1::text[], $2::json[]) AS u (number, claims) WHERE n.number = u.number
"""

# Keep lines, once each; answers with those that are new.
KEEP_LINES: Final = f"""
    INSERT INTO cod.lines ({LINE_COLUMNS}, imported_by, imported_at)
    SELECT * FROM unnest($1::text[], $2::text[], $3::integer[], $4::text[], $5::text[],
        $6::bigint[], $7::bigint[], $8::text[], $9::bigint[], $10::date[], $11::text[],
        $12::text[], $13::timestamptz[])
    ON CONFLICT DO NOTHING RETURNING carrier, statement_no, line_no
"""  # noqa: S608 (a constant)

# These lines, by what identifies them.
READ_LINES: Final = f"""
    SELECT {LINE_COLUMNS} FROM cod.lines
    WHERE (carrier, statement_no, line_no) IN (
        SELECT * FROM unnest($1::text[], $2::text[], $3::integer[]))
"""  # noqa: S608 (a constant)

# Every line of these numbers, and whose it is.
READ_LINES_OF_NUMBERS: Final = f"""
    SELECT {LINE_COLUMNS}, owner FROM cod.lines
    WHERE (carrier, tracking_no) IN (SELECT * FROM unnest($1::text[], $2::text[]))
"""  # noqa: S608 (a constant)

# Give lines to bookings.
GIVE_LINES: Final = """
    UPDATE cod.lines AS l SET owner = u.owner
    FROM unnest($1::text[], $2::text[], $3::integer[], $4::text[])
        AS u (carrier, statement_no, line_no, owner)
    WHERE (l.carrier, l.statement_no, l.line_no) = (u.carrier, u.statement_no, u.line_no)
"""

# Every line that was given to these bookings.
READ_LINES_OF_OWNERS: Final = f"""
    SELECT owner, {LINE_COLUMNS} FROM cod.lines WHERE owner = ANY ($1::text[])
"""  # noqa: S608 (a constant)

# Keep decisions, once each; answers with those that are new.
KEEP_DECISIONS: Final = """
    INSERT INTO cod.decisions (decision_id, reference, parcel_id, kind, outcome, vnd, by, why, at)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[],
        $7::text[], $8::text[], $9::timestamptz[])
    ON CONFLICT DO NOTHING RETURNING decision_id
"""

# Every decision about these bookings.
READ_DECISIONS: Final = """
    SELECT decision_id, reference, parcel_id, kind, outcome, vnd, by, why, at
    FROM cod.decisions WHERE reference = ANY ($1::text[])
"""


@dataclass(slots=True)
class Number:
    """A row of cod.numbers. `changed`: somebody new claims it."""

    number: str
    claims: set[Claim] = field(default_factory=set)
    changed: bool = False

    def claim(self, claim: Claim) -> bool:
        """Remember that this booking has the number; False if that is known."""
        is_new = claim not in self.claims
        self.changed |= is_new
        self.claims.add(claim)
        return is_new


async def lock_numbers(tx: Transaction, numbers: Iterable[str]) -> dict[str, Number]:
    """Rows of these numbers, made where there were none, locked."""
    names = sorted(set(numbers))
    if not names:
        return {}
    await tx.execute(MAKE_NUMBERS, names)
    return {
        number: Number(
            number, {Claim(ref, datetime.fromisoformat(at)) for ref, at in orjson.loads(text)}
        )
        for number, text in await tx.fetch(LOCK_NUMBERS, names)
    }


async def store_claims(tx: Transaction, numbers: Iterable[Number]) -> None:
    """Keep who claims these numbers."""
    rows = [(one.number, _claims(one)) for one in numbers if one.changed]
    if rows:
        await tx.execute(STORE_CLAIMS, *columns(rows))


async def keep_lines(
    tx: Transaction, lines: Mapping[Line, str], now: datetime
) -> tuple[set[Line], set[Line]]:
    """Keep lines (with who imported them). Gives those that are new, and those that conflict."""
    if not lines:
        return set(), set()
    rows = [(*line, by, now) for line, by in lines.items()]
    new = {tuple(row) for row in await tx.fetch(KEEP_LINES, *columns(rows))}
    known = [line for line in lines if _name(line) not in new]
    stored: set[Line] = set()
    if known:
        names = [_name(line) for line in known]
        stored = {Line(*row) for row in await tx.fetch(READ_LINES, *columns(names))}
    conflicting = {line for line in known if line not in stored}
    return {line for line in lines if _name(line) in new}, conflicting


async def lines_of_numbers(
    tx: Transaction, numbers: Iterable[str]
) -> list[tuple[Line, str | None]]:
    """Every line of these numbers with the booking it was given to."""
    pairs = [(carrier, number) for carrier, _, number in (name.partition(":") for name in numbers)]
    if not pairs:
        return []
    rows = await tx.fetch(READ_LINES_OF_NUMBERS, *columns(pairs))
    return [(Line(*row[:-1]), row[-1]) for row in rows]


async def give_lines(tx: Transaction, given: Sequence[tuple[Line, str | None]]) -> None:
    """Lines belong to these bookings now."""
    if given:
        rows = [(*_name(line), owner) for line, owner in given]
        await tx.execute(GIVE_LINES, *columns(rows))


async def lines_of_owners(
    tx: Transaction, references: Sequence[str]
) -> Mapping[str, tuple[Line, ...]]:
    """The lines of these bookings."""
    found: defaultdict[str, tuple[Line, ...]] = defaultdict(tuple)
    for row in await tx.fetch(READ_LINES_OF_OWNERS, references):
        found[row["owner"]] += (Line(*row[1:]),)
    return found


async def keep_decisions(tx: Transaction, decisions: Sequence[Decision]) -> set[str]:
    """Keep decisions; the ids of those that are new."""
    if not decisions:
        return set()
    return {row[0] for row in await tx.fetch(KEEP_DECISIONS, *columns(decisions))}


async def decisions_of(
    tx: Transaction, references: Sequence[str]
) -> Mapping[str, tuple[Decision, ...]]:
    """The decisions about these bookings."""
    found: defaultdict[str, tuple[Decision, ...]] = defaultdict(tuple)
    for row in await tx.fetch(READ_DECISIONS, references):
        found[row["reference"]] += (Decision(*row),)
    return found


def number_of(line: Line) -> str | None:
    """The row where a line meets its booking; None: it names our reference only."""
    return tracking_key(line.carrier, line.tracking_no) if line.tracking_no else None


def _name(line: Line) -> tuple[str, str, int]:
    return line.carrier, line.statement_no, line.line_no


def _claims(number: Number) -> str:
    found = sorted(number.claims, key=lambda claim: (claim.at, claim.reference))
    return orjson.dumps([[claim.reference, claim.at.isoformat()] for claim in found]).decode()
