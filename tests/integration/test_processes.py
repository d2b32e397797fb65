"""Processes are found again by name, waited for, and never left behind."""

from __future__ import annotations

import signal
import socket
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from services.embedded.process import Answers, Listens, Place, Process, free_port
from services.errors import OperatorError

if TYPE_CHECKING:
    from pathlib import Path

SLEEPER = (sys.executable, "-c", "import time; time.sleep(60)")
DEAF = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("deaf", flush=True)
time.sleep(60)
"""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_process_is_started_once_and_found_by_name(place: Place) -> None:
    first = place.start(Process("sleeper", SLEEPER))
    assert place.start(Process("sleeper", SLEEPER)).pid == first.pid
    assert place.known() == ["sleeper"]
    assert place.stop("sleeper")
    assert place.find("sleeper") is None
    assert not place.stop("sleeper")
    assert place.known() == []


def test_another_process_with_the_old_pid_is_not_ours(place: Place) -> None:
    ours = place.start(Process("sleeper", SLEEPER))
    noted = place.pid_file("sleeper").read_bytes()
    place.stop("sleeper")
    place.pid_file("sleeper").write_bytes(noted.replace(str(ours.pid).encode(), b"1"))
    assert place.find("sleeper") is None
    assert not place.stop("sleeper")


def test_one_that_ignores_sigterm_goes_with_its_children(place: Place) -> None:
    deaf = place.start(Process("deaf", (sys.executable, "-c", DEAF)))
    until = time.monotonic() + 20
    while b"deaf" not in place.log("deaf").read_bytes():
        assert time.monotonic() < until
        time.sleep(0.05)
    family = [deaf, *deaf.children(recursive=True)]
    assert len(family) == 2
    place.stop("deaf", patience_s=0.2)
    assert not any(member.is_running() for member in family)


def test_readiness_is_awaited(place: Place) -> None:
    port = free_port()
    argv = (sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port))
    server = Process("web", argv, ready=Answers(f"http://127.0.0.1:{port}/"))
    place.start(server)
    place.wait(server)
    assert Listens(port)()
    place.stop("web")
    assert not Listens(port)()
    assert not Answers(f"http://127.0.0.1:{port}/")()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("java.io.IOException: No space left on device", "the disk is full"),
        ("OSError: [Errno 98] Address already in use", "its port is taken"),
        ("ValueError: nonsense", "ValueError: nonsense"),
    ],
)
def test_last_words_are_read_from_the_log(place: Place, words: str, sentence: str) -> None:
    doomed = Process(
        "doomed", (sys.executable, "-c", f"print({words!r})"), ready=Listens(free_port())
    )
    place.start(doomed)
    with pytest.raises(OperatorError, match=f"doomed ended at once: {sentence}"):
        place.wait(doomed)


def test_patience_ends(place: Place) -> None:
    slow = Process("slow", SLEEPER, ready=Listens(free_port()), patience_s=0.3)
    place.start(slow)
    with pytest.raises(OperatorError, match="slow was not ready within 0 s"):
        place.wait(slow)
    place.stop("slow")


def test_a_taken_port_is_said_before_anything_starts(place: Place) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(OperatorError, match=f"Port {port} for web is taken.*OCOP_WEB_PORT"):
            place.start(Process("web", SLEEPER, ports={"OCOP_WEB_PORT": port}))
    assert place.known() == []


def test_a_tied_process_dies_with_who_started_it(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys, pathlib\n"
        "from services.embedded.process import Place, Process\n"
        f"child = Place(pathlib.Path({str(tmp_path)!r})).start("
        f"Process('tied', {SLEEPER!r}, tied=True))\n"
        "print(child.pid, flush=True); sys.stdin.read()\n"
    )
    with psutil.Popen((sys.executable, "-c", program), stdin=-1, stdout=-1, text=True) as parent:
        tied = psutil.Process(int(parent.stdout.readline()))
        parent.send_signal(signal.SIGKILL)
        parent.wait(10)
    gone, _ = psutil.wait_procs([tied], timeout=10)
    assert gone
