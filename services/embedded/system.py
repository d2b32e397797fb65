"""The whole system on one machine: servers, database, topics and processes, up and down."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import shutil
import signal
from typing import TYPE_CHECKING, Final

from schemas.catalogue import TOPICS
from services.embedded.kafka import EmbeddedKafka, require_java
from services.embedded.postgres import EmbeddedPostgres, create_database
from services.embedded.process import Place, Process, require_free_port
from services.errors import OperatorError
from services.kafka.admin import ensure_topics
from services.store.master_key import master_key
from services.store.migrate import migrate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from services.settings import Settings

MIB: Final = 1024 * 1024
SERVERS: Final = frozenset({"postgres", "kafka"})


class System:
    """What runs under one data folder. `say` is told each step, a line at a time.

    Whatever `up` started is stopped again when a later step fails or a signal comes.
    """

    def __init__(
        self, settings: Settings, processes: Sequence[Process], say: Callable[[str], object]
    ) -> None:
        self.settings = settings
        self.processes = processes
        self.say = say
        self.place = Place(settings.data_dir)
        self.started: list[str] = []
        self.postgres = EmbeddedPostgres(
            settings.data_dir / "postgres", max_connections=settings.postgres_max_connections
        )
        self.kafka = EmbeddedKafka(
            settings.data_dir / "kafka",
            settings.kafka_port,
            settings.kafka_port + 1,
            heap_mib=settings.kafka_heap_mib,
        )

    def up(self) -> None:
        """Start everything that does not run yet, and return when all of it is ready."""
        with self._alone(), self._undone_on_failure():
            self._require_prerequisites()
            self._servers()
            self._prepare()
            for process in self.processes:
                self._start(process)
            for process in self.processes:
                self.say(f"waiting for {process.name}")
                self.place.wait(process)

    def servers_up(self) -> None:
        """Start the servers alone, with a migrated database and all topics."""
        with self._alone(), self._undone_on_failure():
            self._servers()
            self._prepare()

    def down(self) -> None:
        """Stop everything, the last started first, the servers at the end."""
        with self._alone():
            self._stop(self.place.known())

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Up inside, and what it started down afterwards, whatever happens."""
        with ended_by_signals():
            try:
                self.up()
                yield
            finally:
                self._stop(self.started)

    def erase(self) -> None:
        """Delete the embedded servers' data and the logs; the key of buyers' data stays."""
        for name in ("kafka", "postgres", "log"):
            shutil.rmtree(self.settings.data_dir / name, ignore_errors=True)
        self.say("data erased")

    def _require_prerequisites(self) -> None:
        """Miss what is missing before anything is started: disk, Java, a port."""
        require_disk(self.settings)
        if self.settings.embedded_kafka:
            require_java()
        for process in self.processes:
            if self.place.find(process.name) is None:
                for setting, port in process.ports.items():
                    require_free_port(port, process.name, setting)

    def _servers(self) -> None:
        require_disk(self.settings)
        servers: list[Process] = []
        if self.settings.embedded_postgres:
            self.postgres.prepare(self.place)
            servers.append(self._start(self.postgres.process()))
        if self.settings.embedded_kafka:
            self.kafka.prepare()
            servers.append(self._start(self.kafka.process()))
        for server in servers:
            self.place.wait(server)

    def _prepare(self) -> None:
        settings = self.settings
        master_key(settings)
        if settings.embedded_postgres:
            asyncio.run(create_database(settings.database))
        applied = asyncio.run(migrate(settings.database, settings.migrations_dir))
        made = asyncio.run(ensure_topics(settings.kafka, TOPICS, settings.durability))
        self.say(f"{len(applied)} migrations applied, {len(made)} topics created")

    def _start(self, process: Process) -> Process:
        if self.place.find(process.name) is None:
            self.say(f"starting {process.name}")
            self.place.start(process)
            self.started.append(process.name)
        return process

    def _stop(self, names: Sequence[str]) -> None:
        signals = {"postgres": self.postgres.process().stop_signal}
        newest_first = list(reversed(names))
        order = [name for name in newest_first if name not in SERVERS]
        for name in (*order, *(name for name in newest_first if name in SERVERS)):
            if self.place.stop(name, signals.get(name, signal.SIGTERM)):
                self.say(f"stopped {name}")

    @contextlib.contextmanager
    def _undone_on_failure(self) -> Iterator[None]:
        with ended_by_signals():
            try:
                yield
            except BaseException:
                self._stop(self.started)
                raise

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        folder = self.settings.data_dir / "run"
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise OperatorError(
                    "Another ocop is starting or stopping this system: wait for it to end."
                ) from error
            yield


@contextlib.contextmanager
def ended_by_signals() -> Iterator[None]:
    """Turn SIGTERM into SystemExit inside, so that what was started is stopped."""

    def leave(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def require_disk(settings: Settings) -> None:
    """Raise OperatorError unless the data folder has the room we insist on."""
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(settings.data_dir).free // MIB
    except OSError as error:
        raise OperatorError(
            f"The data folder cannot be used: {error}. Choose another with OCOP_DATA_DIR."
        ) from error
    if free < settings.min_free_mib:
        raise OperatorError(
            f"The disk is full: {free} MiB are free in {settings.data_dir}, "
            f"{settings.min_free_mib} are needed. Make room, or set OCOP_DATA_DIR."
        )
