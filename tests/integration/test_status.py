"""The status and feed stages on the in-memory log and a real database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any, cast

import orjson
import pytest

from schemas.tracking import CodState, TrackingStatus
from services.jobs.closing import Closer
from services.reference.fulfilment import fulfilment_transitions
from services.store.feed import read_feed
from streams.feed import Feed
from streams.runtime.memory import Disorder, ManualClock, Pipeline
from streams.status import Status
from tests.appended import Appended
from tests.order_facts import (
    SELLER,
    a_booking,
    a_delivery,
    a_life,
    a_parcel,
    a_placed_order,
    a_routing,
    a_tracking_state,
    a_void,
    at,
)
from tests.order_lives import Life
from tests.status_facts import (
    a_cancel_request,
    a_packing_start,
    a_refused_command,
    a_refused_report,
    goods_received_back,
    holds,
    releases,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.event import Event
    from schemas.status import OrderStatusChanged
    from services.store.feed import FeedEntry
    from services.store.pool import Pool
    from streams.runtime.stage import Stage

pytestmark = pytest.mark.postgres

ORDER = "postmart:HTX-MAU-01:PM-0000001"
PARCEL = f"{ORDER}/1/1"
NOW = datetime(2026, 11, 1, tzinfo=UTC)
STANDINGS = """
    SELECT order_id, status, fulfilment, finished, as_of, document::text, shown
    FROM status.orders ORDER BY order_id
"""
TO_LABEL: tuple[Event, ...] = (
    a_placed_order(ORDER),
    a_routing(order=ORDER),
    a_packing_start(f"{ORDER}/1"),
    a_parcel(PARCEL),
    a_booking(PARCEL),
)


def a_pipeline(pool: Pool, disorder: Disorder | None = None) -> Pipeline:
    stages: list[Stage] = [Status(fulfilment_transitions()), Feed()]
    return Pipeline(stages, pool, ManualClock(NOW), disorder=disorder or Disorder(seed=0))


async def tell(pipeline: Pipeline, events: Iterable[Event]) -> None:
    """One event at a time, each worked off before the next: the order they happened in."""
    for event in events:
        await pipeline.send_event(event)
        await pipeline.run_until_idle()


def changes(pipeline: Pipeline, order_id: str = ORDER) -> list[OrderStatusChanged]:
    events = cast("list[OrderStatusChanged]", pipeline.events("order.status_changed.v1"))
    return [event for event in events if event.order_id == order_id]


def words(pipeline: Pipeline) -> list[str]:
    return [change.status for change in changes(pipeline)]


async def test_a_seller_reads_every_step_of_an_order_once(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    await tell(pipeline, (*TO_LABEL, *a_delivery(PARCEL)))
    assert words(pipeline) == [
        *("validated", "allocated", "packing", "packed", "label_ready"),
        *("picked_up", "in_transit", "delivered"),
    ]
    assert [change.version for change in changes(pipeline)] == list(range(1, 9))
    last = changes(pipeline)[-1]
    assert last.as_of == at(4, 10)
    row = await pool.fetchrow("SELECT * FROM status.orders")
    assert row is not None
    assert (row["status"], row["version"], row["finished"]) == ("delivered", 8, True)
    shown = {"shipments", "flags", "holds", "status", "fulfilment", "returns", "tasks", "country"}
    document = last.model_dump(mode="json", include=shown)
    assert orjson.loads(row["document"]) == document


async def test_a_fact_that_changes_nothing_visible_makes_no_version(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    still = a_tracking_state(TrackingStatus.IN_TRANSIT, at(3), 2, PARCEL, handed_over_at=at(2))
    again = still.model_copy(update={"version": 3, "occurred_at": at(4), "events": 7})
    await tell(pipeline, (*TO_LABEL, still, again))
    assert words(pipeline)[-2:] == ["label_ready", "in_transit"]
    assert await pool.fetchval("SELECT as_of FROM status.orders") == at(4)


async def test_facts_wait_until_the_order_is_known(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    await tell(pipeline, (*TO_LABEL[1:], *a_delivery(PARCEL), a_refused_report()))
    assert changes(pipeline) == []
    assert await pool.fetchval("SELECT status FROM status.orders") is None
    await tell(pipeline, TO_LABEL[:1])
    told = changes(pipeline)
    assert [(change.status, change.refused is None) for change in told] == [
        ("delivered", True),
        ("delivered", False),
    ]


async def test_cancelling_before_packing_ends_the_order_at_once(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    await tell(pipeline, (*TO_LABEL[:2], a_cancel_request(order=ORDER)))
    assert words(pipeline)[-1] == "cancelled"
    assert len(pipeline.events("order.cancelled.v1")) == 1
    assert pipeline.events("booking.void_requested.v1") == []


async def test_cancelling_before_hand_over_waits_for_the_void(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    await tell(pipeline, (*TO_LABEL, a_cancel_request(order=ORDER)))
    assert words(pipeline)[-1] == "cancel_requested"
    assert len(pipeline.events("booking.void_requested.v1")) == 1
    assert pipeline.events("order.cancelled.v1") == []
    await tell(pipeline, [a_void(PARCEL)])
    assert words(pipeline)[-1] == "cancelled"
    assert len(pipeline.events("order.cancelled.v1")) == 1


async def test_cancelling_after_hand_over_calls_the_goods_back(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    await tell(pipeline, (*TO_LABEL, *a_delivery(PARCEL)[:2], a_cancel_request(order=ORDER)))
    assert len(pipeline.events("order.recall_requested.v1")) == 1
    assert changes(pipeline)[-1].flags == ("recall_requested",)
    home = a_tracking_state(
        TrackingStatus.RETURNED, at(6), 9, PARCEL, handed_over_at=at(2), returned_at=at(6)
    )
    await tell(pipeline, [home, goods_received_back(order=ORDER, when=at(7))])
    assert words(pipeline)[-2:] == ["returned", "returned_to_stock"]


async def test_cancelling_after_delivery_is_refused_in_the_feed(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    await tell(pipeline, (*TO_LABEL, *a_delivery(PARCEL), a_cancel_request(order=ORDER)))
    entries = await feed_of(pool, SELLER)
    assert entries[-1]["status"] == "delivered"
    assert entries[-1]["refused"]["code"] == "too_late"


async def test_a_hold_of_one_stage_outlives_the_release_of_another(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    held = (holds("intake", 2), holds("routing", 1))
    await tell(pipeline, (*TO_LABEL[:1], *held, releases("intake", 3), releases("routing", 2)))
    assert words(pipeline) == ["validated", "on_hold", "on_hold", "on_hold", "validated"]
    assert [len(change.holds) for change in changes(pipeline)] == [0, 1, 2, 1, 0]


async def test_a_refusal_reaches_the_feed_once_and_changes_nothing_else(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    refusals = (a_refused_command(order=ORDER), a_refused_report(shipment=f"{ORDER}/1"))
    await tell(pipeline, (*TO_LABEL, *refusals, *refusals, a_refused_command(order=ORDER)))
    told = [entry["refused"] for entry in await feed_of(pool, SELLER)]
    assert [one and (one["command"], one["code"]) for one in told] == [
        *[None] * 5,
        ("amend", "already_packed"),
        ("pack", "short"),
    ]
    assert words(pipeline)[-3:] == ["label_ready"] * 3


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_disorder_leaves_the_same_standings_and_whole_feeds(pool: Pool, seed: int) -> None:
    lives = [Life(Random(n), order_of(n)).live(40) for n in range(seed * 100, seed * 100 + 15)]
    events = [event for life in lives for event in life]
    await tell_at_once(a_pipeline(pool), events)
    orderly = await pool.fetch(STANDINGS)
    for table in ("status.orders", "status.refusals", "feed.entries", "feed.sellers"):
        await pool.execute(f"TRUNCATE {table}")
    await pool.execute("TRUNCATE runtime.checkpoints")
    disorder = Disorder(seed, duplicated=0.3, late=0.2, redelivered=0.3, cut=True)
    await tell_at_once(a_pipeline(pool, disorder), events)
    assert await pool.fetch(STANDINGS) == orderly
    await has_whole_feeds(pool)


async def test_a_quiet_finished_order_is_closed_and_news_opens_it_again(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    free = a_parcel(PARCEL, cod_vnd=0)
    delivered = a_delivery(PARCEL, cod_state=CodState.NOT_APPLICABLE, cod_vnd=0)
    lived = (*TO_LABEL[:3], free, *TO_LABEL[4:], *delivered)
    await tell(pipeline, lived)
    closer = Closer(pool, Appended(pipeline), timedelta(hours=1))
    assert await closer.look() == 0
    await pool.execute("UPDATE status.orders SET quiet_since = now() - interval '2 hours'")
    for _ in range(2):  # told twice before the stage has read it
        assert await closer.look() == 1
    await pipeline.run_until_idle()
    assert words(pipeline)[-2:] == ["delivered", "closed"]
    row = await pool.fetchrow("SELECT fulfilment, finished, quiet_since FROM status.orders")
    assert row is not None
    assert tuple(row) == ("closed", True, None)
    assert await closer.look() == 0
    back = a_tracking_state(
        TrackingStatus.RETURNING, at(9), 9, PARCEL, handed_over_at=at(2), delivered_at=at(4)
    )
    await tell(pipeline, [back])
    assert words(pipeline)[-1] == "returning"


async def test_any_news_begins_the_quiet_time_again(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    free = a_parcel(PARCEL, cod_vnd=0)
    delivered = a_delivery(PARCEL, cod_state=CodState.NOT_APPLICABLE, cod_vnd=0)
    await tell(pipeline, (*TO_LABEL[:3], free, *TO_LABEL[4:], *delivered))
    await pool.execute("UPDATE status.orders SET quiet_since = now() - interval '2 hours'")
    again = delivered[-1].model_copy(update={"version": 9, "occurred_at": at(5)})
    await tell(pipeline, [again])
    assert await Closer(pool, Appended(pipeline), timedelta(hours=1)).look() == 0


def order_of(number: int) -> str:
    return f"postmart:HTX-MAU-{number % 3:02d}:PM-{number:07d}"


async def tell_at_once(pipeline: Pipeline, events: Iterable[Event]) -> None:
    for event in events:
        await pipeline.send_event(event)
    await pipeline.run_until_idle()


async def has_whole_feeds(pool: Pool) -> None:
    """Numbered 1…n, versions once and rising, no other seller's orders."""
    rows = await pool.fetch("SELECT * FROM feed.entries ORDER BY seller_id, number")
    last: dict[str, int] = {}
    versions: dict[str, int] = {}
    for row in rows:
        assert row["number"] == last.get(row["seller_id"], 0) + 1
        assert row["order_version"] > versions.get(row["order_id"], 0)
        assert orjson.loads(row["body"])["seller_id"] == row["seller_id"]
        last[row["seller_id"]] = row["number"]
        versions[row["order_id"]] = row["order_version"]
    counters = await pool.fetch("SELECT seller_id, last_number FROM feed.sellers")
    assert dict(map(tuple, counters)) == last
    newest = await pool.fetch("SELECT order_id, version FROM status.orders WHERE version > 0")
    assert dict(map(tuple, newest)) == versions


async def test_a_feed_entry_carries_its_number_and_is_published_once(pool: Pool) -> None:
    pipeline = a_pipeline(pool, Disorder(seed=5, duplicated=0.5, redelivered=0.5))
    await tell_at_once(pipeline, a_life(ORDER))
    published = {
        orjson.loads(one.value or b"")["number"] for one in pipeline.records("feed.appended.v1")
    }
    stored = [entry.number for entry in await read_entries(pool, SELLER)]
    assert stored == sorted(published) == list(range(1, len(stored) + 1))


async def test_a_page_of_a_feed_begins_after_a_number_and_holds_one_seller_only(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    await tell(pipeline, (*a_life(ORDER), a_placed_order("postmart:HTX-MAU-02:PM-2")))
    async with pool.acquire() as connection:
        page = await read_feed(connection, SELLER, 2, 3)
    assert [entry.number for entry in page] == [3, 4, 5]
    assert {entry.seller_id for entry in page} == {SELLER}
    assert page[0].change["order_id"] == page[0].order_id == ORDER


async def read_entries(pool: Pool, seller_id: str) -> list[FeedEntry]:
    async with pool.acquire() as connection:
        return await read_feed(connection, seller_id, 0, 1000)


async def feed_of(pool: Pool, seller_id: str) -> list[dict[str, Any]]:
    return [entry.change for entry in await read_entries(pool, seller_id)]
