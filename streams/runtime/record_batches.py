"""Faust hands over whole partition batches: the one file that touches Faust's private members.

Written for faust-streaming 0.15.3 and aiokafka 0.14.0 (pinned); tests/integration/runtime holds a
test for each thing that is relied on here.

What differs from Faust:
- one message a fetched partition batch, its value a `Fetched`;
- positions come from the checkpoints, unit by unit, and never from committed offsets;
- offsets are committed for display only, as the units report them: nothing of Faust's
  bookkeeping of acks and gaps decides what is read;
- consumers read committed records only, never reset an offset, and topics with the same number of
  partitions are assigned alike (range), so that a unit is never torn apart.
"""

# ruff: noqa: SLF001, D102 (private members are touched here; Faust documents its own methods)

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, cast

import aiokafka
import faust
import structlog
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import (
    IllegalStateError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from mode import get_logger

from streams.runtime.kafka_log import as_record
from streams.runtime.reading import Fetched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from aiokafka.structs import ConsumerRecord

log = structlog.get_logger()

FAUSTS_LOGGER: Final = get_logger("faust.record_batches")
"""Services tell of their starts and stops; services/logs.py keeps Faust's quiet."""

FETCH_WAIT_S: Final = 0.2
"""How long a fetch waits for records: wishes wait as long, at worst."""

FETCH_PARTITION_BYTES: Final = 512 * 1024
FETCH_BYTES: Final = 8 * 1024 * 1024
BROKER_WAIT_MS: Final = 500


class RebalanceListener(driver.ConsumerRebalanceListener):
    """Nothing is fetched from a new partition until its unit said from where."""

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._thread._ensure_consumer().pause(*assigned)
        await super().on_partitions_assigned(assigned)


class RecordBatchThread(driver.AIOKafkaConsumerThread):
    """aiokafka's consumer in its own thread; every method below runs there."""

    logger = FAUSTS_LOGGER

    def _create_worker_consumer(self, transport: driver.Transport) -> aiokafka.AIOKafkaConsumer:
        conf = self.app.conf
        self._assignor = RangePartitionAssignor
        return aiokafka.AIOKafkaConsumer(
            client_id=conf.broker_client_id,
            group_id=conf.id,
            bootstrap_servers=driver.server_list(transport.url, transport.default_port),
            partition_assignment_strategy=[RangePartitionAssignor],
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            max_poll_records=conf.broker_max_poll_records,
            max_poll_interval_ms=int(conf.broker_max_poll_interval * 1000),
            max_partition_fetch_bytes=FETCH_PARTITION_BYTES,
            fetch_max_bytes=FETCH_BYTES,
            fetch_max_wait_ms=BROKER_WAIT_MS,
            request_timeout_ms=int(conf.broker_request_timeout * 1000),
            session_timeout_ms=int(conf.broker_session_timeout * 1000),
            rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
            heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
            **driver.credentials_to_aiokafka_auth(conf.broker_credentials, conf.ssl_context),
        )

    async def carry_out(self, seeks: Mapping[TP, int], paused: set[TP], resumed: set[TP]) -> None:
        """Seek, pause and resume. A partition that was taken away meanwhile is passed over."""
        consumer = self._ensure_consumer()
        for tp in paused | resumed | seeks.keys():
            at = TopicPartition(tp.topic, tp.partition)
            try:
                if tp in seeks:
                    consumer.seek(at, seeks[tp])
                if tp in paused:
                    consumer.pause(at)
                else:
                    consumer.resume(at)
            except IllegalStateError:
                continue

    async def poll_nothing(self) -> None:
        """Tell aiokafka that we are alive although there is nothing to fetch."""
        with self._ensure_consumer()._fetcher._subscriptions.fetch_context():
            pass

    async def show(self, offsets: Mapping[TP, int]) -> None:
        """Commit offsets for whoever looks at the group; nobody reads them back."""
        consumer = self._ensure_consumer()
        assigned = consumer.assignment()
        shown = {
            TopicPartition(tp.topic, tp.partition): OffsetAndMetadata(offset, "")
            for tp, offset in offsets.items()
        }
        shown = {tp: offset for tp, offset in shown.items() if tp in assigned}
        try:
            if shown:
                await consumer.commit(shown)
        except KafkaError as error:
            log.info("offsets_not_shown", error=type(error).__name__)


class RecordBatchConsumer(driver.Consumer):
    """Fetches for the units; `Reader` is its side towards them."""

    logger = FAUSTS_LOGGER
    RebalanceListener = RebalanceListener
    app: Any
    _thread: RecordBatchThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._reading: set[TP] = set()
        self._seeks: dict[TP, int] = {}
        self._pauses: set[TP] = set()
        self._resumes: set[TP] = set()
        self._wished: Counter[TP] = Counter()
        self._carried_out: dict[TP, int] = {}
        self._settled: dict[TP, int] = {}
        self._wishes = asyncio.Event()
        self.alive_at = monotonic()
        self.on_lost: Callable[[int], None] = lambda _partition: None
        super().__init__(*args, **kwargs)

    def _new_consumer_thread(self) -> RecordBatchThread:
        return RecordBatchThread(self, loop=self.loop, beacon=self.beacon)

    def read_from(self, topic: str, partition: int, offset: int) -> int:
        """The port: see `reading.Reader`."""
        tp = TP(topic, partition)
        self._seeks[tp] = offset
        self._pauses.discard(tp)
        self._wished[tp] += 1
        self._wishes.set()
        return self._wished[tp]

    def pause(self, topic: str, partition: int) -> None:
        """The port: see `reading.Reader`."""
        tp = TP(topic, partition)
        self._reading.discard(tp)
        self._resumes.discard(tp)
        self._pauses.add(tp)
        self._wishes.set()

    def resume(self, topic: str, partition: int) -> None:
        """The port: see `reading.Reader`."""
        tp = TP(topic, partition)
        self._pauses.discard(tp)
        self._resumes.add(tp)
        self._wishes.set()

    def settled(self, topic: str, partition: int, next_offset: int) -> None:
        """The port: see `reading.Reader`."""
        self._settled[TP(topic, partition)] = next_offset

    def end(self, topic: str, partition: int) -> int | None:
        """The port: see `reading.Reader`."""
        tp = TopicPartition(topic, partition)
        try:
            stable: int | None = self._thread._ensure_consumer().last_stable_offset(tp)
        except (IllegalStateError, AttributeError):
            return None
        return stable

    async def perform_seek(self) -> None:
        """Do nothing: each unit says where to read from once its checkpoint is open."""

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        self._forget()
        await super().on_partitions_revoked(revoked)

    async def force_commit(self, *_args: Any, **_kwargs: Any) -> bool:
        offsets, self._settled = self._settled, {}
        if offsets:
            await self._thread.call_thread(self._thread.show, offsets)
        return bool(offsets)

    async def verify_all_partitions_active(self) -> None:
        """Do nothing: this check cannot tell a quiet partition from a stuck one; watchdog.py can."""

    async def _drain_messages(self, fetcher: Any) -> None:
        """Fetch for ever. Never waits for a batch."""
        try:
            while not (self._stopped.is_set() or fetcher._stopped.is_set()):
                self.alive_at = monotonic()
                if not self.flow_active:
                    await self.wait(cast(Any, self.can_resume_flow))
                    continue
                await self._carry_out_wishes()
                await self._fetch_once()
        except self.consumer_stopped_errors:
            if not self.transport.app.should_stop:
                raise

    async def _carry_out_wishes(self) -> None:
        seeks, self._seeks = self._seeks, {}
        paused, self._pauses = self._pauses, set()
        resumed, self._resumes = self._resumes, set()
        self._wishes.clear()
        if not (seeks or paused or resumed):
            return
        numbers = {tp: self._wished[tp] for tp in seeks}
        generation = self.app.consumer_generation_id
        await self._thread.call_thread(self._thread.carry_out, seeks, paused, resumed)
        if generation == self.app.consumer_generation_id and self.flow_active:
            self._carried_out |= numbers
            self._reading = (self._reading | seeks.keys() | resumed) - paused - self._pauses

    async def _fetch_once(self) -> None:
        reading = set(self._reading)
        if not reading:
            # An empty set would mean every partition to aiokafka.
            await self._thread.call_thread(self._thread.poll_nothing)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wishes.wait(), FETCH_WAIT_S)
            return
        generation = self.app.consumer_generation_id
        try:
            fetched = await self._getmany(active_partitions=reading, timeout=FETCH_WAIT_S)
        except (OffsetOutOfRangeError, NoOffsetForPartitionError) as error:
            self._lose(error)
            return
        for at, records in fetched.items():
            if not self.flow_active or generation != self.app.consumer_generation_id:
                return
            await self._forward(TP(at.topic, at.partition), records)

    async def _forward(self, tp: TP, records: list[ConsumerRecord[Any, Any]]) -> None:
        message: Any = self._to_message(tp, records[-1])
        message.value = Fetched([as_record(one) for one in records], self._carried_out.get(tp, 0))
        hand_over = self.app.topics._tp_to_callback.get(tp)
        if hand_over is not None:
            await hand_over(message)

    def _lose(self, error: KafkaError) -> None:
        """A position the log does not have: the unit compares log and checkpoint again."""
        lost = error.args[0] if error.args else ()
        tps = lost if isinstance(lost, dict) else [lost]
        for tp in tps:
            if isinstance(tp, TopicPartition):
                self._reading.discard(TP(tp.topic, tp.partition))
                self.on_lost(tp.partition)

    def _forget(self) -> None:
        for wishes in (self._reading, self._seeks, self._pauses, self._resumes, self._carried_out):
            wishes.clear()


class RecordBatchTransport(driver.Transport):
    """aiokafka's transport with our consumer."""

    Consumer = RecordBatchConsumer


class RecordBatchTopic(faust.Topic):
    """A topic whose messages are `Fetched` already."""

    async def decode(self, message: Any, *, propagate: bool = False) -> Any:  # noqa: ARG002
        return self._create_event(message.key, message.value, message.headers, message=message)


class RecordBatchApp(faust.App):
    """An app on the transport above; it keeps no files."""

    logger = FAUSTS_LOGGER

    def _new_transport(self) -> RecordBatchTransport:
        return RecordBatchTransport(self.conf.broker_consumer, self)

    def _create_directories(self) -> None:
        """Make none: there are no tables."""
