"""Topics are made from the catalogue, and a topic that is not ours is left alone."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from schemas.topics import Topic
from services.errors import OperatorError
from services.kafka.admin import admin_client, ensure_topics, partition_counts, plans
from services.kafka.durability import Durability

if TYPE_CHECKING:
    from typing import Any


def a_topic(prefix: str = "", **changes: Any) -> Topic:
    return replace(
        Topic(f"{prefix}order.received.v1", "key", None, "raw", partitions=3, ingest=True),
        **changes,
    )


async def has_settings(bootstrap: str, name: str, **expected: str) -> bool:
    """Within five seconds: the controller's yes reaches the broker a little later."""
    wanted = {key.replace("_", "."): value for key, value in expected.items()}
    async with admin_client(bootstrap) as admin:
        for _ in range(50):
            (answer,) = await admin.describe_configs(
                [ConfigResource(ConfigResourceType.TOPIC, name)]
            )
            found = {row[0]: row[1] for row in answer.resources[0][4]}
            if wanted.items() <= found.items():
                return True
            await asyncio.sleep(0.1)
    return False


async def test_a_topic_and_its_dead_letters_are_made_once(kafka: str, prefix: str) -> None:
    topic = a_topic(prefix)
    assert await ensure_topics(kafka, [topic]) == (topic.name, topic.dead)
    assert await ensure_topics(kafka, [topic]) == ()
    async with admin_client(kafka) as admin:
        counts = await partition_counts(admin)
    assert (counts[topic.name], counts[topic.dead]) == (3, 3)


async def test_ingest_records_reach_the_disk_before_the_answer(kafka: str, prefix: str) -> None:
    topic = a_topic(prefix, retention_h=5)
    await ensure_topics(kafka, [topic], Durability(flush=True))
    assert await has_settings(
        kafka,
        topic.name,
        flush_messages="1",
        message_timestamp_type="LogAppendTime",
        retention_ms=str(5 * 3_600_000),
        max_message_bytes=str(768 * 1024),
    )
    assert await has_settings(kafka, topic.dead, max_message_bytes=str(2048 * 1024))


async def test_a_changed_retention_is_carried_out(kafka: str, prefix: str) -> None:
    topic = a_topic(prefix)
    await ensure_topics(kafka, [topic])
    await ensure_topics(kafka, [replace(topic, retention_h=1)])
    assert await has_settings(kafka, topic.name, retention_ms="3600000")


async def test_another_partition_count_stops_everything(kafka: str, prefix: str) -> None:
    topic, unborn = a_topic(prefix), a_topic(prefix, name=f"{prefix}unborn.v1")
    await ensure_topics(kafka, [topic])
    with pytest.raises(OperatorError, match="3 partitions where the catalogue says 4"):
        await ensure_topics(kafka, [unborn, replace(topic, partitions=4)])
    async with admin_client(kafka) as admin:
        assert unborn.name not in await partition_counts(admin)


async def test_more_replicas_than_brokers_is_said_plainly(kafka: str, prefix: str) -> None:
    with pytest.raises(OperatorError, match="refused the topic"):
        await ensure_topics(kafka, [a_topic(prefix)], Durability(replication=3))


async def test_a_cluster_that_is_away_is_said_plainly() -> None:
    with pytest.raises(OperatorError, match="Is it running"):
        await ensure_topics("127.0.0.1:1", [a_topic()])


@pytest.mark.parametrize(
    ("brokers", "expected"), [(1, (1, 1)), (2, (2, 1)), (3, (3, 2)), (9, (3, 2))]
)
def test_one_broker_of_three_may_be_away(brokers: int, expected: tuple[int, int]) -> None:
    assert Durability().on(brokers) == expected


def test_no_topic_keeps_the_writers_clock() -> None:
    made = plans([a_topic(), a_topic(compacted=True)])
    assert {plan.config["message.timestamp.type"] for plan in made} == {"LogAppendTime"}
    assert [plan.config["cleanup.policy"] for plan in made] == [
        "delete",
        "delete",
        "compact",
        "delete",
    ]
