"""The tables of the COD stage: accounts and the books. In bulk; locked in key order."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from services.store.unnest import columns
from streams.rules.cod_facts import Booked, Tracked

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from streams.rules.cod_ledger import Entry, Key
    from streams.runtime.stage import Transaction

SHOWN: Final = """state, booked_vnd, expected_vnd, collected_vnd, remitted_vnd, fees_vnd,
    compensation_vnd, paid_out_vnd, short_vnd, remitted_at, exceptions"""

# Make rows for references nobody has looked for yet.
MAKE_ACCOUNTS: Final = """
    INSERT INTO cod.accounts (reference) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING
"""

# Lock these accounts.
LOCK_ACCOUNTS: Final = f"""
    SELECT reference, booked::text, tracked::text, entries, version, {SHOWN}
    FROM cod.accounts WHERE reference = ANY ($1::text[]) ORDER BY reference FOR UPDATE
"""  # noqa: S608 (a constant)

# What stands in the books of these bookings, by what it is about.
READ_BALANCES: Final = """
    SELECT reference, kind, evidence, account, sum(vnd)::bigint FROM cod.entries
    WHERE reference = ANY ($1::text[]) GROUP BY reference, kind, evidence, account
    HAVING sum(vnd) <> 0
"""

# Keep accounts as they stand.
STORE_ACCOUNTS: Final = """
    UPDATE cod.accounts AS a SET
        parcel_id = u.parcel_id, order_id = u.order_id, carrier = u.carrier, state = u.state,
        booked_vnd = u.booked_vnd, expected_vnd = u.expected_vnd, collected_vnd = u.collected_vnd,
        remitted_vnd = u.remitted_vnd, fees_vnd = u.fees_vnd, compensation_vnd = u.compensation_vnd,
        paid_out_vnd = u.paid_out_vnd, short_vnd = u.short_vnd, remitted_at = u.remitted_at,
        exceptions = ARRAY(SELECT json_array_elements_text(u.exceptions)),
        delivered_at = u.delivered_at, entries = u.entries, version = u.version, booked = u.booked,
        tracked = u.tracked
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[],
        $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[],
        $13::bigint[], $14::timestamptz[], $15::json[], $16::timestamptz[], $17::integer[],
        $18::bigint[], $19::json[], $20::json[])
        AS u (reference, parcel_id, order_id, carrier, state, booked_vnd, expected_vnd,
              collected_vnd, remitted_vnd, fees_vnd, compensation_vnd, paid_out_vnd, short_vnd,
              remitted_at, exceptions, delivered_at, entries, version, booked, tracked)
    WHERE a.reference = u.reference
"""


@dataclass(slots=True)
class Account:
    """A row of cod.accounts. `shown`: what was told of it, as its columns have it."""

    reference: str
    booked: Booked | None = None
    tracked: Tracked | None = None
    entries: int = 0
    version: int = 0
    shown: tuple[Any, ...] = (None, 0, 0, 0, 0, 0, 0, 0, 0, None, [])
    changed: bool = False

    def row(self) -> tuple[Any, ...]:
        """The row, in the order of the columns of STORE_ACCOUNTS."""
        booked, tracked = self.booked, self.tracked
        *sums, exceptions = self.shown
        return (
            self.reference,
            booked and booked.parcel_id,
            booked and booked.order_id,
            booked and booked.carrier,
            *sums,
            orjson.dumps(exceptions).decode(),
            tracked and tracked.delivered_at,
            self.entries,
            self.version,
            booked and booked.model_dump_json(),
            tracked and tracked.model_dump_json(),
        )


async def lock_accounts(tx: Transaction, references: Iterable[str]) -> dict[str, Account]:
    """Rows of these references, made where there were none, locked."""
    names = sorted(set(references))
    if not names:
        return {}
    await tx.execute(MAKE_ACCOUNTS, names)
    return {
        row["reference"]: Account(
            row["reference"],
            Booked.model_validate_json(row["booked"]) if row["booked"] else None,
            Tracked.model_validate_json(row["tracked"]) if row["tracked"] else None,
            row["entries"],
            row["version"],
            tuple(row)[5:],
        )
        for row in await tx.fetch(LOCK_ACCOUNTS, names)
    }


async def balances_of(
    tx: Transaction, references: Sequence[str]
) -> Mapping[str, Mapping[Key, Mapping[str, int]]]:
    """What stands in the books of these bookings."""
    found: defaultdict[str, defaultdict[Key, dict[str, int]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    for reference, kind, evidence, account, vnd in await tx.fetch(READ_BALANCES, references):
        found[reference][kind, evidence][account] = vnd
    return found


async def store_accounts(tx: Transaction, rows: Sequence[tuple[Any, ...]]) -> None:
    """Keep accounts, in the order of the columns of STORE_ACCOUNTS."""
    if rows:
        await tx.execute(STORE_ACCOUNTS, *columns(rows))


async def write_entries(
    tx: Transaction, entries: Sequence[tuple[str, int, Entry]], now: datetime
) -> None:
    """Append to the books: reference, number and entry."""
    rows = [
        (reference, number, account, vnd, entry.kind, entry.evidence, entry.at, now)
        for reference, number, entry in entries
        for account, vnd in entry.postings
    ]
    if rows:
        await tx.copy_records_to_table("entries", schema_name="cod", records=rows)
