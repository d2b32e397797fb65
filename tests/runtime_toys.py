"""A small bank for tests of the runtime: two topics about one account, one table of truth.

`Paid` and `Drawn` move an account's balance; the stage `ledger` notes each entry once and says
`BalanceChanged` with the account's version. An entry can be told to misbehave by its id.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from schemas.event import Event, next_version
from schemas.topics import Topic
from streams.runtime.stage import Batch, Handled, Output

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from services.store.pool import Pool
    from streams.runtime.stage import Message, Transaction

PARTITIONS = 4
START = "2026-10-01T00:00:00Z"

TABLES = """
    CREATE SCHEMA toy;
    CREATE TABLE toy.entries (id text PRIMARY KEY, account text NOT NULL, amount bigint NOT NULL);
    CREATE TABLE toy.accounts (
        account text PRIMARY KEY,
        balance bigint NOT NULL DEFAULT 0,
        version bigint NOT NULL DEFAULT 0
    );
"""
NOTE_ENTRIES = """
    INSERT INTO toy.entries (id, account, amount)
    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[]) ON CONFLICT DO NOTHING
    RETURNING id
"""
MAKE_ACCOUNTS = """
    INSERT INTO toy.accounts (account) SELECT DISTINCT unnest($1::text[]) ORDER BY 1
    ON CONFLICT DO NOTHING
"""
LOCK_ACCOUNTS = """
    SELECT account, balance, version FROM toy.accounts WHERE account = ANY ($1::text[])
     ORDER BY account FOR UPDATE
"""
SET_ACCOUNTS = """
    UPDATE toy.accounts a SET balance = n.balance, version = n.version
      FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS n (account, balance, version)
     WHERE a.account = n.account
"""


class Entry(Event):
    """Something that moves an account."""

    id: str
    account: str
    amount: int

    @property
    def key(self) -> str:
        return self.account

    @property
    def entity(self) -> str:
        return self.id

    @property
    def change(self) -> int:
        return self.amount


class Paid(Entry):
    topic_name: ClassVar[str] = "toy.paid.v1"


class Drawn(Entry):
    topic_name: ClassVar[str] = "toy.drawn.v1"

    @property
    def change(self) -> int:
        return -self.amount


class BalanceChanged(Event):
    topic_name: ClassVar[str] = "toy.balance_changed.v1"

    account: str
    balance: int
    padding: str = ""

    @property
    def key(self) -> str:
        return self.account

    @property
    def entity(self) -> str:
        return self.account


@dataclass(frozen=True, slots=True)
class Bank:
    """The toy's topics, each name led by `prefix`; `catalogue` knows them by their events' names.

    Events carry fixed topic names, so the prefix is put on by giving each bank its own classes.
    """

    paid: Topic
    drawn: Topic
    changed: Topic

    @property
    def catalogue(self) -> dict[str, Topic]:
        return {topic.name: topic for topic in (self.paid, self.drawn, self.changed)}


def a_bank(prefix: str = "", partitions: int = PARTITIONS) -> Bank:
    def topic(model: type[Event]) -> Topic:
        name = prefix + model.topic_name
        own = type(model.__name__, (model,), {"topic_name": name, "__module__": __name__})
        return Topic(name, "account", own, "toy", partitions=partitions)

    return Bank(topic(Paid), topic(Drawn), topic(BalanceChanged))


async def nothing(tx: Transaction, entries: int) -> None:
    """What a well-behaved ledger does between its reads and its writes."""


@dataclass
class Ledger:
    """The stage. `handled` counts calls; an entry whose id is in a set below misbehaves."""

    bank: Bank
    name: str = "ledger"
    poisonous: set[str] = field(default_factory=set)
    swollen: set[str] = field(default_factory=set)
    pause: Callable[[Transaction, int], Awaitable[None]] = nothing
    batches: list[int] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)

    @property
    def inputs(self) -> tuple[Topic, ...]:
        return (self.bank.paid, self.bank.drawn)

    async def handle(self, batch: Batch, tx: Transaction) -> Handled:
        entries = [entry_of(message) for message in batch.messages]
        self.batches.append(len(entries))
        self.seen.update(entry.id for entry in entries)
        for entry in entries:
            if entry.id in self.poisonous:
                raise ValueError(f"cannot stomach {entry.id} of somebody@example.com")
        rows = await tx.fetch(
            NOTE_ENTRIES,
            [entry.id for entry in entries],
            [entry.account for entry in entries],
            [entry.change for entry in entries],
        )
        new = {row["id"] for row in rows}
        fresh = []
        for message, entry in zip(batch.messages, entries, strict=True):
            if entry.id in new:
                new.discard(entry.id)
                fresh.append((message, entry))
        await self.pause(tx, len(entries))
        outputs = await self._apply(fresh, batch, tx)
        return Handled(outputs=outputs, duplicate=len(entries) - len(fresh))

    async def _apply(
        self, fresh: list[tuple[Message, Entry]], batch: Batch, tx: Transaction
    ) -> list[Output]:
        accounts = [entry.account for _, entry in fresh]
        await tx.execute(MAKE_ACCOUNTS, accounts)
        state = {
            row["account"]: (row["balance"], row["version"])
            for row in await tx.fetch(LOCK_ACCOUNTS, accounts)
        }
        outputs = []
        for message, entry in fresh:
            balance, version = state[entry.account]
            state[entry.account] = (balance + entry.change, next_version(version, batch.era))
            outputs.append(Output(self._changed(entry, *state[entry.account]), message.record))
        await tx.execute(
            SET_ACCOUNTS,
            list(state),
            [balance for balance, _ in state.values()],
            [version for _, version in state.values()],
        )
        return outputs

    def _changed(self, entry: Entry, balance: int, version: int) -> Event:
        assert self.bank.changed.event is not None
        return self.bank.changed.event.model_validate(
            {
                "version": version,
                "occurred_at": entry.occurred_at,
                "account": entry.account,
                "balance": balance,
                "padding": "x" * 1_000_000 if entry.id in self.swollen else "",
            }
        )


def entry_of(message: Message) -> Entry:
    assert isinstance(message.event, Entry)
    return message.event


def an_entry(topic: Topic, entry_id: str, account: str = "an-1", amount: int = 1) -> Event:
    assert topic.event is not None
    values = {"version": 1, "occurred_at": START, "id": entry_id, "account": account}
    return topic.event.model_validate(values | {"amount": amount})


async def balances(pool: Pool) -> dict[str, tuple[int, int]]:
    """Account to (balance, version)."""
    rows = await pool.fetch("SELECT account, balance, version FROM toy.accounts")
    return {row["account"]: (row["balance"], row["version"]) for row in rows}


async def books_balance(pool: Pool, stage: str = "ledger") -> bool:
    """DESIGN, promise 2: every offset passed is accounted for."""
    rows = await pool.fetch(
        """
        SELECT applied + duplicate + parked + dead + holes AS counted,
               (SELECT sum((o.value->>'next_offset')::bigint - (o.value->>'first_offset')::bigint)
                  FROM jsonb_each(offsets) o) AS passed
          FROM runtime.checkpoints WHERE stage = $1
        """,
        stage,
    )
    return bool(rows) and all(row["counted"] == row["passed"] for row in rows)
