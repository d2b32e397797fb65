"""A seller's feed through the gateway: pages and server-sent events, no gap between the two."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import orjson
from aiokafka import AIOKafkaProducer

from schemas.catalogue import FEED_APPENDED
from schemas.feed import FeedAppended
from schemas.intake import Channel
from schemas.status import Fulfilment, OrderStatusChanged

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.integration.gateway.conftest import Served

SELLER, OTHER = "S68-01", "S66-01"
NOW = datetime(2026, 10, 5, 1, 0, tzinfo=UTC)

INSERT_ENTRY = """
INSERT INTO feed.entries (seller_id, number, order_id, order_version, body, appended_at)
VALUES ($1, $2, $3, $4, $5::jsonb, now())
"""


def an_entry(number: int, seller_id: str = SELLER) -> FeedAppended:
    change = OrderStatusChanged(
        version=number,
        occurred_at=NOW,
        order_id=f"direct:{seller_id}:1",
        channel=Channel.DIRECT,
        seller_id=seller_id,
        status="validated",
        fulfilment=Fulfilment.VALIDATED,
        as_of=NOW,
    )
    return FeedAppended(
        version=number, occurred_at=NOW, seller_id=seller_id, number=number, change=change
    )


async def store(served: Served, *entries: FeedAppended) -> None:
    for entry in entries:
        await served.pool.execute(
            "INSERT INTO feed.sellers (seller_id, last_number) VALUES ($1, $2) "
            "ON CONFLICT (seller_id) DO UPDATE SET last_number = EXCLUDED.last_number",
            entry.seller_id,
            entry.number,
        )
        await served.pool.execute(
            INSERT_ENTRY,
            entry.seller_id,
            entry.number,
            entry.change.order_id,
            entry.change.version,
            entry.change.model_dump_json(),
        )


async def publish(served: Served, *entries: FeedAppended) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=served.kafka)
    await producer.start()
    for entry in entries:
        value = entry.model_dump_json().encode()
        await producer.send_and_wait(FEED_APPENDED.name, value, key=entry.key.encode())
    await producer.stop()


async def streamed(served: Served, seller_id: str, **headers: str) -> AsyncIterator[int]:
    """Feed numbers as they come over the stream; each event's id is its entry's number."""
    async with served.session.get(
        f"{served.url}/v1/events/stream", headers={**served.bearer(seller_id), **headers}
    ) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        last_id = 0
        async for raw in answer.content:
            line = raw.decode().strip()
            if line.startswith("id:"):
                last_id = int(line.removeprefix("id:"))
            elif line.startswith("data:"):
                entry = orjson.loads(line.removeprefix("data:"))
                assert entry["number"] == last_id
                assert entry["data"]["seller_id"] == seller_id
                yield last_id


async def take(stream: AsyncIterator[int], count: int) -> list[int]:
    async with asyncio.timeout(60):
        return [await anext(stream) for _ in range(count)]


async def test_pages_go_on_after_a_number_and_show_no_other_seller(served: Served) -> None:
    await store(served, *(an_entry(n) for n in (1, 2, 3)), an_entry(1, OTHER))
    async with served.session.get(
        f"{served.url}/v1/events", params={"after": 1}, headers=served.bearer(SELLER)
    ) as answer:
        events = (await answer.json())["events"]
    assert [event["number"] for event in events] == [2, 3]
    assert {event["data"]["seller_id"] for event in events} == {SELLER}


async def test_a_stream_gives_the_past_then_what_is_appended(served: Served) -> None:
    await store(served, an_entry(1), an_entry(2))
    stream = streamed(served, SELLER)
    assert await take(stream, 2) == [1, 2]
    await publish(served, an_entry(2), an_entry(3), an_entry(1, OTHER), an_entry(4))
    assert await take(stream, 2) == [3, 4]


async def test_a_stream_resumes_after_the_last_event_id(served: Served) -> None:
    await store(served, *(an_entry(n) for n in (1, 2, 3)))
    stream = streamed(served, SELLER, **{"Last-Event-ID": "2"})
    assert await take(stream, 1) == [3]


async def test_a_jump_in_the_topic_is_filled_from_the_table(served: Served) -> None:
    await store(served, an_entry(1))
    stream = streamed(served, SELLER)
    assert await take(stream, 1) == [1]
    await store(served, an_entry(2), an_entry(3))
    await publish(served, an_entry(3))
    assert await take(stream, 2) == [2, 3]


async def test_a_last_event_id_that_is_no_number_is_refused(served: Served) -> None:
    async with served.session.get(
        f"{served.url}/v1/events/stream",
        headers={**served.bearer(SELLER), "Last-Event-ID": "x"},
    ) as answer:
        assert answer.status == 400
