"""The COD ledger, worked out again for `ocop verify`."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import orjson

from schemas.ids import tracking_key
from streams.cod.lines import LINE_COLUMNS, decisions_of, lines_of_owners
from streams.cod.table import SHOWN, balances_of
from streams.cod.told import shown_of
from streams.rules.cod import standing
from streams.rules.cod_facts import Booked, Claim, Facts, Line, Tracked, owner

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from services.store.pool import Connection
    from streams.rules.cod_ledger import Balances, Key

AT_ONCE: Final = 2_000

# The next accounts of bookings that are known.
READ_ACCOUNTS: Final = f"""
    SELECT reference, booked::text, tracked::text, {SHOWN} FROM cod.accounts
    WHERE reference > $1 AND booked IS NOT NULL ORDER BY reference LIMIT $2
"""  # noqa: S608 (a constant)

# The next lines, whose they are, and who claims their numbers.
READ_LINES: Final = f"""
    SELECT {", ".join(f"l.{name.strip()}" for name in LINE_COLUMNS.split(","))}, l.owner,
           n.claims::text
    FROM cod.lines l LEFT JOIN cod.numbers n ON n.number = l.carrier || ':' || l.tracking_no
    WHERE (l.carrier, l.statement_no, l.line_no) > ($1, $2, $3)
    ORDER BY l.carrier, l.statement_no, l.line_no LIMIT $4
"""  # noqa: S608 (a constant)


async def cash(db: Connection) -> AsyncIterator[str | None]:
    """Derive every account from its facts, and compare it and its books with what is stored."""
    last = ""
    while rows := await db.fetch(READ_ACCOUNTS, last, AT_ONCE):
        last = rows[-1]["reference"]
        names = [row["reference"] for row in rows]
        lines, decisions = await lines_of_owners(db, names), await decisions_of(db, names)
        written: Mapping[str, Balances] = await balances_of(db, names)
        for row in rows:
            name = row["reference"]
            booked = Booked.model_validate_json(row["booked"])
            tracked = Tracked.model_validate_json(row["tracked"]) if row["tracked"] else None
            facts = Facts(name, booked, tracked, lines[name], decisions[name])
            yield _differing(facts, tuple(row)[3:], written.get(name, {}))


def _differing(facts: Facts, stored: tuple[Any, ...], written: Balances) -> str | None:
    found = standing(facts)
    if found is None or facts.booked is None:
        return None
    made = shown_of(facts.booked, found)
    if made != stored:
        names = [name.strip() for name in SHOWN.split(",")]
        changed = ", ".join(
            f"{name} {there} instead of {wanted}"
            for name, there, wanted in zip(names, stored, made, strict=True)
            if there != wanted
        )
        return f"{facts.reference}: {changed}"
    wanted_books: dict[Key, Mapping[str, int]] = {
        entry.key: dict[str, int](entry.postings) for entry in found.entries
    }
    if wanted_books == written:
        return None
    kind, evidence = min(_keys(wanted_books, written))
    return f"{facts.reference}: the books differ in {kind}, {evidence}"


def _keys(wanted: Balances, written: Balances) -> set[Key]:
    every = {*wanted, *written}
    return {key for key in every if wanted.get(key) != written.get(key)}


async def line_owners(db: Connection) -> AsyncIterator[str | None]:
    """Give every line to its booking again."""
    last: tuple[str, str, int] = ("", "", 0)
    while rows := await db.fetch(READ_LINES, *last, AT_ONCE):
        found: dict[str, list[Claim]] = defaultdict(list)
        for *columns, there, claims in rows:
            line = Line(*columns)
            name = tracking_key(line.carrier, line.tracking_no or "")
            if name not in found:
                found[name] = [
                    Claim(reference, datetime.fromisoformat(at))
                    for reference, at in orjson.loads(claims or "[]")
                ]
            wanted = owner(line, found[name])
            same = wanted == there
            yield None if same else f"line {line.entity} is given to {there} instead of {wanted}"
        last = (rows[-1]["carrier"], rows[-1]["statement_no"], rows[-1]["line_no"])
