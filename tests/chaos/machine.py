"""The whole system in a folder and on ports of its own, with two processes of everything."""

from __future__ import annotations

import contextlib
import random
import signal
import socket
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import psutil

from services.embedded.system import SERVERS
from services.errors import OperatorError
from services.settings import Settings
from streams.processes import gateway, jobs, sandboxes, with_metrics, workers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from services.embedded.process import Process
    from services.embedded.system import System
    from tests.chaos.blows import Blow

PORTS: Final = range(20_000, 32_000)
"""Below those the kernel gives to outgoing connections: a killed process finds its port free."""
TICK_S: Final = 0.1


def own_ports(count: int) -> list[int]:
    """So many ports in a row that nobody uses now."""
    while True:
        first = random.SystemRandom().choice(PORTS)
        wanted = list(range(first, first + count))
        if all(is_free(port) for port in wanted):
            return wanted


def is_free(port: int) -> bool:
    """Whether nobody listens there."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def environment(home: Path, seed: int = 1) -> dict[str, str]:
    """What makes every `ocop` of this machine use its own folder, broker, database and ports.

    The carriers are as unruly as they can be: everything told twice, late, out of order or in
    unknown codes more often than usual, parcels cancelled by them. They all repeat a
    webhook for a minute, which is longer than a broker takes to come up (in truth GHTK repeats
    once: what it told nobody, nobody can know).
    """
    usual = Settings()
    peers = [f"CARRIER_{name.upper()}" for name in usual.carrier_urls]
    peers += [f"CHANNEL_{name.upper()}" for name in usual.channel_urls]
    kafka, _controller, gateway_port, *others = own_ports(3 + len(peers))
    return {
        "OCOP_DATA_DIR": str(home),
        "OCOP_KAFKA_PORT": str(kafka),
        "OCOP_GATEWAY_PORT": str(gateway_port),
        **{
            f"OCOP_{peer}_URL": f"http://127.0.0.1:{port}"
            for peer, port in zip(peers, others, strict=True)
        },
        "OCOP_SANDBOX_SEED": str(seed),
        "OCOP_SANDBOX_MISCHIEF": "3",
        "OCOP_SANDBOX_LIVES": "1.5",
        "OCOP_SANDBOX_CARRIER_CANCELS": "0.01",
        "OCOP_SANDBOX_WEBHOOK_RETRY_S": "2",
        "OCOP_SANDBOX_WEBHOOK_RETRIES": "5",
    }


def two_of_everything(settings: Settings) -> tuple[Process, ...]:
    """Both carriers and one gateway; two job runners, and two workers for each group of stages."""
    originals = (jobs(settings), *workers(settings))
    ports = own_ports(2 * len(originals))
    twins = [
        replace(twin, env={**process.env, **twin.env})
        for process in originals
        for twin in (
            with_metrics(f"{process.name}-{number}", process.argv, ports.pop()) for number in (1, 2)
        )
    ]
    return (*sandboxes(settings), gateway(settings), *twins)


def groups(table: Iterable[Process]) -> dict[str, tuple[str, ...]]:
    """Names of the processes that may be killed, by what they do."""
    found: dict[str, tuple[str, ...]] = {}
    for process in table:
        work = process.name.rstrip("-12")
        if not work.startswith("sandbox"):
            found[work] = (*found.get(work, ()), process.name)
    return found


@dataclass(slots=True)
class Supervisor:
    """Strikes as planned, and starts again whatever does not run, as a supervisor would.

    What was struck stays away for its time. While a server is away or still coming up the plan is
    held: a worker without a broker is not worth a blow.
    """

    system: System
    blows: Sequence[Blow]
    kills: list[str] = field(default_factory=list)
    found_dead: list[str] = field(default_factory=list)
    """Processes that ended without being struck."""
    _away: dict[str, float] = field(default_factory=dict)
    _frozen: dict[str, tuple[float, psutil.Process]] = field(default_factory=dict)
    _coming_up: dict[str, Process] = field(default_factory=dict)
    _done: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Work until `finish`; a thread's whole life."""
        coming = list(self.blows)
        elapsed_s, before = 0.0, time.monotonic()
        while not self._done.wait(TICK_S):
            now = time.monotonic()
            if self._servers_up():
                elapsed_s += now - before
            before = now
            while coming and elapsed_s >= coming[0].at_s:
                self._strike(coming.pop(0))
            self._thaw(now)
            self._revive()
        self._thaw(float("inf"))

    def finish(self) -> None:
        """End `run`."""
        self._done.set()

    def _servers_up(self) -> bool:
        ready = [name for name, one in self._coming_up.items() if one.ready and one.ready()]
        for name in ready:
            del self._coming_up[name]
        return not self._coming_up and not SERVERS & self._away.keys()

    def _strike(self, blow: Blow) -> None:
        until = time.monotonic() + blow.away_s
        for victim in blow.victims:
            if blow.freezes:
                self._freeze(victim, until)
                continue
            if self.system.place.stop(victim, signal.SIGKILL):
                self.kills.append(victim)
            self._away[victim] = until

    def _freeze(self, victim: str, until: float) -> None:
        if process := self.system.place.find(victim):
            process.suspend()
            self._frozen[victim] = (until, process)

    def _thaw(self, now: float) -> None:
        due = [name for name, (until, _) in self._frozen.items() if until <= now]
        for name in due:
            _, process = self._frozen.pop(name)
            with contextlib.suppress(psutil.Error):  # it was killed in its sleep
                process.resume()

    def _revive(self) -> None:
        for name, process in self._processes().items():
            if self.system.place.find(name) is not None:
                continue
            until = self._away.get(name)
            if until is None:
                self.found_dead.append(name)
                self._away[name] = time.monotonic() + 1
            elif time.monotonic() >= until:
                self._start(process)

    def _start(self, process: Process) -> None:
        if process.name == "postgres":
            self.system.postgres.prepare(self.system.place)
        try:
            self.system.place.start(process)
        except OperatorError:  # its port is not free yet
            return
        self._away.pop(process.name, None)
        if process.name in SERVERS:
            self._coming_up[process.name] = process

    def _processes(self) -> Mapping[str, Process]:
        servers = (self.system.postgres.process(), self.system.kafka.process())
        return {process.name: process for process in (*servers, *self.system.processes)}
