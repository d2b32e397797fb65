"""The partners stage: from a topic of a partner's own into tracking, on real servers."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from schemas.catalogue import TRACKING_RECEIVED, partner_topic
from services.kafka.admin import ensure_topics
from services.registry.partners import Publisher
from streams.app import Cluster, Setting
from streams.partners import Partners
from streams.partners_runner import PartnersRunner
from streams.runtime.kafka_log import KafkaLog
from streams.runtime.memory import Disorder, ManualClock, Pipeline
from streams.runtime.outgoing import Outgoing
from streams.runtime.publisher import KafkaPublisher
from streams.runtime.settle import World
from streams.tracking import Tracking
from tests.tracking_facts import MAP, NOW, a_booking, booked, last_states

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from services.store.pool import Pool
    from streams.runtime.stage import Stage

RURAL = Publisher("rural-post", "ruralpost", "generic")

READ_COUNTS = "SELECT sum(applied) AS applied, sum(dead) AS dead FROM runtime.checkpoints"
JOIN = """
INSERT INTO registry.partners (partner_id, carrier, api, verification, publishes)
VALUES ($1, 'ruralpost', $2, 'standard_webhooks', true)
"""


def an_event(code: str, at: str, number: str = "RP1", **more: Any) -> bytes:
    event = {"event_id": f"{code}@{at}", "tracking_no": number, "code": code, "occurred_at": at}
    return orjson.dumps(event | more)


JOURNEY = (
    an_event("picked_up", "2026-10-02T08:00:00+07:00"),
    an_event("out_for_delivery", "2026-10-03T08:00:00+07:00"),
    an_event("delivery_failed", "2026-10-03T11:00:00+07:00", reason_code="consignee_unreachable"),
    an_event("delivered", "2026-10-04T09:00:00+07:00", cod_collected_vnd=500),
)


@pytest.mark.postgres
async def test_canonical_codes_of_any_order_end_at_the_door(pool: Pool) -> None:
    stages: list[Stage] = [Partners([RURAL]), Tracking(MAP)]
    pipeline = Pipeline(
        stages, pool, ManualClock(NOW), disorder=Disorder(seed=5, duplicated=0.5, late=0.5)
    )
    await booked(a_booking("RP1", carrier="ruralpost"))(pipeline)
    for number, raw in enumerate([*JOURNEY[::-1], *JOURNEY]):
        await pipeline.send(RURAL.topic.name, f"{number}", raw)
    await pipeline.run_until_idle()
    (state,) = last_states(pipeline).values()
    assert (state["status"], state["attempt_no"]) == ("delivered", 2)
    assert state["cod_state"] == "collected"


@pytest.mark.postgres
@pytest.mark.parametrize(
    "raw",
    [b"", b"\xff", b"[]", an_event("delivered", "yesterday"), an_event("", "2026-10-04T09:00:00Z")],
)
async def test_what_cannot_be_read_is_buried_in_the_partners_topic(pool: Pool, raw: bytes) -> None:
    pipeline = Pipeline([Partners([RURAL])], pool, ManualClock(NOW))
    await pipeline.send(RURAL.topic.name, None, raw)
    await pipeline.run_until_idle()
    assert len(pipeline.records(RURAL.topic.dead)) == 1
    assert pipeline.records(TRACKING_RECEIVED.name) == []


@contextlib.asynccontextmanager
async def running(pool: Pool, kafka: str, prefix: str) -> AsyncIterator[PartnersRunner]:
    publisher = KafkaPublisher(kafka, "test-partners")
    catalogue = {TRACKING_RECEIVED.name: TRACKING_RECEIVED}
    world = World(pool, publisher, lambda: datetime.now(UTC), catalogue)
    log = KafkaLog(kafka, "test-partners")
    runner = PartnersRunner(pool, Setting(world, log, Cluster(kafka, prefix), lambda _: None))
    task = asyncio.create_task(runner.run())
    try:
        yield runner
    finally:
        runner.stop()
        await task
        await publisher.close()


async def counted(pool: Pool, applied: int) -> Any:
    async with asyncio.timeout(60):
        while True:
            row = await pool.fetchrow(READ_COUNTS)
            if row and (row["applied"] or 0) >= applied:
                return row
            await asyncio.sleep(0.2)


@pytest.mark.postgres
@pytest.mark.kafka
async def test_a_partner_that_joins_later_is_read_without_a_restart(
    pool: Pool, kafka: str, prefix: str
) -> None:
    first, second = f"{prefix}a", f"{prefix}b"
    topics = [partner_topic(first), partner_topic(second)]
    await ensure_topics(kafka, [*topics, TRACKING_RECEIVED])
    sender = KafkaPublisher(kafka, "a-partner")
    await pool.execute(JOIN, first, "generic")
    async with running(pool, kafka, prefix):
        await sender.publish([Outgoing(topics[0].name, b"1", raw) for raw in JOURNEY])
        await counted(pool, len(JOURNEY))
        await pool.execute(JOIN, second, "generic2")
        await sender.publish([Outgoing(topics[1].name, b"1", raw) for raw in (*JOURNEY, b"?")])
        row = await counted(pool, 2 * len(JOURNEY))
    await sender.close()
    assert (row["applied"], row["dead"]) == (2 * len(JOURNEY), 1)
