"""A 2xx means durable: when the broker is away the gateway says 503, and takes orders again later."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from schemas.catalogue import TOPICS
from services.kafka.admin import ensure_topics
from services.kafka.durability import Durability
from tests.integration.gateway.conftest import VIETTELPOST_SECRET, serve

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.embedded.kafka import EmbeddedKafka
    from services.embedded.process import Place
    from services.store.pool import Pool


async def test_a_write_that_was_not_made_is_503_until_the_broker_is_back(
    own_kafka: Callable[[], tuple[EmbeddedKafka, Place]], database: str, pool: Pool
) -> None:
    broker, place = own_kafka()
    await ensure_topics(broker.bootstrap, TOPICS, Durability(1, 1, flush=True))
    body = {
        "DATA": {"ORDER_NUMBER": "VTP1", "ORDER_STATUS": 500},
        "TOKEN": VIETTELPOST_SECRET,
    }
    async with serve(broker.bootstrap, database, pool) as served:

        async def send() -> tuple[int, str | None]:
            async with served.session.post(
                f"{served.url}/v1/carriers/viettelpost/partner_v2/events",
                data=orjson.dumps(body),
                headers={"Authorization": VIETTELPOST_SECRET},
            ) as answer:
                return answer.status, answer.headers.get("Retry-After")

        assert await send() == (200, None)
        place.stop("kafka")
        status, retry_after = await send()
        assert status == 503
        assert retry_after is not None
        async with served.session.get(f"{served.url}/readyz") as answer:
            assert answer.status == 503
            assert (await answer.json())["kafka"] is False
        place.start(broker.process())
        place.wait(broker.process())
        statuses = [(await send())[0] for _ in range(3)]
        assert statuses[-1] == 200
