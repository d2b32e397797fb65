"""A Faust app for a stage: one agent that hands fetched batches to the units, and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

import faust.streams
import faust.transport.conductor
import structlog
from faust.app.base import BootStrategy

from services.errors import OperatorError
from streams.runtime.dead_share import DeadShare
from streams.runtime.persevere import pause
from streams.runtime.record_batches import RecordBatchApp, RecordBatchTopic
from streams.runtime.unit import Limits, Surroundings
from streams.runtime.units import Units

if TYPE_CHECKING:
    from collections.abc import Callable

    from faust.types import TP

    from streams.runtime.ports import Log, Observer
    from streams.runtime.settle import World
    from streams.runtime.stage import Stage

log = structlog.get_logger()

STOP_WAIT_S: Final = 15.0
"""How long SIGTERM waits for batches in hand: longer than a batch, shorter than patience."""

APP_STOP_S: Final = 10.0
SLOTS: Final = 4
"""Batches of one stage under way at once in a worker; the rest gather records meanwhile."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where Kafka is; `group` leads the consumer groups' names."""

    bootstrap_servers: str
    group: str = "ocop-"
    session_s: float = 6.0


class ConsumerOnly(BootStrategy):
    """Outputs go through our own producer (runtime/publisher.py): Faust's is never started."""

    enable_kafka_producer = False


def build_app(stage: Stage, cluster: Cluster) -> RecordBatchApp:
    """An app in the consumer group of its stage. Nothing of it touches the disk or the web."""
    servers = ";".join(f"kafka://{server}" for server in cluster.bootstrap_servers.split(","))
    app = RecordBatchApp(
        f"{cluster.group}{stage.name}",
        broker=servers,
        broker_session_timeout=cluster.session_s,
        broker_heartbeat_interval=cluster.session_s / 4,
        broker_request_timeout=max(20.0, cluster.session_s),
        broker_rebalance_timeout=20.0,
        broker_max_poll_interval=60.0,
        broker_max_poll_records=1_000,
        broker_commit_interval=3.0,
        stream_wait_empty=False,
        stream_recovery_delay=0.0,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        autodiscover=False,
        store="memory://",
        Topic=RecordBatchTopic,
    )
    app.boot_strategy = ConsumerOnly(app)
    return app


@dataclass(frozen=True, slots=True)
class Setting:
    """What the runners of a worker share."""

    world: World
    log: Log
    cluster: Cluster
    observe: Observer
    limits: Limits = field(default_factory=Limits)
    slots: int = SLOTS


def require_cython() -> None:
    """Raise OperatorError unless Faust's compiled streams are in use.

    The pure-Python stream acks stale events and is many times slower (FAUST.md).
    """
    compiled = (
        vars(faust.streams)["_CStreamIterator"],
        vars(faust.transport.conductor)["ConductorHandler"],
    )
    if None in compiled:
        raise OperatorError(
            "Faust's Cython streams are not in use: install faust-streaming from a binary wheel "
            "and leave NO_CYTHON unset."
        )


class StageRunner:
    """Runs one stage in this process, and builds its app anew when Faust breaks down."""

    def __init__(self, stage: Stage, setting: Setting, dead_share: DeadShare | None = None) -> None:
        self.stage = stage
        self.units: Units | None = None
        self._setting = setting
        self._dead_share = dead_share or DeadShare()
        self._stop = asyncio.Event()

    @property
    def ready(self) -> bool:
        """Whether the group has given us our share, if only an empty one."""
        return self.units is not None and self.units.joined

    def stop(self) -> None:
        """End `run` once the batches in hand are done."""
        self._stop.set()

    async def run(self) -> None:
        """Work until told to stop."""
        failures = 0
        while not self._stop.is_set():
            failures = 0 if await self._run_once() else failures + 1
            if failures and not self._stop.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), pause(failures))

    async def _run_once(self) -> bool:
        """Run one app; True if it got as far as an assignment."""
        app = build_app(self.stage, self._setting.cluster)
        units = self.units = self._connected(app)
        try:
            await app.start()
            await app.wait_for_stopped(cast(Any, self._stop))
        except Exception as error:  # noqa: BLE001 (a broker that is away must not end the worker)
            log.warning("app_broke", stage=self.stage.name, error=type(error).__qualname__)
        if app.crashed:
            reason = type(app._crash_reason).__qualname__  # noqa: SLF001
            log.error("app_crashed", stage=self.stage.name, error=reason)
        joined = units.joined
        await units.revoked(STOP_WAIT_S if self._stop.is_set() else 0.0)
        await self._end(app)
        return joined

    def _connected(self, app: RecordBatchApp) -> Units:
        """Tie app and units together: assignments and fetches one way, wishes the other."""
        consumer: Any = app.consumer
        setting = self._setting
        slots = asyncio.Semaphore(setting.slots)
        around = Surroundings(setting.log, consumer, setting.observe, slots, setting.limits)
        units = Units(self.stage, setting.world, around, self._dead_share)
        consumer.on_lost = units.look_again
        app.on_partitions_assigned.connect(_on_assigned(units))
        app.on_partitions_revoked.connect(_on_revoked(units))
        topics = app.topic(
            *(topic.name for topic in self.stage.inputs),
            key_type=bytes,
            value_type=bytes,
            key_serializer="raw",
            value_serializer="raw",
        )
        app.agent(topics, name=self.stage.name, concurrency=1)(_agent(units))
        return units

    async def _end(self, app: faust.App) -> None:
        try:
            await asyncio.wait_for(app.stop(), APP_STOP_S)
        except Exception as error:  # noqa: BLE001 (what does not stop is left behind)
            log.warning("app_not_stopped", stage=self.stage.name, error=type(error).__qualname__)


def _agent(units: Units) -> Callable[[Any], Any]:
    async def hand_over(stream: Any) -> None:
        async for event in stream.noack().events():
            try:
                units.offer(event.value)
            except Exception as error:  # noqa: BLE001 (an exception would end the agent)
                log.warning("fetch_not_taken", stage=units.stage.name, error=type(error).__name__)

    return hand_over


def _on_assigned(units: Units) -> Callable[..., Any]:
    async def assigned(_app: faust.App, assigned: set[TP], **_kwargs: Any) -> None:
        units.assigned((tp.topic, tp.partition) for tp in assigned)

    return assigned


def _on_revoked(units: Units) -> Callable[..., Any]:
    async def revoked(_app: faust.App, _revoked: set[TP], **_kwargs: Any) -> None:
        await units.revoked()

    return revoked
