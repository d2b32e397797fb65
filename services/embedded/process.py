"""Child processes that are found again by name: started, waited for, stopped, never orphaned."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

import orjson
import psutil

from services.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

POLL_S: Final = 0.05
TAIL_BYTES: Final = 4000


class Probe(Protocol):
    """Is it ready?"""

    def __call__(self) -> bool:
        """Never raises; answers within two seconds."""


@dataclass(frozen=True, slots=True)
class Process:
    """What to start: `name` is that of its pid and log files; `ready` None means at once.

    `env` is added to our own environment; `ports`, by the setting that chooses each, must be free.
    With `tied`, it dies when the thread that started it does.
    """

    name: str
    argv: tuple[str, ...]
    ready: Probe | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM
    patience_s: float = 60
    tied: bool = False


@dataclass(frozen=True, slots=True)
class Answers:
    """Ready when the URL answers with a 2xx."""

    url: str

    def __call__(self) -> bool:
        """Ask once."""
        try:
            with urllib.request.urlopen(self.url, timeout=2) as answer:  # noqa: S310 (our own URL)
                return bool(200 <= answer.status < 300)  # noqa: PLR2004 (the 2xx class)
        except (OSError, urllib.error.URLError, ValueError):
            return False


@dataclass(frozen=True, slots=True)
class Listens:
    """Ready when the port takes a connection."""

    port: int
    host: str = "127.0.0.1"

    def __call__(self) -> bool:
        """Try once."""
        try:
            with socket.create_connection((self.host, self.port), timeout=2):
                return True
        except OSError:
            return False


@dataclass(frozen=True, slots=True)
class Place:
    """Where the pid files and the logs of a set of processes lie."""

    root: Path

    def log(self, name: str) -> Path:
        """The log file of a process, appended to."""
        return self.root / "log" / f"{name}.log"

    def pid_file(self, name: str) -> Path:
        """Which process is the one of that name."""
        return self.root / "run" / f"{name}.json"

    def known(self) -> list[str]:
        """Names with a pid file, oldest first."""
        files = sorted((self.root / "run").glob("*.json"), key=lambda path: path.stat().st_mtime_ns)
        return [path.stem for path in files]

    def find(self, name: str) -> psutil.Process | None:
        """The running process of that name; a stale pid file, or a reused pid, is nobody."""
        try:
            noted = orjson.loads(self.pid_file(name).read_bytes())
            process = psutil.Process(noted["pid"])
            alive = (
                abs(process.create_time() - noted["created"]) < 1
                and process.status() != psutil.STATUS_ZOMBIE
            )
        except (OSError, ValueError, KeyError, psutil.Error):
            return None
        return process if alive else None

    def start(self, process: Process) -> psutil.Process:
        """Start it in a session of its own, unless it runs already.

        Raises OperatorError if a port of it is taken.
        """
        if (running := self.find(process.name)) is not None:
            return running
        for setting, port in process.ports.items():
            require_free_port(port, process.name, setting)
        self.log(process.name).parent.mkdir(parents=True, exist_ok=True)
        self.pid_file(process.name).parent.mkdir(parents=True, exist_ok=True)
        tie = ("setpriv", "--pdeathsig", "KILL", "--") if process.tied else ()
        with self.log(process.name).open("ab") as log:
            child = subprocess.Popen(  # noqa: S603 (argv is ours, no shell)
                (*tie, *process.argv),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **process.env},
                start_new_session=True,
            )
        child.returncode = 0  # psutil waits for it; Popen must not warn that it still runs
        found = psutil.Process(child.pid)
        self.pid_file(process.name).write_bytes(
            orjson.dumps({"pid": child.pid, "created": found.create_time()})
        )
        return found

    def wait(self, process: Process) -> None:
        """Return when it is ready. Raises OperatorError when it ends, or its patience does."""
        until = time.monotonic() + process.patience_s
        while process.ready is not None and not process.ready():
            if self.find(process.name) is None:
                raise OperatorError(
                    f"{process.name} ended at once: {self.last_words(process.name)}"
                )
            if time.monotonic() > until:
                raise OperatorError(
                    f"{process.name} was not ready within {process.patience_s:.0f} s: "
                    f"{self.last_words(process.name)}"
                )
            time.sleep(POLL_S)

    def last_words(self, name: str) -> str:
        """Why it ended, as far as its log tells, and where the log is."""
        with contextlib.suppress(OSError):
            tail = self.log(name).read_bytes()[-TAIL_BYTES:].decode("utf-8", "replace")
            for sign, sentence in SIGNS.items():
                if sign in tail:
                    return f"{sentence} (see {self.log(name)})"
            lines = [line for line in tail.splitlines() if line.strip()]
            if lines:
                return f"{lines[-1][:300]} (see {self.log(name)})"
        return f"see {self.log(name)}"

    def stop(self, name: str, how: signal.Signals = signal.SIGTERM, patience_s: float = 20) -> bool:
        """Ask it to end, and after `patience_s` end it with its children. False: it did not run."""
        process = self.find(name)
        if process is not None:
            _end(process, how, patience_s)
        self.pid_file(name).unlink(missing_ok=True)
        return process is not None


SIGNS: Final[Mapping[str, str]] = {
    "No space left on device": "the disk is full",
    "Address already in use": "its port is taken by another program",
    "could not bind": "its port is taken by another program",
    "OutOfMemoryError": "it ran out of memory",
}


def _end(process: psutil.Process, how: signal.Signals, patience_s: float) -> None:
    family = [process]
    with contextlib.suppress(psutil.Error):
        family += process.children(recursive=True)
        process.send_signal(how)
        process.wait(patience_s)
    for member in family:
        with contextlib.suppress(psutil.Error):
            member.kill()
    psutil.wait_procs(family, timeout=5)


def free_port() -> int:
    """A TCP port of the loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def require_free_port(port: int, what: str, setting: str) -> None:
    """Raise OperatorError if somebody listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise OperatorError(
                f"Port {port} for {what} is taken by another program: "
                f"stop it, or choose another port with {setting}."
            ) from error
