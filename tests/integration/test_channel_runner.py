"""The channel runner on PostgreSQL: hints, polls and queues become fetches, and nothing is skipped."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from schemas.catalogue import ORDER_RECEIVED, TRACKING_RECEIVED
from services.channels.directory import ChannelInterface
from services.channels.port import Hint, Milestone, PackageState, Polling, Report
from services.jobs.carrier_calls import TryLater
from services.jobs.channel_calls import (
    MOST_WITHOUT_KEYS,
    PATIENCE,
    ChannelCalls,
    ChannelMeans,
)
from services.jobs.channel_polls import Polls, hinted, span
from services.jobs.channel_queue import (
    FetchJob,
    ReportJob,
    enqueue_channel_jobs,
    read_job,
    stored,
)
from services.store.channels import claim_cursor
from services.store.vault import Vault
from services.telemetry import CHANNEL_CALLS
from tests.channel_examples import SHOPEE_NO, a_shopee_order, raw
from tests.market import NOON, Log, Market

if TYPE_CHECKING:
    from services.store.pool import Pool

JOBS = "SELECT payload FROM jobs.pgqueuer ORDER BY id"
SHOP = "shop-1"


class Runner:
    """A market, and the parts of the runner that speak to it."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.market = Market()
        self.log = Log()
        self.row = ChannelInterface("shopee", lambda _account, _secrets: self.market, Polling())
        means = ChannelMeans(pool, self.log, Vault(bytes(32)))
        self.calls = ChannelCalls("shopee", self.market, means)
        ago = datetime.now(UTC) - NOON + timedelta(days=1)
        self.polls = Polls(self.row, self.market, pool, first_look=ago, every_s=1e-6)

    async def jobs(self) -> list[FetchJob | ReportJob]:
        return [read_job("shopee", row["payload"]) for row in await self.pool.fetch(JOBS)]

    async def work(self) -> None:
        """Do every job that waits, as the queue would."""
        for job in await self.jobs():
            await self.calls.perform(job, 0)
        await self.pool.execute("DELETE FROM jobs.pgqueuer")

    async def poll(self) -> None:
        """Until the newest is reached, as the loop would."""
        for _ in range(4):
            await self.polls.poll_due()


@pytest.fixture
async def runner(pool: Pool) -> Runner:
    await pool.execute("INSERT INTO registry.sellers VALUES ('P-1', 'HTX Mẫu', 'cooperative')")
    await pool.execute("INSERT INTO registry.shops VALUES ('shopee', $1, 'P-1')", SHOP)
    return Runner(pool)


def a_hint(number: str = "A1", about: str = "3:READY:1", at: datetime | None = None) -> Hint:
    return Hint(SHOP, number, about, at)


async def queue(runner: Runner, *hints: Hint) -> None:
    async with runner.pool.acquire() as connection:
        await enqueue_channel_jobs(connection, [hinted("shopee", hint) for hint in hints])


async def test_a_repeated_hint_is_one_job_and_a_newer_one_another(runner: Runner) -> None:
    await queue(runner, a_hint(), a_hint())
    await queue(runner, a_hint(), a_hint(about="3:READY:2"))
    assert [job.about for job in await runner.jobs() if isinstance(job, FetchJob)] == [
        "3:READY:1",
        "3:READY:2",
    ]


async def test_a_hint_brings_the_raw_order_and_says_whose_it_is(runner: Runner) -> None:
    runner.market.changes("A1", b'{"raw":1}')
    await queue(runner, a_hint())
    await runner.work()
    [(topic, key, value, headers)] = runner.log.records
    assert (topic, key, value) == (ORDER_RECEIVED.name, "shopee:A1", b'{"raw":1}')
    assert (headers["ocop_channel"], headers["ocop_shop"], headers["ocop_kind"]) == (
        "shopee",
        SHOP,
        "order",
    )


async def test_a_state_in_the_log_is_not_appended_again(runner: Runner) -> None:
    runner.market.changes("A1", b"1")
    for about in ("a", "b"):
        await queue(runner, a_hint(about=about))
        await runner.work()
    assert runner.log.values(ORDER_RECEIVED) == [b"1"]


async def test_what_a_listing_says_is_known_is_not_fetched_again(runner: Runner) -> None:
    runner.market.changes("A1", b"1")
    await runner.poll()
    await runner.work()
    await runner.poll()
    await runner.work()
    assert runner.market.fetches == ["A1"]


async def test_a_channel_that_answers_the_state_before_is_asked_again(runner: Runner) -> None:
    runner.market.changes("A1", b"1")
    newer = runner.market.changes("A1", b"2")
    runner.market.reads_late = 1
    job = hinted("shopee", a_hint(at=newer.at))
    with pytest.raises(TryLater):
        await runner.calls.perform(job, 0)
    await runner.calls.perform(job, 1)
    assert runner.log.values(ORDER_RECEIVED) == [b"2"]


async def test_an_order_that_never_comes_is_given_up_in_the_end(runner: Runner) -> None:
    job = hinted("shopee", a_hint("NONE"))
    with pytest.raises(TryLater):
        await runner.calls.perform(job, 0)
    await runner.calls.perform(job, PATIENCE)
    assert runner.log.records == []


async def test_a_shop_without_credentials_waits(runner: Runner) -> None:
    job = replace(hinted("shopee", a_hint()), shop="other")
    with pytest.raises(TryLater, match="credentials"):
        await runner.calls.perform(job, 0)
    await runner.calls.perform(job, MOST_WITHOUT_KEYS)


async def test_polling_lists_every_page_once(runner: Runner) -> None:
    for number in range(5):
        runner.market.changes(f"A{number}", str(number).encode())
    await runner.poll()
    await runner.work()
    assert sorted(runner.log.values(ORDER_RECEIVED)) == [b"0", b"1", b"2", b"3", b"4"]
    runner.market.changes("A9", b"9")
    await runner.poll()
    await runner.work()
    assert runner.market.fetches.count("A4") == 1
    assert runner.log.values(ORDER_RECEIVED)[-1] == b"9"


async def test_a_poll_that_breaks_off_begins_again_where_it_was(runner: Runner) -> None:
    for number in range(3):
        runner.market.changes(f"A{number}", str(number).encode())
    runner.market.fails = 1
    await runner.polls.poll_due()
    row = await runner.pool.fetchrow("SELECT failures, complaint FROM channels.cursors")
    assert dict(row or {}) == {"failures": 1, "complaint": "ChannelUnreachable: away"}
    await runner.pool.execute("UPDATE channels.cursors SET next_at = now()")
    await runner.poll()
    await runner.work()
    assert len(runner.log.values(ORDER_RECEIVED)) == 3


async def test_a_crash_between_append_and_memory_appends_the_same_record_again(
    runner: Runner,
) -> None:
    runner.market.changes("A1", b"1")
    await queue(runner, a_hint())
    await runner.work()
    await runner.pool.execute("DELETE FROM channels.orders")
    await queue(runner, a_hint())
    await runner.work()
    first, second = runner.log.records
    assert first == second


async def test_one_runner_polls_a_shop_at_a_time(runner: Runner) -> None:
    await runner.polls.poll_due()
    await runner.pool.execute("UPDATE channels.cursors SET next_at = now()")
    minute = timedelta(minutes=1)
    first = await claim_cursor(runner.pool, "shopee", [SHOP], uuid.uuid4(), minute)
    second = await claim_cursor(runner.pool, "shopee", [SHOP], uuid.uuid4(), minute)
    assert (first is not None, second) == (True, None)


async def test_the_cursor_follows_the_channels_clock(runner: Runner) -> None:
    runner.market.changes("A1", b"1")
    await runner.poll()
    assert await runner.pool.fetchval("SELECT position FROM channels.cursors") == runner.market.now


async def test_a_channel_whose_clock_is_ahead_is_followed(runner: Runner) -> None:
    runner.market.now = datetime.now(UTC) + timedelta(days=3)
    runner.market.changes("A1", b"1")
    await runner.poll()
    await runner.work()
    assert runner.log.values(ORDER_RECEIVED) == [b"1"]
    assert await runner.pool.fetchval("SELECT position FROM channels.cursors") == runner.market.now


def test_a_long_time_is_looked_through_in_parts() -> None:
    polling = Polling(overlap=timedelta(0), widest=timedelta(days=15))
    parts = [
        span(NOON + timedelta(days=day), NOON + timedelta(days=40), polling) for day in (0, 30)
    ]
    assert [(part.until - NOON).days for part in parts] == [15, 40]


async def test_what_is_kept_for_us_is_durable_before_it_is_confirmed(runner: Runner) -> None:
    runner.market.kept = [a_hint(f"A{n}") for n in range(3)]
    assert await runner.polls.drain() == 3
    assert (len(await runner.jobs()), runner.market.confirmed) == (3, ["2", "1"])


async def test_a_package_is_tracked_when_its_status_changes(runner: Runner) -> None:
    for status in ("READY", "READY", "DONE"):
        runner.market.changes("A1", b"1", PackageState("PKG1", status, NOON))
        await queue(runner, a_hint(about=status))
        await runner.work()
    keys = {key for _, key, _, _ in runner.log.records}
    assert keys == {"shopee:A1", "shopee:PKG1"}
    assert len(runner.log.values(TRACKING_RECEIVED)) == 2


async def test_a_status_nobody_knows_is_an_alarm(runner: Runner) -> None:
    def alarmed() -> float:
        return float(CHANNEL_CALLS.labels("shopee", "status", "alarm")._value.get())

    before = alarmed()
    for status in ("READY_TO_SHIP", "TELEPORTED"):
        runner.market.changes(SHOPEE_NO, raw(a_shopee_order(order_status=status)))
        await queue(runner, a_hint(SHOPEE_NO, status))
        await runner.work()
    assert alarmed() == before + 1


async def test_a_report_reaches_the_channel(runner: Runner) -> None:
    report = Report(SHOP, "A1", Milestone.DELIVERED, NOON, "vnpost", "CA1VN")
    job = ReportJob("shopee", "shopee:P-1:A1", report)
    assert read_job("shopee", stored(job)) == job
    await runner.calls.perform(job, 0)
    assert runner.market.reports == [report]
