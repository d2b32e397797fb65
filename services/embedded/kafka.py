"""One real Kafka broker (KRaft: broker and controller in one) on the loopback."""

from __future__ import annotations

import shutil
import subprocess
import uuid
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from services.embedded.distribution import kafka_jars
from services.embedded.process import Listens, Process
from services.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

JAVA_AT_LEAST: Final = 17
FORMAT_TIMEOUT_S: Final = 60


@dataclass(frozen=True, slots=True)
class EmbeddedKafka:
    """A broker with its data below `folder`. The controller listens on `controller_port`."""

    folder: Path
    port: int
    controller_port: int
    heap_mib: int = 512
    tied: bool = False

    @property
    def bootstrap(self) -> str:
        """What a client connects to."""
        return f"127.0.0.1:{self.port}"

    def process(self) -> Process:
        """How to start it, once `prepare` has run."""
        return Process(
            name="kafka",
            argv=(*self._java(f"-Xmx{self.heap_mib}m"), "kafka.Kafka", str(self._properties)),
            ready=Listens(self.port),
            ports={
                "OCOP_KAFKA_PORT": self.port,
                "OCOP_KAFKA_PORT (the next one)": self.controller_port,
            },
            patience_s=90,
            tied=self.tied,
        )

    def prepare(self) -> None:
        """Write the configuration, format the log folder once, and check what it needs.

        Raises OperatorError: no Java, no Maven.
        """
        require_java()
        self.folder.mkdir(parents=True, exist_ok=True)
        lines = (f"{key}={value}\n" for key, value in self._configuration().items())
        self._properties.write_text("".join(lines), "utf-8")
        if not (self._logs / "meta.properties").exists():
            self._format()

    @property
    def _properties(self) -> Path:
        return self.folder / "server.properties"

    @property
    def _logs(self) -> Path:
        return self.folder / "logs"

    def _format(self) -> None:
        # An id that begins with "-" would be taken for an option.
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode().replace("-", "_")
        tool = ("kafka.tools.StorageTool", "format", "--cluster-id", cluster)
        command = (*self._java("-Xmx128m"), *tool, "--config", str(self._properties))
        done = subprocess.run(  # noqa: S603 (argv is ours, no shell)
            command, check=False, capture_output=True, timeout=FORMAT_TIMEOUT_S
        )
        if done.returncode:
            words = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()
            shutil.rmtree(self._logs, ignore_errors=True)
            raise OperatorError(
                f"Kafka could not format {self._logs}: {words[-1] if words else 'no reason given'}"
            )

    def _java(self, heap: str) -> tuple[str, ...]:
        return (
            "java",
            heap,
            "-XX:+UseG1GC",
            "-XX:+ExitOnOutOfMemoryError",
            "-Djava.awt.headless=true",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-Dorg.slf4j.simpleLogger.showDateTime=true",
            "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSX",
            "-cp",
            f"{kafka_jars()}/*",
        )

    def _configuration(self) -> Mapping[str, object]:
        return {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@127.0.0.1:{self.controller_port}",
            "listeners": f"PLAINTEXT://{self.bootstrap},"
            f"CONTROLLER://127.0.0.1:{self.controller_port}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": self._logs,
            "auto.create.topics.enable": "false",
            "log.message.timestamp.type": "LogAppendTime",
            # One node: the internal topics cannot have three replicas.
            "offsets.topic.replication.factor": 1,
            "offsets.topic.num.partitions": 8,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "transaction.state.log.num.partitions": 4,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            "group.initial.rebalance.delay.ms": 0,
            "group.min.session.timeout.ms": 1000,
            # Hundreds of partitions on one small machine: small index files, few threads.
            "log.index.size.max.bytes": 1024 * 1024,
            "num.network.threads": 2,
            "num.io.threads": 4,
            "message.max.bytes": 4 * 1024 * 1024,
            "replica.fetch.max.bytes": 4 * 1024 * 1024,
        }


def require_java() -> None:
    """Raise OperatorError unless `java` is on PATH and new enough for the broker."""
    missing = OperatorError(
        f"Java {JAVA_AT_LEAST} or newer is needed for the embedded Kafka broker: "
        "install it, or set KAFKA_BOOTSTRAP_SERVERS to an existing cluster."
    )
    java = shutil.which("java")
    if java is None:
        raise missing
    said = subprocess.run((java, "-version"), check=False, capture_output=True, timeout=30)  # noqa: S603
    words = said.stderr.decode("utf-8", "replace").split('"')
    version = words[1].split(".")[0] if len(words) > 1 else ""
    if said.returncode or not version.isdigit() or int(version) < JAVA_AT_LEAST:
        raise missing
