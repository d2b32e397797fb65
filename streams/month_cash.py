"""The end of the sample month: the carriers' statements come in, and sellers are paid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp

from services.carriers.directory import INTERFACES
from services.settlement.columns import NEUTRAL
from services.settlement.file import Import, read_statement
from services.store.pool import READER_SESSION, open_pool
from streams.runtime.publisher import KafkaPublisher
from streams.settling import Imported, Wish, import_statement, pay_all

if TYPE_CHECKING:
    from rich.console import Console

    from services.settings import Settings
    from services.store.pool import Pool
    from streams.runtime.ports import Publisher

BY = "ops:sample-month"


async def settle_month(settings: Settings, console: Console) -> None:
    """Import every carrier's statement and confirm the payout of all that is reconciled."""
    pool = await open_pool(
        settings.database, application_name="ocop-month", size=2, session=READER_SESSION
    )
    publisher = KafkaPublisher(settings.kafka, "ocop-month")
    try:
        for name, url in settings.carrier_urls.items():
            carrier = next(row.carrier for row in INTERFACES if row.name == name)
            imported = await import_of(pool, publisher, carrier, url)
            if imported.rows:
                console.print(f"statement of {name}: {words(imported)}", highlight=False)
        async with pool.acquire() as db:
            wish = Wish("pay", BY, "the month's payout")
            count, vnd = await pay_all(db, publisher, None, wish)
        console.print(f"paid out: {vnd:,} VND for {count:,} parcels", highlight=False)
    finally:
        await publisher.close()
        await pool.close()


async def import_of(pool: Pool, publisher: Publisher, carrier: str, url: str) -> Imported:
    """A carrier's statement, fetched from its double as ops would download it."""
    async with aiohttp.ClientSession() as session, session.get(f"{url}/admin/statement") as answer:
        answer.raise_for_status()
        raw = await answer.read()
    statement = read_statement(raw, Import(carrier, NEUTRAL, BY))
    return await import_statement(pool, publisher, carrier, statement)


def words(imported: Imported) -> str:
    """What became of a statement, in one line."""
    states = ", ".join(f"{count} {state}" for state, count in sorted(imported.outcomes.items()))
    noted = ", ".join(f"{count} {name}" for name, count in sorted(imported.noted.items()))
    return f"{imported.rows} rows: {states}" + (f"; {noted}" if noted else "")
