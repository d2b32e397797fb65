"""The metrics stage and its writer of revisions, on the in-memory log and a real database."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from schemas.metrics import MonthlyThroughput
from schemas.tracking import TrackingStatus
from streams.metrics import Metrics
from streams.metrics_publisher import MonthlyPublisher
from streams.rules.metrics_facts import OrderFacts
from streams.rules.metrics_rows import rows_of
from streams.runtime.failures import PublishFailed
from streams.runtime.memory import Disorder, ManualClock, Pipeline
from tests.order_facts import (
    a_booking,
    a_delivery,
    a_life,
    a_parcel,
    a_placed_order,
    a_routing,
    a_tracking_state,
    an_amended_order,
    at,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Sequence

    from schemas.event import Event
    from services.store.pool import Pool
    from streams.runtime.outgoing import Outgoing

pytestmark = pytest.mark.postgres

NOW = datetime(2026, 11, 1, tzinfo=UTC)
FIGURES = """
    SELECT month, carrier, figure, sum(value)::int AS value FROM metrics.counters
     GROUP BY month, carrier, figure HAVING sum(value) <> 0
"""
ROWS = """
    SELECT row_to_json(o)::jsonb FROM metrics.orders o
    UNION ALL SELECT row_to_json(s)::jsonb FROM metrics.shipments s
    UNION ALL SELECT row_to_json(p)::jsonb FROM metrics.parcels p
"""


def orders(count: int) -> list[str]:
    return [f"postmart:HTX-MAU-01:PM-{number:07d}" for number in range(count)]


def a_pipeline(pool: Pool, disorder: Disorder | None = None) -> Pipeline:
    clock = ManualClock(NOW)
    return Pipeline([Metrics()], pool, clock, disorder=disorder or Disorder(seed=0))


async def told(pipeline: Pipeline, events: Iterable[Event]) -> None:
    for event in events:
        await pipeline.send_event(event)
    await pipeline.run_until_idle()


async def figures(pool: Pool) -> dict[tuple[str, str, str], int]:
    return {tuple(row[:3]): row["value"] for row in await pool.fetch(FIGURES)}


async def rows(pool: Pool) -> set[str]:
    return {row[0] for row in await pool.fetch(ROWS)}


async def test_a_life_told_twice_and_shuffled_leaves_the_rows_of_an_orderly_one(pool: Pool) -> None:
    lives = [event for order in orders(12) for event in a_life(order)]
    disorder = Disorder(seed=7, duplicated=0.3, late=0.3, redelivered=0.3, cut=True)
    await told(a_pipeline(pool, disorder), lives)
    got = await figures(pool), await rows(pool)

    await pool.execute(
        "TRUNCATE metrics.facts, metrics.orders, metrics.shipments, metrics.parcels, metrics.counters,"
        " runtime.checkpoints"
    )
    await told(a_pipeline(pool), lives)
    assert got == (await figures(pool), await rows(pool))
    assert got[0]["2026-10", "viettelpost", "parcels_delivered"] == 12


async def test_stored_facts_give_the_stored_rows(pool: Pool) -> None:
    await told(a_pipeline(pool), a_life())
    stored = await pool.fetchval("SELECT facts FROM metrics.facts")
    parcel = await pool.fetchrow("SELECT * FROM metrics.parcels")
    assert parcel is not None
    assert tuple(parcel) == tuple(rows_of(OrderFacts.model_validate_json(stored)).parcels[0])


async def test_an_amendment_after_delivery_moves_the_parcel_to_its_new_star(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    await told(pipeline, a_life())
    first = await pool.fetchval("SELECT star FROM metrics.parcels")
    amended = an_amended_order()
    line = amended.lines[0].model_copy(update={"star": 5})
    await told(pipeline, [amended.model_copy(update={"lines": (line,)})])
    stars = await pool.fetch(
        "SELECT star, sum(value)::int AS value FROM metrics.counters"
        " WHERE figure = 'parcels_delivered' GROUP BY star ORDER BY star"
    )
    assert first == 4
    assert [tuple(row) for row in stars] == [(4, 0), (5, 1)]


async def test_known_facts_are_counted_as_duplicates(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    await told(pipeline, a_life())
    await told(pipeline, a_life())
    done = sum(settled.counts.duplicate for settled in pipeline.settled)
    assert done == len(a_life())


def a_writer(pipeline: Pipeline, pool: Pool, clock: ManualClock | None = None) -> MonthlyPublisher:
    return MonthlyPublisher(pool, pipeline, clock or ManualClock(NOW))


def published(pipeline: Pipeline) -> list[MonthlyThroughput]:
    events = pipeline.events(MonthlyThroughput.topic_name)
    return [event for event in events if isinstance(event, MonthlyThroughput)]


async def test_a_revision_tells_every_figure_of_a_cell_and_its_cause(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    await told(pipeline, a_life())
    assert await a_writer(pipeline, pool).catch_up() == 2
    of_orders, of_parcels = sorted(published(pipeline), key=lambda event: event.dimensions.carrier)
    assert of_orders.dimensions.carrier == ""
    assert of_orders.figures["orders_placed"] == 1
    assert of_orders.figures["parcels_delivered"] == 0
    assert of_parcels.figures["parcels_delivered"] == 1
    assert of_parcels.histograms["handover_to_first_attempt_h"] == {"48": 1}
    assert (of_parcels.version, of_parcels.as_of, of_parcels.watermark) == (1, NOW, at(4, 10))
    assert of_parcels.cause.startswith("shipment.status_changed.v1 OC")


async def test_a_late_event_makes_the_next_revision_of_the_cell_it_moves_only(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    await told(pipeline, [a_placed_order(), a_routing(), a_parcel(), a_booking()])
    writer = a_writer(pipeline, pool)
    await writer.catch_up()
    await told(pipeline, a_delivery())
    await writer.catch_up()
    assert [event.version for event in published(pipeline)] == [1, 1, 2]
    late = published(pipeline)[-1]
    assert late.dimensions.carrier == "viettelpost"
    assert late.figures["parcels_packed"] == late.figures["parcels_delivered"] == 1


async def test_nothing_new_makes_no_revision(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    await told(pipeline, a_life())
    writer = a_writer(pipeline, pool)
    await writer.catch_up()
    await told(pipeline, a_life())
    assert await writer.catch_up() == 0
    assert await pool.fetchval("SELECT max(revision) FROM metrics.months") == 1


async def test_a_change_that_was_taken_back_within_the_second_makes_no_revision(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    await told(pipeline, a_life()[:4])
    writer = a_writer(pipeline, pool)
    await writer.catch_up()
    await told(
        pipeline,
        [
            a_tracking_state(TrackingStatus.PICKED_UP, at(2, 10), 1, handed_over_at=at(2, 10)),
            a_tracking_state(TrackingStatus.CREATED, at(2, 11), 2),
        ],
    )
    assert await writer.catch_up() == 0


async def test_a_watermark_never_goes_back(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    writer = a_writer(pipeline, pool)
    await told(pipeline, a_life())
    await writer.catch_up()
    await told(pipeline, [a_parcel(f"{orders(1)[0]}/1/2", when=at(1, 12)), *a_life(orders(1)[0])])
    await writer.catch_up()
    marks = await pool.fetch("SELECT DISTINCT watermark FROM metrics.months")
    assert [row["watermark"] for row in marks] == [at(4, 10)]


async def test_a_new_era_leads_every_revision(pool: Pool) -> None:
    await pool.execute("UPDATE runtime.era SET era = 3")
    pipeline = a_pipeline(pool)
    await told(pipeline, a_life())
    await a_writer(pipeline, pool).catch_up()
    assert {event.version for event in published(pipeline)} == {3 << 40}


class LostAnswer:
    """Appends everything, then says that it is not certain."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    async def publish(self, records: Sequence[Outgoing]) -> None:
        await self._pipeline.publish(records)
        raise PublishFailed


async def test_a_publication_without_an_answer_is_repeated_with_the_same_ids(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    await told(pipeline, a_life())
    with pytest.raises(PublishFailed):
        await MonthlyPublisher(pool, LostAnswer(pipeline), ManualClock(NOW)).catch_up()
    await told(pipeline, a_life(orders(3)[2]))
    await a_writer(pipeline, pool).catch_up()
    ids = [event.event_id for event in published(pipeline)]
    assert len(ids) == 6
    assert ids[:2] == ids[2:4]
    assert len(set(ids)) == 4


async def test_two_writers_at_once_make_one_sequence(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    writers = [a_writer(pipeline, pool) for _ in range(4)]
    for order in orders(6):
        await told(pipeline, a_life(order))
        await asyncio.gather(*(writer.catch_up() for writer in writers))
    await writers[0].catch_up()
    revisions = [r["revision"] for r in await pool.fetch("SELECT revision FROM metrics.months")]
    assert sorted(revisions) == list(range(1, len(revisions) + 1))
    last = published(pipeline)[-1]
    assert last.figures["parcels_delivered"] == 6 or last.figures["orders_placed"] == 6


@contextlib.asynccontextmanager
async def running(writer: MonthlyPublisher) -> AsyncIterator[None]:
    """As a worker runs it."""
    task = asyncio.create_task(writer.run(every_s=0.01))
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_the_writer_goes_on_after_the_broker_was_away(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    await told(pipeline, a_life())

    arrived = asyncio.Event()

    class AwayAtFirst:
        calls = 0

        async def publish(self, records: Sequence[Outgoing]) -> None:
            self.calls += 1
            if self.calls < 3:
                raise PublishFailed
            await pipeline.publish(records)
            arrived.set()

    writer = MonthlyPublisher(pool, AwayAtFirst(), ManualClock(NOW))
    async with running(writer), asyncio.timeout(60):
        await arrived.wait()
    assert len(published(pipeline)) == 2


async def test_the_writer_goes_on_after_an_error_nobody_foresaw(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    await told(pipeline, a_life())
    arrived = asyncio.Event()

    class Odd:
        calls = 0

        async def publish(self, records: Sequence[Outgoing]) -> None:
            self.calls += 1
            if self.calls == 1:
                raise KeyError(len(records))
            arrived.set()

    writer = MonthlyPublisher(pool, Odd(), ManualClock(NOW))
    async with running(writer), asyncio.timeout(60):
        await arrived.wait()


async def test_a_month_reads_as_of_any_revision(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    clock = ManualClock(NOW)
    writer = a_writer(pipeline, pool, clock)
    for order in orders(3):
        await told(pipeline, a_life(order))
        await writer.catch_up()
        clock.advance(timedelta(minutes=1))
    placed = [
        await pool.fetchval(
            "SELECT (figures ->> 'orders_placed')::int FROM metrics.revisions"
            " WHERE revision <= $1 AND carrier = '' ORDER BY revision DESC LIMIT 1",
            revision,
        )
        for revision in (1, 2, 3)
    ]
    assert placed == [1, 2, 3]
