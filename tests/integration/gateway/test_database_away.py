"""While PostgreSQL is away a seller hears 503 and when to come again, and nothing has to be mended."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from schemas.catalogue import TOPICS
from services.embedded.postgres import EmbeddedPostgres, create_database
from services.embedded.process import Place
from services.kafka.admin import ensure_topics
from services.kafka.durability import Durability
from services.settings import Settings
from services.store.migrate import migrate
from services.store.pool import open_pool
from tests.integration.gateway.conftest import serve

if TYPE_CHECKING:
    import pytest

    from tests.integration.gateway.conftest import Served


async def ask(served: Served) -> tuple[int, str, str | None]:
    """Status, media type and Retry-After of a seller's read."""
    (seller_id, *_) = served.keys.sellers
    async with served.session.get(
        f"{served.url}/v1/packing/shipments", headers=served.bearer(seller_id)
    ) as answer:
        return answer.status, answer.content_type, answer.headers.get("Retry-After")


async def test_a_database_that_is_away_is_503_until_it_is_back(
    kafka: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    await ensure_topics(kafka, TOPICS, Durability(1, 1, flush=False))
    home = tmp_path_factory.mktemp("postgres")
    # Durable: a server that is killed must still have what was written a moment before.
    place, server = Place(home), EmbeddedPostgres(home, durable=True, tied=True)
    server.prepare(place)
    place.start(server.process())
    place.wait(server.process())
    await create_database(server.url)
    await migrate(server.url, Settings().migrations_dir)
    pool = await open_pool(server.url, application_name="test")
    async with serve(kafka, server.url, pool) as served:
        assert (await ask(served))[0] == 200
        place.stop("postgres", signal.SIGKILL)
        assert await ask(served) == (503, "application/problem+json", "2")
        server.prepare(place)
        place.start(server.process())
        place.wait(server.process())
        assert (await ask(served))[0] == 200
    pool.terminate()
    place.stop("postgres")
