"""`ocop verify` on a system that lived a while: it holds, and every kind of damage is found."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import asyncpg
import pytest

from schemas.catalogue import (
    FEED_APPENDED,
    MONTHLY_THROUGHPUT,
    ORDER_PLACED,
    ORDER_RECEIVED,
    ORDER_STATUS_CHANGED,
    SHIPMENT_STATUS_CHANGED,
    TOPICS,
)
from services.reference.status_map import read_status_map
from services.store.pool import open_pool
from services.verify import accounts, erasures
from services.verify.evidence import Evidence
from services.verify.promises import PROMISES, document, verify
from services.verify.survey import survey
from services.verify.tally import Tally
from streams.rechecks import Rechecks
from streams.runtime.memory import Disorder
from streams.topology import STAGES
from tests.conftest import execute, in_own_loop, with_database
from tests.whole_flow import MemoryTopics, WholeFlow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from services.store.pool import Connection, Pool
    from services.verify.promises import Finding
    from streams.runtime.memory import Pipeline

pytestmark = pytest.mark.postgres

ORDERS = 60
MEANINGS = read_status_map()
FLOW = {stage: [topic.name for topic in inputs] for stage, inputs in STAGES}


class Lived(NamedTuple):
    """A database and the log that belongs to it."""

    server: str
    database: str
    pipeline: Pipeline


@pytest.fixture(scope="module")
def lived(postgres: str, template: str) -> Iterator[Lived]:
    """Sixty sample orders went from the channel to the doorstep."""
    name = f"lived_{uuid.uuid4().hex[:12]}"
    flows: list[WholeFlow] = []

    async def live() -> None:
        await execute(postgres, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        async with await open_pool(with_database(postgres, name), application_name="flow") as pool:
            flow = WholeFlow(pool)
            await flow.live(ORDERS)
            flows.append(flow)

    in_own_loop(live())
    yield Lived(postgres, name, flows[0].pipeline)
    in_own_loop(execute(postgres, f'DROP DATABASE "{name}" WITH (FORCE)'))


class Suspect:
    """A system that may be damaged, and asked whether it holds."""

    def __init__(self, db: Connection, pipeline: Pipeline) -> None:
        self.db = db
        self.topics = MemoryTopics(pipeline)

    async def findings(self, *names: str) -> dict[str, Finding]:
        """What became of these promises, or of all."""
        rules = Rechecks(MEANINGS)
        seen = await survey(self.topics, rules.hear)
        promises = [promise for promise in PROMISES if not names or promise.name in names]
        found = await verify(Evidence(self.db, seen, rules, FLOW), promises)
        return {finding.name: finding for finding in found}

    async def finding(self, name: str) -> Finding:
        """What became of one promise."""
        return (await self.findings(name))[name]


@pytest.fixture
async def suspect(lived: Lived) -> AsyncIterator[Suspect]:
    """The damage is taken back afterwards: it is done in one transaction, and so is the asking."""
    db = await asyncpg.connect(
        with_database(lived.server, lived.database), server_settings={"jit": "off"}
    )
    damage = db.transaction()
    await damage.start()
    yield Suspect(db, lived.pipeline)
    await damage.rollback()
    await db.close()


async def test_a_system_that_did_its_work_holds_every_promise(suspect: Suspect) -> None:
    found = await suspect.findings()
    assert {name: finding.examples for name, finding in found.items() if not finding.holds} == {}
    assert [*found] == [promise.name for promise in PROMISES]
    assert all(finding.checked >= ORDERS / 2 for finding in found.values())


async def test_repeats_and_batches_cut_anywhere_break_no_promise(pool: Pool) -> None:
    disorder = Disorder(seed=11, duplicated=0.3, redelivered=0.3, cut=True)
    flow = WholeFlow(pool, disorder)
    await flow.live(ORDERS)
    assert sum(settled.counts.redelivered for settled in flow.pipeline.settled) > ORDERS
    async with pool.acquire() as db:
        found = await Suspect(db, flow.pipeline).findings()
    assert {name: finding.examples for name, finding in found.items() if not finding.holds} == {}


async def test_a_booking_that_its_carrier_gave_up_breaks_no_promise(pool: Pool) -> None:
    flow = WholeFlow(pool)
    await flow.registers()
    await flow.receives(ORDERS)
    await flow.packs()
    await flow.books()
    reference = await flow.loses_interest()
    await flow.books()
    await flow.carries()
    await flow.publishes()
    async with pool.acquire() as db:
        state = "SELECT state FROM booking.bookings WHERE reference = $1"
        assert await db.fetchval(state, reference) == "carrier_cancelled"
        found = await Suspect(db, flow.pipeline).findings()
    assert {name: finding.examples for name, finding in found.items() if not finding.holds} == {}


async def test_the_flow_behind_these_tests_reached_every_end(suspect: Suspect) -> None:
    """Otherwise the damage below might be planted where nothing is."""
    ends = await suspect.db.fetch("SELECT DISTINCT status FROM status.orders")
    assert {row["status"] for row in ends} >= {"delivered", "returned", "cancelled"}
    carriers = await suspect.db.fetch("SELECT DISTINCT carrier FROM metrics.parcels")
    assert {row["carrier"] for row in carriers} >= {"viettelpost", "vnpost"}


DAMAGE: dict[str, list[tuple[str, str]]] = {
    "one_status_per_order": [
        (
            "DELETE FROM status.orders WHERE order_id = (SELECT min(order_id) FROM status.orders)",
            "has 0 statuses",
        ),
        (
            "DELETE FROM intake.orders WHERE order_id = (SELECT min(order_id) FROM intake.orders)",
            "became nothing",
        ),
        (
            "INSERT INTO status.orders (order_id) VALUES ('voso:S1:nobody-sent-this')",
            "was never accepted",
        ),
        (
            (
                "UPDATE status.orders SET document = '{}' WHERE order_id ="
                " (SELECT min(order_id) FROM packing.parcels)"
            ),
            "not in its order's status",
        ),
        (
            (
                'INSERT INTO intake.orders SELECT (jsonb_populate_record(o, \'{"order_id": "twin"}\')).*'
                " FROM intake.orders o LIMIT 1"
            ),
            "is 2 orders",
        ),
    ],
    "every_event_accounted_for": [
        (
            (
                "UPDATE handover.facts SET told = false WHERE (manifest_no, order_id, version) ="
                " (SELECT manifest_no, order_id, version FROM handover.facts LIMIT 1)"
            ),
            "was not told",
        ),
        (
            "UPDATE handover.facts SET version = version + 70 WHERE version = 2",
            "is not in handover.reported.v1",
        ),
        (
            "UPDATE runtime.checkpoints SET applied = applied + 1 WHERE stage = 'tracking'",
            "tracking/",
        ),
        (
            (
                "INSERT INTO runtime.dead_letters VALUES"
                " ('intake', 'order.received.v1', 0, 7, 'code', 'reason', now())"
            ),
            "order.received.v1[0]@7 has no dead letter",
        ),
        (
            (
                "UPDATE tracking.waybills SET parked = 2, parked_why = 'unknown_number' WHERE waybill ="
                " (SELECT min(waybill) FROM tracking.bookings)"
            ),
            "wait for a booking that is known",
        ),
        (
            (
                "INSERT INTO intake.parked (channel, channel_order_no, ref, notice, parked_at)"
                " SELECT channel, channel_order_no, 'v2', '{}', now() FROM intake.orders LIMIT 1"
            ),
            "waits for an order that is known",
        ),
        (
            (
                "DELETE FROM tracking.bookings WHERE reference ="
                " (SELECT min(reference) FROM tracking.bookings)"
            ),
            "booked and not tracked",
        ),
        (
            (
                "UPDATE tracking.bookings SET version = version + 1 WHERE reference ="
                " (SELECT min(reference) FROM tracking.bookings)"
            ),
            "is not in shipment.status_changed.v1",
        ),
    ],
    "one_effect_per_event": [
        (
            (
                "INSERT INTO packing.parcels SELECT (jsonb_populate_record(p,"
                ' \'{"parcel_id": "again"}\')).* FROM packing.parcels p LIMIT 1'
            ),
            "its parcels",
        ),
        (
            (
                "ALTER TABLE feed.entries DROP CONSTRAINT entries_order_id_order_version_key;"
                " INSERT INTO feed.entries SELECT (jsonb_populate_record(e, '{\"number\": 999}')).*"
                " FROM feed.entries e LIMIT 1"
            ),
            "is in the feed 2 times",
        ),
        (
            (
                "ALTER TABLE tracking.events DROP CONSTRAINT events_pkey;"
                " INSERT INTO tracking.events SELECT * FROM tracking.events LIMIT 1"
            ),
            "is in the log 2 times",
        ),
    ],
    "one_live_booking": [
        (
            (
                "DROP INDEX booking.one_live_booking;"
                " INSERT INTO booking.bookings SELECT (jsonb_populate_record(b,"
                ' \'{"reference": "twin", "attempt": 2}\')).* FROM booking.bookings b LIMIT 1'
            ),
            "has 2 live bookings",
        ),
        (
            "UPDATE booking.bookings SET tracking_no = 'T1' WHERE carrier = 'vnpost'",
            "vnpost:T1 carries",
        ),
    ],
    "states_fold_again": [
        (
            (
                "UPDATE tracking.bookings SET state = jsonb_set(state::jsonb, '{status}', '\"delivered\"')"
                " WHERE state ->> 'status' = 'returned'"
            ),
            "status delivered instead of returned",
        ),
        (
            (
                "DELETE FROM tracking.events WHERE (waybill_id, ordered_at) ="
                " (SELECT waybill_id, max(ordered_at) FROM tracking.events GROUP BY 1 LIMIT 1)"
            ),
            "instead of",
        ),
    ],
    "figures_add_up": [
        (
            "UPDATE metrics.counters SET value = value + 1 WHERE figure = 'parcels_delivered'",
            "parcels_delivered is",
        ),
        (
            "DELETE FROM metrics.counters WHERE figure = 'freight_vnd'",
            "freight_vnd is 0, recounted",
        ),
        (
            (
                "DELETE FROM metrics.parcels WHERE parcel_id ="
                " (SELECT min(parcel_id) FROM metrics.parcels)"
            ),
            "is packed and not counted",
        ),
        (
            "UPDATE metrics.parcels SET attempts = attempts + 1 WHERE delivered_at IS NOT NULL",
            "stored [",
        ),
        (
            (
                "UPDATE metrics.facts SET facts = jsonb_set(facts::jsonb, '{held_at}',"
                " '\"2026-10-01T00:00:00Z\"') WHERE order_id = (SELECT min(order_id) FROM metrics.facts)"
            ),
            "the topics tell other facts",
        ),
        (
            "DELETE FROM metrics.facts WHERE order_id = (SELECT min(order_id) FROM metrics.facts)",
            "is told in the topics and not counted",
        ),
        (
            (
                "UPDATE metrics.revisions SET figures = figures || '{\"orders_placed\": 9}'"
                " WHERE carrier = ''"
            ),
            "was revised to",
        ),
        ("UPDATE metrics.months SET cause = ''", 'the cause ""'),
        ("UPDATE metrics.months SET cells = cells + 1", "cells of"),
        (
            (
                "INSERT INTO metrics.changes OVERRIDING SYSTEM VALUE SELECT 0, month, channel, carrier, origin_province,"
                " product_group, star, 1, now(), 'nobody' FROM metrics.counters LIMIT 1"
            ),
            "without a revision",
        ),
        ("UPDATE metrics.publisher SET published = published - 1", "is not published"),
    ],
    "the_books_balance": [
        (
            "UPDATE cod.entries SET vnd = vnd + 1 WHERE account = 'carrier_cash'",
            "is out by",
        ),
        (
            (
                "DELETE FROM cod.entries WHERE (reference, entry_no) ="
                " (SELECT min(reference), 1 FROM cod.entries)"
            ),
            "and should have",
        ),
        (
            (
                "UPDATE cod.entries SET vnd = 2 * vnd WHERE (reference, entry_no) ="
                " (SELECT min(reference), 1 FROM cod.entries)"
            ),
            "the books differ in expected",
        ),
        (
            "UPDATE cod.accounts SET state = 'paid_out' WHERE state = 'reconciled'",
            "state paid_out instead of reconciled",
        ),
        (
            (
                "UPDATE cod.lines SET owner = (SELECT min(reference) FROM cod.accounts)"
                " WHERE owner IS NOT NULL"
            ),
            "instead of",
        ),
        (
            (
                "INSERT INTO cod.entries SELECT (SELECT min(a.reference) FROM cod.lines l JOIN"
                " cod.accounts a ON a.reference <> owner), 90, account, vnd, kind, evidence, occurred_at,"
                " written_at FROM cod.entries WHERE evidence = (SELECT max(evidence) FROM cod.entries"
                " WHERE kind = 'received') AND kind = 'received'"
            ),
            "and belongs to",
        ),
        (
            "DELETE FROM cod.accounts WHERE reference = (SELECT min(reference) FROM cod.accounts)",
            "is booked and has no account",
        ),
        (
            "DELETE FROM cod.lines WHERE owner IS NOT NULL",
            "instead of",
        ),
    ],
    "feeds_have_no_gap": [
        (
            "DELETE FROM feed.entries WHERE number = 2",
            "entries, the highest",
        ),
        (
            "UPDATE feed.sellers SET last_number = last_number + 1",
            "the counter at",
        ),
        (
            "UPDATE feed.entries SET order_version = -order_version",
            "stands after",
        ),
        (
            "UPDATE feed.entries SET order_id = 'voso:other:' || seller_id WHERE number = 1",
            "#1 is about voso:other:",
        ),
        (
            (
                "UPDATE feed.entries SET body = jsonb_set(body, '{seller_id}', '\"other\"')"
                " WHERE number = 1"
            ),
            "#1 is about",
        ),
        (
            "UPDATE status.orders SET version = version + 1",
            "its feed has",
        ),
    ],
    "erased_is_forgotten": [
        (
            (
                "INSERT INTO intake.erasures SELECT buyer_id, now(), 'ops:lan', 'asked', true"
                " FROM intake.buyer_keys LIMIT 1"
            ),
            "outlived the erasure",
        ),
    ],
    "nothing_left_behind": [
        (
            "DELETE FROM runtime.checkpoints WHERE stage = 'feed'",
            "feed is",
        ),
        (
            (
                "INSERT INTO jobs.pgqueuer (priority, status, entrypoint, created, heartbeat,"
                " execute_after) VALUES (0, 'queued', 'book', now(), now() - interval '1 hour',"
                " now() - interval '1 hour')"
            ),
            "is due since",
        ),
        (
            (
                "UPDATE booking.bookings SET state = 'requested' WHERE reference ="
                " (SELECT min(reference) FROM booking.bookings)"
            ),
            "nobody sees to it",
        ),
    ],
}
PLANTED = [
    pytest.param(promise, sql, words, id=f"{promise}: {words}")
    for promise, cases in DAMAGE.items()
    for sql, words in cases
]


@pytest.mark.parametrize(("promise", "sql", "words"), PLANTED)
async def test_damage_in_the_database_is_found(
    suspect: Suspect, promise: str, sql: str, words: str
) -> None:
    await suspect.db.execute(sql)
    finding = await suspect.finding(promise)
    assert not finding.holds
    assert finding.broken >= 1
    assert any(words in example for example in finding.examples), finding.examples


async def test_what_retention_took_is_neither_checked_nor_missed(suspect: Suspect) -> None:
    before = await suspect.finding("feeds_have_no_gap")
    suspect.topics.forget_first(FEED_APPENDED.name)
    after = await suspect.finding("feeds_have_no_gap")
    entries = await suspect.db.fetchval("SELECT count(*) FROM feed.entries")
    assert after.holds
    assert after.checked == before.checked - entries


LOST = [
    ("every_event_accounted_for", SHIPMENT_STATUS_CHANGED.name),
    ("every_event_accounted_for", ORDER_STATUS_CHANGED.name),
    ("figures_add_up", MONTHLY_THROUGHPUT.name),
    ("figures_add_up", ORDER_PLACED.name),
    ("feeds_have_no_gap", FEED_APPENDED.name),
]


@pytest.mark.parametrize(("promise", "topic"), LOST)
async def test_an_output_that_never_reached_its_topic_is_found(
    suspect: Suspect, promise: str, topic: str
) -> None:
    suspect.topics.lose_last(topic)
    assert not (await suspect.finding(promise)).holds


async def test_the_outbox_of_any_unit_is_looked_for_in_the_topics(suspect: Suspect) -> None:
    """Lose everything: each stage's last outputs are missed, even those no other table tells of."""
    for topic in TOPICS:
        suspect.topics.lose_all(topic.name)
    outboxes = await suspect.db.fetch(
        "SELECT DISTINCT stage FROM runtime.checkpoints WHERE outputs <> ''"
    )
    assert {row["stage"] for row in outboxes} >= {"intake", "routing", "packing", "feed"}
    rules = Rechecks(MEANINGS)
    evidence = Evidence(suspect.db, await survey(suspect.topics, rules.hear), rules, FLOW)
    tally = Tally()
    await accounts.check(evidence, tally)
    assert tally.broken > ORDERS


async def test_a_raw_record_from_before_an_erasure_must_be_gone_after_its_week(
    suspect: Suspect,
) -> None:
    await suspect.db.execute(
        "INSERT INTO intake.erasures VALUES ('b', '2020-01-02', 'ops:lan', 'asked', true)"
    )
    assert (await suspect.finding("erased_is_forgotten")).holds
    rules = Rechecks(MEANINGS)
    seen = await survey(suspect.topics, rules.hear)
    seen.oldest[ORDER_RECEIVED.name] = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp() * 1000)
    tally = Tally()
    await erasures.check(Evidence(suspect.db, seen, rules, FLOW), tally)
    assert "order.received.v1 still holds records" in tally.examples[0]


async def test_a_record_nobody_has_read_is_lag(suspect: Suspect) -> None:
    suspect.topics.repeat_last(ORDER_RECEIVED.name)
    finding = await suspect.finding("nothing_left_behind")
    assert finding.examples[0].startswith("intake is 1 records behind in order.received.v1")


async def test_a_repeated_output_is_no_harm(suspect: Suspect) -> None:
    suspect.topics.repeat_last(MONTHLY_THROUGHPUT.name)
    found = await suspect.findings()
    assert all(finding.holds for finding in found.values())


async def test_one_id_with_two_contents_is_found(suspect: Suspect) -> None:
    suspect.topics.repeat_last(MONTHLY_THROUGHPUT.name, b"{}")
    finding = await suspect.finding("one_effect_per_event")
    assert "came before with another content" in finding.examples[0]


async def test_the_answer_for_a_script_names_what_is_broken(suspect: Suspect) -> None:
    await suspect.db.execute("UPDATE metrics.counters SET value = value + 1")
    answer = document(list((await suspect.findings()).values()))
    assert answer["holds"] is False
    broken = {promise["name"]: promise for promise in answer["promises"] if not promise["holds"]}
    assert set(broken) == {"figures_add_up"}
    assert broken["figures_add_up"]["broken"] > len(broken["figures_add_up"]["examples"]) > 0
