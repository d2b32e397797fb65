"""`ocop import`: what a file holds becomes orders, once, however often it is imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from services.channels.files.jsonl import read_jsonl
from services.channels.files.sending import send_ready
from tests.intake_examples import a_cancellation, an_order, body
from tests.intaking import REGISTRY, start_intake

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from schemas.topics import Topic
    from services.embedded.kafka import EmbeddedKafka
    from services.embedded.process import Place
    from services.store.pool import Pool
    from tests.intaking import Intaking

OCOP = (sys.executable, "-m", "streams.cli")


def a_file(*payloads: dict[str, Any], count: int | None = None) -> bytes:
    end = {"format": "ocop.order/1", "lines": len(payloads) if count is None else count}
    return b"\n".join([*(body(one) for one in payloads), json.dumps(end).encode()])


class IntakesAppender:
    """Hands records to intake's own log."""

    def __init__(self, intaking: Intaking) -> None:
        self.intaking = intaking

    async def append(
        self, topic: Topic, key: str, value: bytes, headers: Mapping[str, str]
    ) -> None:
        encoded = [(name, text.encode()) for name, text in headers.items()]
        await self.intaking.pipeline.send(topic.name, key, value, encoded)


async def test_a_file_imported_twice_places_its_orders_once(pool: Pool) -> None:
    intaking = await start_intake(pool)
    raw = a_file(an_order(), a_cancellation(), an_order(channel_order_no="PM-2"))
    read = read_jsonl(raw, "postmart")
    after: list[dict[str, Any]] = []
    for _ in range(2):
        appender: Any = IntakesAppender(intaking)
        await send_ready(appender, "postmart", read.ready, lambda _: None)
        await intaking.pipeline.run_until_idle()
        after.append(await intaking.state())
    assert after[0] == after[1]
    assert sorted(intaking.kinds) == ["OrderCancelRequested", "OrderPlaced", "OrderPlaced"]
    assert intaking.dead_codes == []
    assert intaking.count("duplicate") == 3


@pytest.fixture
def ocop(
    own_kafka: Callable[[], tuple[EmbeddedKafka, Place]], database: str, tmp_path: Path
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`ocop` on servers of its own."""
    broker, _ = own_kafka()
    env = os.environ | {
        "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap,
        "DATABASE_URL": database,
        "OCOP_DATA_DIR": str(tmp_path / "data"),
        "OCOP_KAFKA_REPLICATION": "1",
        "COLUMNS": "200",
    }

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            (*OCOP, *words), capture_output=True, text=True, check=False, timeout=90, env=env
        )

    assert run("topics").returncode == 0
    return run


async def test_the_command_sends_the_good_names_the_bad_and_exits_with_1(
    ocop: Callable[..., subprocess.CompletedProcess[str]],
    pool: Pool,
    tmp_path: Path,
) -> None:
    await pool.execute(REGISTRY)
    file = tmp_path / "postmart-20260701-1.jsonl"
    file.write_bytes(a_file(an_order(), an_order(seller_ref="NOBODY", channel_order_no="PM-2")))
    said = ocop("import", str(file), "--channel", "postmart", "--json")
    told = json.loads(said.stdout)
    assert said.returncode == 1, said.stderr
    assert (told["sent"], [one["column"] for one in told["errors"]]) == (1, ["seller_ref"])
    assert "PM-2" not in said.stdout
    assert "no such shop" in (tmp_path / f"{file.name}.errors.csv").read_text("utf-8-sig")

    file.write_bytes(a_file(an_order(), count=2))
    refused = ocop("import", str(file), "--channel", "postmart")
    assert refused.returncode == 1
    assert "Nothing was sent" in refused.stderr
