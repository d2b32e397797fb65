"""Ten thousand bodies that fit, nearly fit and do not fit what partners send: no 5xx, no hang,
nothing stored that was not authenticated."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import Counter
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import pytest
import schemathesis
from aiokafka import AIOKafkaConsumer, TopicPartition
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from schemas.catalogue import ORDER_RECEIVED, TRACKING_RECEIVED
from services.sandbox.month.door import sign
from services.store.credentials import adopt_secret, issue_signing_secret
from services.store.vault import Vault
from tests.integration.gateway.conftest import MASTER_KEY, VIETTELPOST_SECRET

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.embedded.kafka import EmbeddedKafka
    from services.embedded.process import Place
    from tests.integration.gateway.conftest import Served

pytestmark = [
    pytest.mark.timeout(600),
    # Schemathesis itself draws some of its cases with `random`.
    pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies"),
]

REQUESTS = 10_000
SLOWEST_S = 10.0
SECRET = "fuzz-secret-of-a-carrier"


@pytest.fixture
def kafka(own_kafka: Callable[[], tuple[EmbeddedKafka, Place]]) -> str:
    """A broker of its own: so many bodies that nobody can read would park others' workers."""
    broker, _ = own_kafka()
    return broker.bootstrap


@dataclass
class Door:
    """An endpoint, and how its true partner signs: raw → raw, headers, query."""

    path: str
    template: str
    signed: Callable[[bytes], tuple[bytes, dict[str, str], str]] | None = None


@dataclass
class Told:
    """What the gateway answered, by door and whether the request was signed."""

    answers: Counter[tuple[str, bool, int]] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        return sum(self.answers.values())

    def statuses(self, *, signed: bool) -> set[int]:
        return {status for _, was, status in self.answers if was is signed}


def with_token(raw: bytes) -> tuple[bytes, dict[str, str], str]:
    """Viettel Post: the secret in the header and, where the body is an object, in the body."""
    try:
        body = json.loads(raw)
    except ValueError:
        body = None
    if isinstance(body, dict):
        raw = json.dumps(body | {"TOKEN": VIETTELPOST_SECRET}).encode()
    return raw, {"Authorization": VIETTELPOST_SECRET}, ""


def doors(served: Served, partner_secret: str) -> list[Door]:
    carriers = "/v1/carriers/{carrier}/{api}/events"
    postmart = served.keys.channels["postmart"]
    return [
        Door("/v1/carriers/viettelpost/partner_v2/events", carriers, with_token),
        Door("/v1/carriers/vnpost/myvnpost/events", carriers),
        Door("/v1/carriers/ghn/v2/events", carriers, lambda raw: (raw, {}, f"?key={SECRET}")),
        Door(
            "/v1/carriers/ghtk/services/events", carriers, lambda raw: (raw, {}, f"?hash={SECRET}")
        ),
        Door("/v1/carriers/nobody/knows/events", carriers),
        Door(
            "/v1/partners/rural-post/events",
            "/v1/partners/{partner_id}/events",
            lambda raw: (raw, sign(partner_secret, raw), ""),
        ),
        Door(
            "/v1/channels/postmart/orders",
            "/v1/channels/{channel}/orders",
            lambda raw: (raw, sign(postmart, raw), ""),
        ),
    ]


def raw_of(case: schemathesis.Case[Any]) -> bytes:
    """The generated body as bytes; forms as forms."""
    body: Any = case.body
    if isinstance(body, bytes):
        return body
    if case.media_type == "application/x-www-form-urlencoded" and isinstance(body, dict):
        return urlencode({name: str(value) for name, value in body.items()}).encode()
    return json.dumps(body, default=str).encode()


def spoiled(raw: bytes, how: int) -> bytes:
    """As it is, cut, doubled or turned into bytes that are no text."""
    return (raw, raw[: len(raw) // 2], raw + raw, b"\xff\x00" + raw)[how]


def fuzz(url: str, door: Door, document: dict[str, Any], told: Told, examples: int) -> None:
    """Send this many requests to one door; a third of them signed where its partner can."""
    schema = schemathesis.openapi.from_dict(document)
    operation = schema[door.template]["POST"]
    bodies = operation.as_strategy().map(raw_of)

    address = urlsplit(url).netloc
    with contextlib.closing(HTTPConnection(address, timeout=SLOWEST_S)) as client:

        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(raw=bodies, how=st.sampled_from([0, 0, 0, 0, 1, 2, 3]), honest=st.booleans())
        def send(raw: bytes, how: int, honest: bool) -> None:
            raw = spoiled(raw, how)
            signed = honest and door.signed is not None
            headers: dict[str, str] = {}
            query = ""
            if signed and door.signed is not None:
                raw, headers, query = door.signed(raw)
            client.request("POST", door.path + query, raw, headers)
            answer = client.getresponse()
            said = answer.read()
            told.answers[door.path, signed, answer.status] += 1
            assert answer.status < 500, (door.path, raw[:200], said)

        send()


async def stored(kafka: str) -> int:
    """Records of both ingest topics that partners write to."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = [
            TopicPartition(topic.name, number)
            for topic in (ORDER_RECEIVED, TRACKING_RECEIVED)
            for number in range(topic.partitions)
        ]
        return sum((await consumer.end_offsets(partitions)).values())
    finally:
        await consumer.stop()


async def joined(served: Served) -> str:
    """Give GHN and GHTK a secret, and let a partner of the generic format join."""
    async with served.pool.acquire() as connection:
        for partner in ("ghn", "ghtk"):
            await adopt_secret(connection, "partner", partner, SECRET)
        await connection.execute(
            """INSERT INTO registry.partners (partner_id, carrier, api, verification)
               VALUES ('rural-post', 'ruralpost', 'generic', 'standard_webhooks')"""
        )
        seal = Vault(MASTER_KEY).seal_secret
        secret = await issue_signing_secret(connection, "partner", "rural-post", seal)
        await served.parts.keyring.refresh(connection)
    return secret


async def test_no_body_breaks_the_gateway_and_none_unsigned_is_stored(served: Served) -> None:
    secret = await joined(served)
    async with served.session.get(f"{served.url}/openapi.json") as answer:
        document = await answer.json()
    told = Told()
    everywhere = doors(served, secret)
    unsigned = [Door(door.path, door.template) for door in everywhere]
    before = await stored(served.kafka)
    for door in unsigned:
        share = REQUESTS // (2 * len(unsigned)) + 1
        await asyncio.to_thread(fuzz, served.url, door, document, told, share)
    assert await stored(served.kafka) == before
    assert told.statuses(signed=False) <= {401, 404}
    for door in everywhere:
        if door.signed is not None:
            share = REQUESTS // 10 + 1
            await asyncio.to_thread(fuzz, served.url, door, document, told, share)
    assert told.total >= REQUESTS
    # 401: a body that cannot hold Viettel Post's token, or is no text at all.
    assert {200, 202} <= told.statuses(signed=True) <= {200, 202, 401, 422}
    print(dict(told.answers))
