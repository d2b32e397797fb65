"""Channels' pushes over HTTP: signed or refused, durable before the answer, repeats harmless."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from schemas.catalogue import ORDER_RECEIVED
from services.channels.directory import CHANNELS
from services.channels.lazada.signature import push_signature as lazada_signature
from services.channels.port import ChannelAccount
from services.channels.settings import ChannelSettings
from services.channels.shopee.signature import push_signature as shopee_signature
from services.jobs.channel_calls import ChannelMeans
from services.jobs.channel_queue import FetchJob, read_job
from services.jobs.channels import ChannelRunner
from services.sandbox.lazada import LazadaSandbox
from services.sandbox.market import PlainOrder
from services.sandbox.options import CALM, EVEN, Mischief, Options, Webhooks
from services.sandbox.serving import serving
from services.sandbox.shopee import ShopeeSandbox
from services.store.channel_secrets import ChannelSecrets
from services.store.credentials import revoke_key, seal_secret
from services.store.vault import Vault
from tests.channel_examples import (
    APP_SECRET,
    LAZADA_PUSH,
    PARTNER_KEY,
    PUSH_URL,
    SHOPEE_NO,
    SHOPEE_PUSH,
)
from tests.contract.test_shopee_lazada import an_order
from tests.integration.gateway.conftest import MASTER_KEY

if TYPE_CHECKING:
    from tests.integration.gateway.conftest import Served

ACCOUNTS = {
    "shopee": ChannelAccount("", "2000001", PUSH_URL),
    "lazada": ChannelAccount("", "100001"),
}
SIGNED = {
    "shopee": shopee_signature(PARTNER_KEY.encode(), PUSH_URL, SHOPEE_PUSH),
    "lazada": lazada_signature(APP_SECRET.encode(), "100001", LAZADA_PUSH),
}
BODIES = {"shopee": SHOPEE_PUSH, "lazada": LAZADA_PUSH}
NAMES = ("shopee", "lazada")


@pytest.fixture
async def known(served: Served) -> Served:
    """The gateway knows both marketplaces' secrets."""
    vault = Vault(MASTER_KEY)
    async with served.pool.acquire() as connection:
        await seal_secret(connection, "shopee", PARTNER_KEY, vault.seal_secret)
        await seal_secret(connection, "lazada", APP_SECRET, vault.seal_secret)
        await served.parts.keyring.refresh(connection)
    served.parts.channels = ACCOUNTS
    return served


async def push(
    served: Served, channel: str, body: bytes | None = None, signature: str | None = None
) -> int:
    """Send a push; its HTTP status."""
    headers = {"Authorization": SIGNED[channel] if signature is None else signature}
    url = f"{served.url}/v1/channels/{channel}/push"
    raw = BODIES[channel] if body is None else body
    async with served.session.post(url, data=raw, headers=headers) as answer:
        return answer.status


async def jobs(served: Served, channel: str) -> list[FetchJob]:
    rows = await served.pool.fetch(
        "SELECT payload FROM jobs.pgqueuer WHERE entrypoint = $1", f"channel.{channel}"
    )
    found = [read_job(channel, row["payload"]) for row in rows]
    return [job for job in found if isinstance(job, FetchJob)]


@pytest.mark.parametrize("channel", NAMES)
async def test_a_push_is_a_job_once_however_often_it_comes(known: Served, channel: str) -> None:
    assert [await push(known, channel) for _ in range(3)] == [200, 200, 200]
    [job] = await jobs(known, channel)
    assert (job.channel, job.at is not None) == (channel, True)


@pytest.mark.parametrize("channel", NAMES)
async def test_what_is_not_signed_leaves_nothing(known: Served, channel: str) -> None:
    assert await push(known, channel, signature="0" * 64) == 401
    assert await push(known, channel, signature="") == 401
    assert await push(known, channel, body=BODIES[channel] + b" ") == 401
    assert await jobs(known, channel) == []


async def test_a_signed_push_that_cannot_be_read_is_not_refused(known: Served) -> None:
    body = b'{"shop_id":1,"code":3,"data":[]}'
    signature = shopee_signature(PARTNER_KEY.encode(), PUSH_URL, body)
    assert await push(known, "shopee", body, signature) == 200
    assert await jobs(known, "shopee") == []


async def test_a_channel_that_does_not_push_is_unknown(known: Served) -> None:
    async with known.session.post(f"{known.url}/v1/channels/sendo/push", data=b"{}") as answer:
        assert answer.status == 404


async def test_a_revoked_key_is_no_good(known: Served) -> None:
    async with known.pool.acquire() as connection:
        for row in await connection.fetch(
            "SELECT key_id FROM registry.credentials WHERE owner_id = 'shopee'"
        ):
            await revoke_key(connection, row["key_id"])
        await known.parts.keyring.refresh(connection)
    assert await push(known, "shopee") == 401


async def test_a_push_is_answered_in_time(known: Served) -> None:
    """Lazada gives half a second."""
    began = asyncio.get_running_loop().time()
    statuses = await asyncio.gather(*(push(known, "lazada") for _ in range(20)))
    assert set(statuses) == {200}
    assert asyncio.get_running_loop().time() - began < 10


@pytest.mark.parametrize("sandbox", [ShopeeSandbox, LazadaSandbox])
async def test_what_a_marketplace_pushes_is_believed_in_whatever_order(
    known: Served, sandbox: Any
) -> None:
    channel = "shopee" if sandbox is ShopeeSandbox else "lazada"
    secret = PARTNER_KEY if channel == "shopee" else APP_SECRET
    url = f"{known.url}/v1/channels/{channel}/push"
    known.parts.channels = {channel: ChannelAccount("", ACCOUNTS[channel].app_id, url)}
    restless = replace(CALM, duplicate=0.5, out_of_order=0.3)
    options = Options(
        start=datetime.now(UTC),
        speed=50_000.0,
        mischief=restless,
        lives=EVEN,
        webhooks=Webhooks(url=url, secret=secret),
    )
    peer = sandbox(options)
    async with serving(peer):
        number = SHOPEE_NO if channel == "shopee" else "400000000000001"
        peer.yard.place(PlainOrder.model_validate(an_order(number=number)))
        async with asyncio.timeout(60):
            while peer.yard.open_parcels() or peer.messenger.waiting:  # noqa: ASYNC110 - over HTTP
                await asyncio.sleep(0.1)
        assert peer.messenger.totals["given_up"] == 0
    hinted = await jobs(known, channel)
    assert {job.number for job in hinted} == {number}
    assert len({job.about for job in hinted}) == len(hinted) >= 5


async def test_every_order_reaches_the_log_whatever_is_lost_on_the_way(known: Served) -> None:
    """A third of the pushes is lost, calls fail, answers are cut: jobs, polls and lost pushes mend it."""
    url = f"{known.url}/v1/channels/shopee/push"
    known.parts.channels = {"shopee": ChannelAccount("", "2000001", url)}
    trouble = Mischief(0.0, 0.0, 0.0, 0.1, 0.1, 0.1, 0.0, 0.3, 0.3, 0.3)
    hooks = Webhooks(url=url, secret=PARTNER_KEY)
    peer = ShopeeSandbox(
        Options(datetime.now(UTC), 30_000.0, mischief=trouble, lives=EVEN, webhooks=hooks)
    )
    numbers = [f"261001TEST{n:04d}" for n in range(20)]
    vault = Vault(MASTER_KEY)
    shop = await known.pool.fetchval(
        "SELECT min(shop_ref) FROM registry.shops WHERE channel = 'shopee'"
    )
    async with known.pool.acquire() as connection:
        await seal_secret(connection, f"shopee/{shop}", peer.token(shop), vault.seal_secret)
    async with serving(peer) as shopee:
        row = next(row for row in CHANNELS if row.name == "shopee")
        runner = ChannelRunner(
            (replace(row, drains_every_s=0.5),),
            ChannelSettings(shopee_url=shopee, poll_every_s=0.5, timeout_s=5.0),
            ChannelSecrets(vault.open_secret),
            ChannelMeans(known.pool, known.parts.appender, vault),
        )
        running = asyncio.create_task(runner.run())
        for number in numbers:
            peer.yard.place(PlainOrder.model_validate(an_order(number=number, shop=shop)))
        async with asyncio.timeout(90):
            while peer.yard.open_parcels() or not await all_completed(known, peer):  # noqa: ASYNC110
                await asyncio.sleep(0.2)
        runner.stop()
        await running
    for number in numbers:
        last = (await known.records(ORDER_RECEIVED, number.encode()))[-1]
        assert b'"COMPLETED"' in (last.value or b"")


async def all_completed(known: Served, peer: ShopeeSandbox) -> bool:
    """Whether the newest state of every order is in the log."""
    rows = await known.pool.fetch("SELECT number, updated_at FROM channels.orders")
    seen = {row["number"]: row["updated_at"] for row in rows}
    return all(seen.get(number) == sold.at for number, sold in peer.yard.sold.items())
