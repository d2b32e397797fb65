"""Where a measurement takes place: servers of its own on free ports, and our processes on them."""

from __future__ import annotations

import base64
import secrets
import shutil
import socket
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson
from pydantic import SecretStr

from services.bench.usage import Usage, family_cpu_s
from services.embedded.process import Answers, Process, free_port
from services.embedded.system import System
from services.errors import OperatorError
from services.settings import Settings
from services.store.pool import READER_SESSION, open_pool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import psutil

    from services.bench.progress import Bars
    from services.store.pool import Pool

Ocop: TypeAlias = "Callable[..., tuple[str, ...]]"
"""Makes a command line of ours: `ocop("worker", "tracking")`."""


class Ended(OperatorError):
    """A process that was to stay is gone."""


class Standstill(OperatorError):
    """Nothing has moved for long although there is work."""


@dataclass(slots=True)
class Ground:
    """Servers that are up, and the processes that were started on them.

    `peak_mb`: the largest resident memory seen of each process of ours.
    """

    settings: Settings
    system: System
    ocop: Ocop
    master_key: bytes
    bars: Bars
    peak_mb: dict[str, float] = field(default_factory=dict)
    running: dict[str, psutil.Process] = field(default_factory=dict)

    @property
    def kafka(self) -> str:
        """Bootstrap servers."""
        return self.settings.kafka

    @property
    def environment(self) -> Mapping[str, str]:
        """What makes a process of ours use these servers and no others."""
        return {
            "OCOP_DATA_DIR": str(self.settings.data_dir),
            "OCOP_GATEWAY_PORT": str(self.settings.gateway_port),
            "OCOP_MASTER_KEY": base64.b64encode(self.master_key).decode(),
            "KAFKA_BOOTSTRAP_SERVERS": self.settings.kafka,
            "DATABASE_URL": self.settings.database,
        }

    def start_worker(self, name: str, *stages: str) -> Usage:
        """Start a worker of these stages; returns once it has its partitions."""
        return self.start_with_probe(name, self.ocop("worker", *stages))

    def start_gateway(self) -> Usage:
        """Start the gateway on its port."""
        url = f"{self.settings.gateway}/readyz"
        return self.start(Process("gateway", self.ocop("gateway"), ready=Answers(url)))

    def start_jobs(self) -> Usage:
        """Start a job runner whose carriers are in its own process."""
        return self.start_with_probe("jobs", own_module("services.bench.carriers"))

    def start_peer(self, name: str, module: str, *words: str, **told: str) -> Usage:
        """Start a peer of the bench; it hears `told` as environment variables BENCH_…"""
        env = {f"BENCH_{key.upper()}": value for key, value in told.items()}
        return self.start(Process(name, own_module(module, *words), env=env))

    def start_with_probe(self, name: str, argv: tuple[str, ...]) -> Usage:
        """Start a process that says on a port of its own whether it is ready."""
        port = free_port()
        ready = Answers(f"http://127.0.0.1:{port}/readyz")
        return self.start(Process(name, argv, ready, env={"OCOP_METRICS_PORT": str(port)}))

    def start(self, process: Process) -> Usage:
        """Start it and wait until it is ready. Raises OperatorError if it does not come up."""
        own = Process(
            process.name,
            process.argv,
            process.ready,
            env={**self.environment, **process.env},
            tied=True,
        )
        found = self.running[process.name] = self.system.place.start(own)
        self.system.place.wait(own)
        return Usage(process.name, found)

    def stop(self, name: str) -> None:
        """Stop a process of ours; it finishes what it has in hand."""
        self.look()
        del self.running[name]
        self.system.place.stop(name)

    def require_running(self) -> None:
        """Raise Ended if a process of ours has ended by itself."""
        for name in self.running:
            if self.system.place.find(name) is None:
                raise Ended(f"{name} has ended: {self.system.place.last_words(name)}")

    def heard(self, name: str) -> list[dict[str, Any]]:
        """What a peer has said so far: every whole line of JSON it printed."""
        text = self.system.place.log(name).read_bytes()
        lines = text[: text.rfind(b"\n") + 1].splitlines()
        return [orjson.loads(line) for line in lines if line.startswith(b"{")]

    def look(self) -> None:
        """Note how much memory every process of ours holds now."""
        for name, process in self.running.items():
            if process.is_running():
                held = Usage(name, process).rss_mb()
                self.peak_mb[name] = max(held, self.peak_mb.get(name, 0.0))

    def database_cpu_s(self) -> float:
        """CPU seconds of PostgreSQL so far, all its processes."""
        return family_cpu_s(self._server("postgres"))

    def broker_cpu_s(self) -> float:
        """CPU seconds of the broker so far."""
        return family_cpu_s(self._server("kafka"))

    def _server(self, name: str) -> psutil.Process:
        found = self.system.place.find(name)
        if found is None:
            raise Ended(f"{name} has ended: {self.system.place.last_words(name)}")
        return found

    async def connect(self, **session: str) -> Pool:
        """Two connections of the bench itself."""
        return await open_pool(
            self.settings.database,
            application_name="bench",
            size=2,
            session={**READER_SESSION, **session},
        )


@contextmanager
def ground(folder: Path, ocop: Ocop, bars: Bars) -> Iterator[Ground]:
    """Fresh servers with a migrated database and all topics; all of it is gone afterwards.

    They write to disk exactly as those of `ocop up` do.
    """
    folder.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="bench-", dir=folder))
    key = secrets.token_bytes(32)
    settings = Settings(
        kafka_bootstrap_servers=None,
        database_url=None,
        data_dir=home,
        kafka_port=free_pair(),
        gateway_port=free_port(),
        gateway_url=None,
        master_key=SecretStr(base64.b64encode(key).decode()),
        min_free_mib=4096,
    )
    system = System(settings, (), lambda _step: None)
    try:
        system.servers_up()
        yield Ground(settings, system, ocop, key, bars)
    finally:
        system.down()
        shutil.rmtree(home, ignore_errors=True)


def own_module(module: str, *words: str) -> tuple[str, ...]:
    """A module of ours as a command."""
    return (sys.executable, "-m", module, *words)


def free_pair() -> int:
    """A port that nobody uses, and neither the next one: the broker's and its controller's."""
    while True:
        first = free_port()
        with socket.socket() as second:
            try:
                second.bind(("127.0.0.1", first + 1))
            except OSError:
                continue
            return first
