"""`ocop verify` against a real broker: what it reads there, and its exit code."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer
from typer.testing import CliRunner

from schemas.catalogue import TOPICS
from schemas.topics import Topic
from services.kafka.admin import ensure_topics
from services.verify.log import KafkaTopics
from services.verify.promises import PROMISES
from streams.cli.verify import app
from tests.whole_flow import WholeFlow

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.testing import Result

    from services.embedded.kafka import EmbeddedKafka
    from services.embedded.process import Place
    from services.store.pool import Pool
    from streams.runtime.memory import Pipeline

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]


async def read_all(kafka: str, topic: str) -> dict[int, list[bytes | None]]:
    """Values by partition."""
    found: defaultdict[int, list[bytes | None]] = defaultdict(list)
    async with KafkaTopics(kafka) as log:
        async for records in log.read(await log.ends([topic])):
            for record in records:
                found[record.partition].append(record.value)
    return dict(found)


async def test_every_committed_record_is_read_once_and_markers_do_not_stop_the_reading(
    kafka: str, prefix: str
) -> None:
    topic = Topic(f"{prefix}a.v1", "key", None, "for this test", partitions=2)
    await ensure_topics(kafka, [topic])
    async with AIOKafkaProducer(bootstrap_servers=kafka, transactional_id=prefix) as producer:
        async with producer.transaction():
            await producer.send_and_wait(topic.name, b"one", partition=0)
        await producer.begin_transaction()
        await producer.send_and_wait(topic.name, b"taken back", partition=0)
        await producer.abort_transaction()
        async with producer.transaction():
            await producer.send_and_wait(topic.name, b"two", partition=1)
    assert await read_all(kafka, topic.name) == {0: [b"one"], 1: [b"two"]}


async def test_a_topic_nobody_made_has_no_ends_and_an_empty_one_no_records(
    kafka: str, prefix: str
) -> None:
    topic = Topic(f"{prefix}b.v1", "key", None, "for this test", partitions=2)
    await ensure_topics(kafka, [topic])
    async with KafkaTopics(kafka) as log:
        ends = await log.ends([topic.name, f"{prefix}nobody.v1"])
    assert ends == {(topic.name, 0): (0, 0), (topic.name, 1): (0, 0)}
    assert await read_all(kafka, topic.name) == {}


@pytest.fixture
async def broker(own_kafka: Callable[[], tuple[EmbeddedKafka, Place]]) -> str:
    """A broker of this test's own: topics have their real names on it."""
    return (await asyncio.to_thread(own_kafka))[0].bootstrap


async def test_the_command_says_yes_and_after_damage_no(
    broker: str, pool: Pool, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = WholeFlow(pool)
    await flow.live(30)
    await copy_log(flow.pipeline, broker)
    monkeypatch.setenv("DATABASE_URL", database)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", broker)
    fine = await asyncio.to_thread(ocop_verify, "--json")
    assert fine.exit_code == 0, fine.output
    assert answer(fine)["holds"] is True
    assert len(answer(fine)["promises"]) == len(PROMISES)

    await pool.execute("DELETE FROM feed.entries WHERE number = 1")
    broken = await asyncio.to_thread(ocop_verify, "--json")
    assert broken.exit_code == 1
    assert [p["name"] for p in answer(broken)["promises"] if not p["holds"]] == [
        "feeds_have_no_gap"
    ]
    words = (await asyncio.to_thread(ocop_verify)).stdout
    assert "7. BROKEN" in words
    assert "1. holds" in words


def ocop_verify(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def answer(result: Result) -> dict[str, Any]:
    read: dict[str, Any] = orjson.loads(result.stdout)
    return read


async def copy_log(pipeline: Pipeline, bootstrap: str) -> None:
    """Every record of the in-memory log, in the same partition at the same offset."""
    used = [topic for topic in TOPICS if pipeline.records(topic.name)]
    await ensure_topics(bootstrap, used)
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True) as producer:
        for topic in used:
            for record in pipeline.records(topic.name):
                await producer.send(
                    topic.name,
                    record.value,
                    key=record.key,
                    partition=record.partition,
                    headers=list(record.headers),
                )
        await producer.flush()
