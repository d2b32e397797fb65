"""A worker process of the toy bank: `python -m tests.runtime_process DATABASE KAFKA PREFIX PAUSE_S`.

Says `batch` on standard output when a batch is in hand.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import uvloop

from services.logs import configure_logs
from services.store.pool import open_pool
from streams.app import Cluster
from streams.worker import Worker, WorkerOptions
from tests.runtime_toys import Ledger, a_bank

if TYPE_CHECKING:
    from streams.runtime.stage import Transaction


async def main(database: str, kafka: str, prefix: str, pause_s: float) -> None:
    async def slowly(tx: Transaction, entries: int) -> None:
        del tx, entries
        print("batch", flush=True)
        await asyncio.sleep(pause_s)

    bank = a_bank(prefix)
    pool = await open_pool(database, application_name="toy-worker")
    options = WorkerOptions(Cluster(kafka, group=prefix))
    await Worker([Ledger(bank, pause=slowly)], pool, options, bank.catalogue).run()
    await pool.close()


if __name__ == "__main__":
    configure_logs("toy-worker", "warning")
    database, kafka, prefix, pause_s = sys.argv[1:]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(database, kafka, prefix, float(pause_s)))
