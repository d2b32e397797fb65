"""What a unit hears of the log before it reads."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import AIOKafkaProducer

from schemas.topics import Topic
from services.kafka.admin import ensure_topics
from streams.runtime.kafka_log import KafkaLog

pytestmark = pytest.mark.kafka


async def a_log(kafka: str, topic: str, records: int) -> None:
    await ensure_topics(kafka, [Topic(topic, "id", None, "of a test", partitions=1)])
    async with AIOKafkaProducer(bootstrap_servers=kafka) as producer:
        for number in range(records):
            await producer.send_and_wait(topic, str(number).encode())


async def test_stages_that_stand_at_different_offsets_of_one_log_are_told_their_own_records(
    kafka: str, prefix: str
) -> None:
    topic = f"{prefix}order.released.v1"
    await a_log(kafka, topic, records=4)
    log = KafkaLog(kafka, "test")
    answers = await asyncio.gather(*(log.ends(0, {topic: at}) for at in (4, 1, 3)))
    read = [answer[topic].last_read for answer in answers]
    assert [record.value if record else None for record in read] == [b"3", b"0", b"2"]
