"""Every line is one JSON object, ours and the libraries'."""

from __future__ import annotations

import json
import subprocess
import sys

PROGRAM = """
import io, logging, sys
import structlog
from services.logs import configure_logs
configure_logs("worker", "info")
sys.stdout = sys.stderr = io.StringIO()  # as Faust does
structlog.get_logger().info("batch_settled", stage="intake", place="Đà Lạt")
structlog.get_logger().debug("not_said")
logging.getLogger("some.library").warning("reconnecting %s", 3)
logging.getLogger("aiokafka.consumer").info("not said either")
try:
    1 / 0
except ZeroDivisionError:
    structlog.get_logger().exception("batch_failed")
"""


def test_lines_survive_a_redirected_stdout_and_are_json() -> None:
    done = subprocess.run(
        (sys.executable, "-c", PROGRAM), capture_output=True, text=True, check=True, timeout=30
    )
    ours, library, failed = map(json.loads, done.stderr.splitlines())
    assert ours["event"] == "batch_settled"
    assert (ours["process"], ours["stage"], ours["place"]) == ("worker", "intake", "Đà Lạt")
    assert (library["event"], library["logger"]) == ("reconnecting 3", "some.library")
    assert "ZeroDivisionError" in failed["exception"]
    assert done.stdout == ""
