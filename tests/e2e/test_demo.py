"""`ocop demo` through real processes, and what it says when it cannot."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psutil
import pytest

from streams.processes import ocop
from tests.chaos.machine import environment, own_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

ORDERS: Final = 60
DEMO_TIMEOUT_S: Final = 240
NEEDED_PROGRAMS: Final = ("unshare", "setpriv", "true", "mvn")
COUNTS: Final = {
    *("orders", "shipments", "parcels", "tracking_events", "duplicates_seen"),
    *("held", "cancelled", "delivered", "returned", "dead"),
}
ENDS: Final = ("held", "cancelled", "delivered", "returned", "written_off", "in_doubt")
"""Where an order may end."""


@pytest.fixture
def home() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="ocop-demo-"))
    yield made
    for process in left_running(made):
        process.kill()
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def surroundings(home: Path) -> dict[str, str]:
    """The environment of an `ocop` that shares nothing with others on this machine."""
    (metrics, *_) = own_ports(4)
    ours = {**os.environ, **environment(home), "OCOP_METRICS_PORT": str(metrics)}
    return {
        name: value
        for name, value in ours.items()
        if name not in {"DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS"}
    }


def demo(surroundings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = ocop("demo", "--orders", str(ORDERS))
    return subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        env=surroundings,
        timeout=DEMO_TIMEOUT_S,
    )


def left_running(home: Path) -> list[psutil.Process]:
    """Processes that have to do with the folder: it is in their words or in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            words = [*process.cmdline(), process.environ().get("OCOP_DATA_DIR", "")]
        except psutil.Error:
            continue
        if any(str(home) in word for word in words):
            found.append(process)
    return found


def test_the_demo_accounts_for_every_order(home: Path, surroundings: dict[str, str]) -> None:
    ended = demo(surroundings)
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]
    told: dict[str, Any] = json.loads((home / "demo.json").read_bytes())
    assert told.keys() >= COUNTS | {"seconds", "verify"}
    assert told["verify"]["holds"]
    assert told["orders"] == ORDERS
    assert told["seconds"].keys() == {"set_up", "run"}
    assert sum(told[end] for end in ENDS) == ORDERS
    assert told["delivered"] > told["held"] + told["cancelled"]
    assert told["tracking_events"] > told["parcels"] >= told["delivered"] + told["returned"]
    assert told["dead"] == 0
    report: dict[str, Any] = json.loads((home / "demo-report.json").read_bytes())
    assert report["totals"]["parcels_packed"] == told["parcels"]
    assert report["totals"]["parcels_delivered"] >= told["delivered"]
    assert report["totals"]["orders_cancelled"] == told["cancelled"]
    delivered = {row["carrier"] for row in report["rows"] if row["parcels_delivered"]}
    assert delivered >= {"viettelpost", "vnpost", "ghn", "ghtk", "ems"}
    assert left_running(home) == []


def test_a_taken_port_is_said_in_one_sentence(home: Path, surroundings: dict[str, str]) -> None:
    port = surroundings["OCOP_GATEWAY_PORT"]
    with socket.create_server(("127.0.0.1", int(port))):
        ended = demo(surroundings)
    assert_refused(ended, f"Port {port} for gateway is taken", home)


def test_missing_java_is_said_in_one_sentence(
    home: Path, surroundings: dict[str, str], tmp_path: Path
) -> None:
    for program in NEEDED_PROGRAMS:
        if found := shutil.which(program):
            (tmp_path / program).symlink_to(found)
    ended = demo({**surroundings, "PATH": str(tmp_path)})
    assert_refused(ended, "Java 17 or newer is needed", home)


def assert_refused(ended: subprocess.CompletedProcess[str], sentence: str, home: Path) -> None:
    """It failed with that sentence as its last line, and nothing of it runs any more."""
    assert ended.returncode not in {0, None}
    assert ended.stderr.splitlines()[-1].startswith(f"ocop: {sentence}"), ended.stderr[-2000:]
    assert "Traceback" not in ended.stderr
    assert left_running(home) == []
