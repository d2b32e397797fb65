"""Create what the topic catalogue lists, and refuse to work on something else of that name."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from schemas.topics import DEAD_MAX_BYTES
from services.errors import OperatorError
from services.kafka.durability import Durability

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Mapping, Sequence

    from schemas.topics import Topic

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
CREATE_TIMEOUT_MS: Final = 60_000
LEADERS_WITHIN_S: Final = 120
"""Opening eight hundred logs takes a busy small machine more than half a minute."""
LEADERS_POLL_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """One Kafka topic as we want it."""

    name: str
    partitions: int
    config: Mapping[str, str]


def plans(topics: Iterable[Topic], *, min_isr: int = 1, flush: bool = False) -> list[TopicPlan]:
    """Every topic and its dead-letter topic.

    All use LogAppendTime: a record stamped years ago would be deleted by retention at once. Where
    personal data is, segments are closed every day: an open one is never deleted.
    A dead letter lies in the partition number its record came from.
    """
    found = []
    for topic in topics:
        common = {
            "message.timestamp.type": "LogAppendTime",
            "retention.ms": str(topic.retention_h * HOUR_MS),
            "min.insync.replicas": str(min_isr),
            "unclean.leader.election.enable": "false",
        }
        if topic.personal_data:
            common["segment.ms"] = str(DAY_MS)
        living = common | {
            "cleanup.policy": "compact" if topic.compacted else "delete",
            "max.message.bytes": str(topic.max_bytes),
        }
        if topic.ingest and flush:
            living["flush.messages"] = "1"
        buried = common | {"cleanup.policy": "delete", "max.message.bytes": str(DEAD_MAX_BYTES)}
        found.append(TopicPlan(topic.name, topic.partitions, living))
        found.append(TopicPlan(topic.dead, topic.partitions, buried))
    return found


async def ensure_topics(
    bootstrap: str, topics: Sequence[Topic], durability: Durability | None = None
) -> tuple[str, ...]:
    """Create what is missing, bring configurations up to date, and return the names created.

    Raises OperatorError when a topic exists with another number of partitions (keys would move),
    or the cluster does not answer or refuses.
    """
    durability = durability or Durability()
    async with admin_client(bootstrap) as admin:
        brokers = len((await admin.describe_cluster())["brokers"])
        replication, min_isr = durability.on(brokers)
        wanted = plans(topics, min_isr=min_isr, flush=durability.flush)
        existing = await partition_counts(admin)
        _refuse_other_counts(wanted, existing)
        missing = [plan for plan in wanted if plan.name not in existing]
        await _create(admin, missing, replication)
        await _configure(admin, [plan for plan in wanted if plan.name in existing])
        await _await_leaders(admin, missing)
        await _await_logs(bootstrap, missing)
    return tuple(plan.name for plan in missing)


@contextlib.asynccontextmanager
async def admin_client(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    """A started admin client. Raises OperatorError if no broker answers."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, client_id="ocop-admin")
    try:
        await admin.start()
        yield admin
    except (KafkaError, OSError) as error:
        raise OperatorError(
            f"Kafka at {bootstrap} did not do it: {error}. "
            "Is it running, and is KAFKA_BOOTSTRAP_SERVERS right?"
        ) from error
    finally:
        await admin.close()


async def partition_counts(admin: AIOKafkaAdminClient) -> dict[str, int]:
    """Every topic of the cluster and its number of partitions."""
    return {row["topic"]: len(row["partitions"]) for row in await admin.describe_topics()}


def _refuse_other_counts(wanted: Iterable[TopicPlan], existing: Mapping[str, int]) -> None:
    for plan in wanted:
        count = existing.get(plan.name, plan.partitions)
        if count != plan.partitions:
            raise OperatorError(
                f"The topic {plan.name} has {count} partitions where the catalogue says "
                f"{plan.partitions}: keys would move, so nothing was changed."
            )


async def _create(
    admin: AIOKafkaAdminClient, missing: Sequence[TopicPlan], replication: int
) -> None:
    if not missing:
        return
    new = [
        NewTopic(plan.name, plan.partitions, replication, topic_configs=dict(plan.config))
        for plan in missing
    ]
    answer = await admin.create_topics(new, timeout_ms=CREATE_TIMEOUT_MS)
    for name, code, *message in answer.topic_errors:
        # Another process may have been quicker.
        if code and not issubclass(for_code(code), TopicAlreadyExistsError):
            raise OperatorError(f"Kafka refused the topic {name}: {_reason(code, message)}.")


async def _configure(admin: AIOKafkaAdminClient, existing: Sequence[TopicPlan]) -> None:
    resources = [
        ConfigResource(ConfigResourceType.TOPIC, plan.name, configs=dict(plan.config))
        for plan in existing
    ]
    for answer in await admin.alter_configs(resources) if resources else ():
        for code, message, _type, name in answer.resources:
            if code:
                raise OperatorError(
                    f"Kafka refused settings of {name}: {_reason(code, [message])}."
                )


async def _await_leaders(admin: AIOKafkaAdminClient, made: Sequence[TopicPlan]) -> None:
    """The controller's yes is not yet the brokers': wait until every partition has a leader."""
    names = [plan.name for plan in made]
    for _ in range(int(LEADERS_WITHIN_S / LEADERS_POLL_S) if names else 0):
        rows = await admin.describe_topics(names)
        if all(row["partitions"] and _led(row["partitions"]) for row in rows):
            return
        await asyncio.sleep(LEADERS_POLL_S)
    if names:
        raise OperatorError(f"Kafka gave the new topics no leaders within {LEADERS_WITHIN_S} s.")


async def _await_logs(bootstrap: str, made: Sequence[TopicPlan]) -> None:
    """A leader in the metadata may not have opened its log yet: ask each until it answers."""
    if not made:
        return
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        request_timeout_ms=LEADERS_WITHIN_S * 1000,
    )
    await consumer.start()
    try:
        await consumer.end_offsets(
            [TopicPartition(plan.name, n) for plan in made for n in range(plan.partitions)]
        )
    finally:
        await consumer.stop()


def _led(partitions: Sequence[Mapping[str, int]]) -> bool:
    return all(not row["error_code"] and row["leader"] >= 0 for row in partitions)


def _reason(code: int, message: Sequence[Any]) -> str:
    return str(message[0]) if message and message[0] else str(for_code(code).__name__)
