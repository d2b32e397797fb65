"""What the runtime's tests put around a settler: a log, publishers that fail, a cruel network."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from streams.runtime.batches import decoded_run
from streams.runtime.dead_share import DeadShare
from streams.runtime.failures import PublishFailed
from streams.runtime.memory_log import MemoryLog
from streams.runtime.outgoing import Outgoing
from streams.runtime.settle import Settler, World

if TYPE_CHECKING:
    import random
    from collections.abc import AsyncIterator, Callable, Iterable, Sequence

    from schemas.event import Event
    from services.store.pool import Pool
    from streams.runtime.batches import Run
    from tests.runtime_toys import Bank, Ledger


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Press:
    """A publisher onto a memory log that can be told to fail, before or after it appended."""

    log: MemoryLog
    fails_before: Callable[[], bool] = lambda: False
    fails_after: Callable[[], bool] = lambda: False
    calls: int = 0

    async def publish(self, records: Sequence[Outgoing]) -> None:
        self.calls += 1
        await asyncio.sleep(0)
        if records and self.fails_before():
            raise PublishFailed("told to")
        for record in records:
            self.log.append(record)
            await asyncio.sleep(0)
        if records and self.fails_after():
            raise PublishFailed("told to")


@dataclass
class Town:
    """A bank, its log, and any number of workers on it."""

    bank: Bank
    pool: Pool
    log: MemoryLog = field(init=False)
    press: Press = field(init=False)

    def __post_init__(self) -> None:
        self.log = MemoryLog(self.bank.catalogue, now)
        self.press = Press(self.log)

    def settler(
        self,
        ledger: Ledger,
        partition: int = 0,
        *,
        pool: Pool | None = None,
        kind: type[Settler] = Settler,
        dead_share: DeadShare | None = None,
    ) -> Settler:
        world = World(pool or self.pool, self.press, now, self.bank.catalogue)
        return kind(ledger, partition, world, dead_share or DeadShare(limit=1.0))

    def append(self, *events: Event, partition: int = 0) -> None:
        for event in events:
            value = event.model_dump_json().encode()
            self.log.append(Outgoing(event.topic_name, event.key.encode(), value, (), partition))

    def append_raw(self, topic: str, *values: bytes, partition: int = 0) -> None:
        for value in values:
            self.log.append(Outgoing(topic, b"an-1", value, (), partition))

    def runs(
        self, start: int = 0, end: int = 10_000, partition: int = 0, topics: Iterable[str] = ()
    ) -> list[Run]:
        """Offsets start to end of each topic, as one fetch each."""
        runs = []
        for topic in topics or (self.bank.paid.name, self.bank.drawn.name):
            records = self.log.read(topic, partition, start, end - start)
            if records:
                runs.append(decoded_run(records, self.bank.catalogue[topic]))
        return runs

    def published(self) -> list[tuple[str, int]]:
        """(account, version) of every balance change in the log, in order."""
        model = self.bank.changed.event
        assert model is not None
        events = [
            model.model_validate_json(record.value or b"")
            for record in self.log.records(self.bank.changed.name)
        ]
        return [(event.entity, event.version) for event in events]


class CruelNetwork:
    """Stands between asyncpg and PostgreSQL and may drop the answer to a COMMIT.

    The COMMIT itself arrives and is carried out; then the client's connection is cut.
    """

    def __init__(self, database: str, folder: Path, drops: Callable[[], bool]) -> None:
        self._server = socket_of(database)
        self._folder = folder
        self._drops = drops
        self._open: set[asyncio.Task[object]] = set()
        self.dropped = 0
        self.url = database.replace(str(self._server.parent), str(folder))

    @contextlib.asynccontextmanager
    async def between(self) -> AsyncIterator[str]:
        server = await asyncio.start_unix_server(
            self._pass_on, str(self._folder / self._server.name)
        )
        try:
            yield self.url
        finally:
            server.close()
            for task in self._open:
                task.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)

    async def _pass_on(
        self, client_in: asyncio.StreamReader, client_out: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        server_in, server_out = await asyncio.open_unix_connection(str(self._server))
        link = _Link(self._drops)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(link.forth(client_in, server_out))
                group.create_task(link.back(server_in, client_out))
        except* (OSError, asyncio.CancelledError, asyncio.IncompleteReadError):
            pass
        finally:
            self.dropped += link.dropped
            for writer in (client_out, server_out):
                writer.close()
                with contextlib.suppress(OSError, asyncio.CancelledError):
                    await writer.wait_closed()
            self._open.discard(task)


class _Link:
    """One connection through the network."""

    def __init__(self, drops: Callable[[], bool]) -> None:
        self._drops = drops
        self._committing = False
        self.dropped = 0

    async def forth(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            self._committing = self._committing or (b"COMMIT" in data and self._drops())
            target.write(data)
        raise ConnectionResetError

    async def back(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            if self._committing and b"COMMIT\x00" in data:
                self.dropped += 1
                raise ConnectionResetError
            target.write(data)
        raise ConnectionResetError


def socket_of(database: str) -> Path:
    """The unix socket of a URL like postgresql://user@/name?host=/folder."""
    (folder,) = parse_qs(urlsplit(database).query)["host"]
    return Path(folder) / ".s.PGSQL.5432"


def sometimes(chance: random.Random, share: float) -> Callable[[], bool]:
    return lambda: chance.random() < share


def once() -> Callable[[], bool]:
    """True the first time it is asked."""
    left = [True]

    def ask() -> bool:
        answer, left[0] = left[0], False
        return answer

    return ask
