"""A worker process: stages, what they share, and an end that finishes the batch in hand."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog

from schemas.catalogue import TOPICS_BY_NAME
from services.errors import OperatorError
from services.probe import probe
from streams.app import Cluster, Setting, StageRunner, require_cython
from streams.partners_runner import PartnersRunner
from streams.runtime.kafka_log import KafkaLog
from streams.runtime.publisher import KafkaPublisher
from streams.runtime.settle import World
from streams.runtime.telling import tell
from streams.runtime.unit import Limits
from streams.runtime.watchdog import Patience, Watchdog

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from schemas.topics import Topic
    from streams.runtime.ports import Pool
    from streams.runtime.stage import Stage
    from streams.runtime.unit import Unit

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """`exit_when_stalled_s`: end with an error after a stall of so long, for a supervisor.

    `gather_s`: see `streams.runtime.unit.Limits`.
    """

    cluster: Cluster
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = None
    exit_when_stalled_s: float | None = None
    gather_s: Mapping[str, float] = field(default_factory=dict)


class Worker:
    """Runs stages until a signal or `stop`; `partners`: and that of the partners' own topics."""

    def __init__(
        self,
        stages: Sequence[Stage],
        pool: Pool,
        options: WorkerOptions,
        catalogue: Mapping[str, Topic] = TOPICS_BY_NAME,
        *,
        partners: bool = False,
    ) -> None:
        self._options = options
        servers = options.cluster.bootstrap_servers
        self._names = [stage.name for stage in stages] + [PartnersRunner.name] * partners
        name = "ocop-" + "-".join(self._names)
        self._publisher = KafkaPublisher(servers, name)
        world = World(pool, self._publisher, lambda: datetime.now(UTC), catalogue)
        limits = Limits(gather_s=options.gather_s)
        setting = Setting(world, KafkaLog(servers, name), options.cluster, tell, limits)
        self._runners: list[StageRunner | PartnersRunner] = [
            StageRunner(stage, setting) for stage in stages
        ]
        if partners:
            self._runners.append(PartnersRunner(pool, setting))
        self._stalled: Unit | None = None

    @property
    def ready(self) -> bool:
        """Every stage has its share of the partitions."""
        return all(runner.ready for runner in self._runners)

    def stop(self) -> None:
        """End `run` once the batches in hand are done."""
        for runner in self._runners:
            runner.stop()

    async def run(self) -> None:
        """Work. Raises OperatorError if it ended because of a stall."""
        require_cython()
        options = self._options
        watchdog = Watchdog(
            lambda: [runner.units for runner in self._runners if runner.units],
            Patience(stalled_s=options.exit_when_stalled_s or Patience().stalled_s),
            self._end_stalled,
        )
        with self._stopped_by_signals():
            async with probe(options.metrics_host, options.metrics_port, lambda: self.ready):
                watching = asyncio.create_task(watchdog.run())
                log.info("worker_started", stages=self._names)
                await asyncio.gather(*(runner.run() for runner in self._runners))
                watching.cancel()
        await self._publisher.close()
        log.info("worker_stopped")
        if self._stalled is not None:
            raise OperatorError(f"{self._stalled.id} made no progress: restart this worker.")

    def _end_stalled(self, units: list[Unit]) -> None:
        if self._options.exit_when_stalled_s is not None:
            self._stalled = units[0]
            self.stop()

    @contextlib.contextmanager
    def _stopped_by_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)
