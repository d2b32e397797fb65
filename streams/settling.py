"""Statements and decisions into the flow: what `ocop settle`, `ocop cod` and the demo send."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from schemas.catalogue import TOPICS_BY_NAME
from schemas.cod import CodDecided
from services.errors import OperatorError
from services.store import cod as ledger
from streams.runtime.outgoing import outgoing
from streams.runtime.stage import Output

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from schemas.cod import DecisionKind, Outcome, SettlementReceived
    from schemas.event import Event
    from services.settlement.file import Statement
    from services.store.pool import Connection, Pool
    from streams.runtime.ports import Publisher

SOURCE: Final = "settling"
WAIT_S: Final = 20.0
POLL_S: Final = 0.25
CONTENT: Final = (
    *("tracking_no", "reference", "cod_vnd", "fee_vnd", "fee_kind", "net_vnd"),
    *("transferred_on", "paid_to"),
)
"""What makes two lines of one number the same line."""
MAY_FOLLOW: Final[Mapping[str, frozenset[str]]] = {
    "dispute": frozenset({"collected", "remitted", "short", "paid_out"}),
    "settle": frozenset({"disputed"}),
    "restate": frozenset({"expected", "collected", "remitted", "short", "reconciled"}),
    "pay": frozenset({"reconciled"}),
}
"""The states in which a decision has an effect."""


@dataclass(slots=True)
class Imported:
    """What became of a file: rows, lines sent, lines known before, and where the lines belong.

    `outcomes` counts lines by the state of their booking; `noted` by its exceptions.
    """

    rows: int = 0
    sent: int = 0
    known: int = 0
    errors: list[str] = field(default_factory=list)
    pending: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    noted: Counter[str] = field(default_factory=Counter)

    def document(self) -> dict[str, Any]:
        """For a script."""
        return {
            "rows": self.rows,
            "sent": self.sent,
            "known": self.known,
            "pending": self.pending,
            "errors": self.errors,
            "outcomes": dict(self.outcomes),
            "exceptions": dict(self.noted),
        }


async def send(publisher: Publisher, events: Iterable[Event]) -> None:
    """Publish events as records of their topics; returns once they are durable."""
    records = [outgoing(Output(event), SOURCE, TOPICS_BY_NAME) for event in events]
    if records:
        await publisher.publish(records)


async def import_statement(
    pool: Pool, publisher: Publisher, carrier: str, statement: Statement, wait_s: float = WAIT_S
) -> Imported:
    """Send the lines nobody has sent before, and see what becomes of all of them."""
    imported = Imported(statement.rows, errors=[str(error) for error in statement.errors])
    statements = sorted({line.statement_no for line in statement.lines})
    async with pool.acquire() as db:
        there = await ledger.known_lines(db, carrier, statements)
    new = []
    for line in statement.lines:
        stored = there.get(line.entity)
        if stored is None:
            new.append(line)
        elif all(stored[name] == getattr(line, name) for name in CONTENT):
            imported.known += 1
        else:
            imported.errors.append(
                f"{line.statement_no} line {line.line_no}: imported before with other content;"
                " a correction needs a line of its own"
            )
    await send(publisher, new)
    imported.sent = len(new)
    await _look(pool, carrier, statement.lines, imported, wait_s)
    return imported


async def _look(
    pool: Pool, carrier: str, lines: Sequence[SettlementReceived], imported: Imported, wait_s: float
) -> None:
    statements = sorted({line.statement_no for line in lines})
    until = time.monotonic() + wait_s
    while True:
        async with pool.acquire() as db:
            there = await ledger.known_lines(db, carrier, statements)
        imported.pending = sum(line.entity not in there for line in lines)
        if not imported.pending or time.monotonic() > until:
            break
        await asyncio.sleep(POLL_S)
    for line in lines:
        found = there.get(line.entity)
        if found is not None:
            imported.outcomes[found["state"] or "unmatched"] += 1
            imported.noted.update(found["exceptions"] or ())


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody decided, and why."""

    kind: DecisionKind
    by: str
    why: str
    outcome: Outcome | None = None
    vnd: int | None = None


async def decide(db: Connection, publisher: Publisher, parcel_id: str, wish: Wish) -> CodDecided:
    """Send a decision about a parcel's cash. Raises OperatorError where it would have no effect."""
    accounts = await ledger.read(db, ledger.OF_PARCEL, parcel_id)
    if not accounts:
        raise OperatorError(f"The ledger has no parcel {parcel_id}.")
    account = accounts[0]
    if account["state"] not in MAY_FOLLOW[wish.kind]:
        possible = ", ".join(sorted(MAY_FOLLOW[wish.kind]))
        raise OperatorError(
            f"The cash of {parcel_id} is {account['state']}; `{wish.kind}` needs {possible}."
        )
    decided = decision(account, wish, await _amount(db, account, wish))
    await send(publisher, [decided])
    return decided


async def _amount(db: Connection, account: Mapping[str, Any], wish: Wish) -> int:
    """The amount that was said; for a payout else what was received for the parcel."""
    if wish.vnd is not None or wish.kind != "pay":
        return wish.vnd or 0
    found = await ledger.read(db, ledger.TO_PAY, None, account["parcel_id"])
    return int(found[0]["vnd"]) if found else 0


def decision(account: Mapping[str, Any], wish: Wish, vnd: int) -> CodDecided:
    """The record of a decision."""
    return CodDecided(
        version=1,
        occurred_at=datetime.now(UTC),
        order_id=account["order_id"],
        decision_id=str(uuid.uuid4()),
        parcel_id=account["parcel_id"],
        reference=account["reference"],
        kind=wish.kind,
        outcome=wish.outcome,
        vnd=vnd,
        by=wish.by,
        why=wish.why,
    )


async def pay_all(
    db: Connection, publisher: Publisher, carrier: str | None, wish: Wish
) -> tuple[int, int]:
    """Confirm the payout of everything reconciled. Gives how many bookings, and how much."""
    found = await ledger.read(db, ledger.TO_PAY, carrier, None)
    await send(publisher, [decision(row, wish, row["vnd"]) for row in found])
    return len(found), sum(row["vnd"] for row in found)
