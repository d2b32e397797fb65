"""Fetch Apache Kafka: the jars of `deploy/kafka/pom.xml`, by Maven, once."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from services.errors import OperatorError
from services.settings import REPOSITORY

if TYPE_CHECKING:
    from pathlib import Path

POM: Final = REPOSITORY / "deploy" / "kafka" / "pom.xml"
DISTRIBUTION: Final = REPOSITORY / ".ocop" / "kafka-dist"
MAVEN_TIMEOUT_S: Final = 600


def kafka_jars(target: Path = DISTRIBUTION) -> Path:
    """The folder with the jars; fetched first if it is missing or older than the pom.

    Raises OperatorError without Maven or without a way to Maven Central.
    """
    complete = target / ".complete"
    libs = target / "libs"
    target.mkdir(parents=True, exist_ok=True)
    with (target / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not complete.exists() or complete.read_bytes() != POM.read_bytes():
            shutil.rmtree(libs, ignore_errors=True)
            _run_maven(libs)
            complete.write_bytes(POM.read_bytes())
    return libs


def _run_maven(libs: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise OperatorError(
            "Maven is needed to fetch Apache Kafka: install Maven (and Java 17 or newer), "
            "or set KAFKA_BOOTSTRAP_SERVERS to an existing cluster."
        )
    command = (maven, "-q", "-B", "-f", str(POM), "package", f"-Dlibs={libs}")
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=MAVEN_TIMEOUT_S)  # noqa: S603
    except (subprocess.SubprocessError, OSError) as error:
        output = getattr(error, "stdout", None) or b""
        first = next((line for line in output.decode("utf-8", "replace").splitlines() if line), "")
        raise OperatorError(f"Maven could not fetch Apache Kafka: {first or error}") from error


if __name__ == "__main__":
    try:
        kafka_jars()
    except OperatorError as missing:
        sys.exit(f"{missing}")
