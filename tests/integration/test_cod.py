"""The COD stage on the in-memory log and a real database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from schemas.ids import booking_reference
from schemas.tracking import CodState
from streams.cod import Cod
from streams.runtime.memory import ORDERLY, Disorder, ManualClock, Pipeline
from tests.cod_facts import (
    COLLECTED,
    NUMBER,
    PRICE,
    REFERENCE,
    REMITTED,
    a_decided,
    a_decision,
    a_line,
    a_state_with_money,
    a_statement_line,
    a_word,
)
from tests.order_facts import PARCEL, a_booking, at

if TYPE_CHECKING:
    from schemas.cod import CodChanged
    from schemas.event import Event
    from services.store.pool import Pool

pytestmark = pytest.mark.postgres

NOW = datetime(2026, 11, 20, tzinfo=UTC)
BOOKED = a_booking()
STATEMENT = a_statement_line(a_line(fee=5_500))


def a_pipeline(pool: Pool, disorder: Disorder = ORDERLY) -> Pipeline:
    return Pipeline([Cod()], pool, ManualClock(NOW), disorder=disorder)


async def tell(pipeline: Pipeline, *events: Event) -> None:
    for event in events:
        await pipeline.send_event(event)
    await pipeline.run_until_idle()


def told(pipeline: Pipeline) -> list[CodChanged]:
    return pipeline.events("cod.changed.v1")  # type: ignore[return-value]


def counted(pipeline: Pipeline, name: str) -> int:
    return sum(getattr(settled.counts, name) for settled in pipeline.settled)


async def books(pool: Pool) -> list[tuple[Any, ...]]:
    """What stands in the books, whatever was entered on the way."""
    found = await pool.fetch(
        "SELECT reference, kind, evidence, account, sum(vnd)::bigint FROM cod.entries"
        " GROUP BY 1, 2, 3, 4 HAVING sum(vnd) <> 0 ORDER BY 1, 2, 3, 4"
    )
    return [tuple(row) for row in found]


async def accounts(pool: Pool) -> list[tuple[Any, ...]]:
    found = await pool.fetch(
        "SELECT reference, state, expected_vnd, collected_vnd, remitted_vnd, fees_vnd, paid_out_vnd,"
        " exceptions FROM cod.accounts WHERE state IS NOT NULL ORDER BY reference"
    )
    return [tuple(row) for row in found]


async def test_cash_goes_from_the_door_to_the_seller(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    for event in (
        BOOKED,
        a_state_with_money(1, COLLECTED),
        STATEMENT,
        a_decided(a_decision("pay", vnd=PRICE - 5_500)),
    ):
        await tell(pipeline, event)
    states = [(event.state, event.version) for event in told(pipeline)]
    assert states == [("expected", 1), ("collected", 2), ("reconciled", 3), ("paid_out", 4)]
    newest = told(pipeline)[-1]
    assert (newest.remitted_vnd, newest.fees_vnd, newest.paid_out_vnd) == (PRICE, 5_500, 324_500)
    unbalanced = "SELECT FROM cod.entries GROUP BY reference, entry_no HAVING sum(vnd) <> 0"
    assert await pool.fetch(unbalanced) == []


async def test_a_line_waits_for_the_booking_of_its_number(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    await tell(pipeline, STATEMENT)
    assert (counted(pipeline, "parked"), told(pipeline)) == (1, [])
    await tell(pipeline, BOOKED)
    assert [event.state for event in told(pipeline)] == ["reconciled"]


async def test_a_line_imported_twice_has_no_effect_and_another_under_its_number_is_dead(
    pool: Pool,
) -> None:
    pipeline = a_pipeline(pool)
    await tell(pipeline, BOOKED, STATEMENT, STATEMENT)
    await tell(pipeline, STATEMENT)
    assert (counted(pipeline, "duplicate"), len(told(pipeline))) == (2, 1)
    await tell(pipeline, a_statement_line(a_line(paid=7)))
    assert [dead.code for dead in pipeline.dead] == ["line_conflict"]
    assert (await accounts(pool))[0][1] == "reconciled"


async def test_a_number_given_out_again_takes_its_lines_along(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    again = a_booking(f"{PARCEL}9", at(10), tracking_no=NUMBER)
    await tell(pipeline, BOOKED, STATEMENT)
    await tell(pipeline, again)
    states = {row[0]: row[1] for row in await accounts(pool)}
    assert states == {again.reference: "reconciled", REFERENCE: "expected"}


async def test_a_prepaid_parcel_is_not_told_of(pool: Pool) -> None:
    pipeline = a_pipeline(pool)
    delivered = a_state_with_money(1, cod_state=CodState.NOT_APPLICABLE, cod_vnd=0)
    await tell(pipeline, a_booking(cod_vnd=0), delivered)
    assert (told(pipeline), (await accounts(pool))[0][1]) == ([], "not_applicable")


def lives(chance: Random) -> list[Event]:
    """What is said of a few bookings, two of which had one number."""
    events: list[Event] = []
    for number in range(1, 5):
        parcel = f"{PARCEL[:-1]}{number}"
        reference = booking_reference(parcel, 1)
        waybill = "SHARED" if number <= 2 else f"TN{number}"
        cod_vnd = chance.choice([PRICE, PRICE, 0])
        events.append(a_booking(parcel, at(number), tracking_no=waybill, cod_vnd=cod_vnd))
        about = {"parcel": parcel, "tracking_no": waybill}
        said = chance.choice([(), (COLLECTED,), (COLLECTED, REMITTED), (a_word(CodState.VOID),)])
        words = said if cod_vnd else ()
        events += [
            a_state_with_money(version, *words[:version], **about)
            for version in range(1, len(words) + 1)
        ]
        for line_no in range(chance.choice([0, 1, 2])):
            line = a_line(
                number * 10 + line_no,
                chance.choice([PRICE, 30_000]),
                chance.choice([0, 5_500]),
                tracking_no=chance.choice([waybill, None]),
                reference=reference,
            )
            if line.tracking_no and chance.random() < 0.7:
                line = line._replace(reference=None)
            events.append(a_statement_line(line))
        for day in range(chance.choice([0, 0, 1, 2])):
            kind = chance.choice(["dispute", "pay", "settle", "restate"])
            decision = a_decision(kind, 12 + day, 30_000, chance.choice(["full", "none"]))
            name = f"{kind}-{number}-{day}"
            decision = decision._replace(reference=reference, parcel_id=parcel, decision_id=name)
            events.append(a_decided(decision))
    return events


@pytest.mark.parametrize("seed", range(6))
async def test_any_interleaving_and_repetition_ends_in_the_same_books(
    pool: Pool, seed: int
) -> None:
    chance = Random(seed)
    events = lives(chance)
    await tell(a_pipeline(pool), *events)
    expected = (await accounts(pool), await books(pool))
    assert expected[1]
    for turn in range(3):
        await pool.execute(
            "TRUNCATE cod.accounts, cod.numbers, cod.lines, cod.decisions, cod.entries,"
            " runtime.checkpoints"
        )
        shuffled = [*events, *chance.sample(events, k=len(events) // 3)]
        chance.shuffle(shuffled)
        disorder = Disorder(seed * 10 + turn, duplicated=0.2, late=0.2, redelivered=0.2, cut=True)
        pipeline = a_pipeline(pool, disorder)
        for event in shuffled:
            await pipeline.send_event(event)
            if chance.random() < 0.5:
                await pipeline.run_until_idle()
        await pipeline.run_until_idle()
        assert (await accounts(pool), await books(pool)) == expected


async def test_what_was_booked_on_a_fact_that_was_taken_back_is_turned_not_deleted(
    pool: Pool,
) -> None:
    pipeline = a_pipeline(pool)
    await tell(pipeline, BOOKED, a_state_with_money(1, COLLECTED))
    later = a_word(CodState.COLLECTED, 300_000, 4, key="another")
    await tell(pipeline, a_state_with_money(2, later))
    rows = await pool.fetch("SELECT DISTINCT entry_no, kind FROM cod.entries ORDER BY entry_no")
    kinds = [row["kind"] for row in rows]
    assert kinds == ["expected", "collected", "amended", "collected", "collected"]
    assert [event.expected_vnd for event in told(pipeline)][-1] == 300_000
    assert told(pipeline)[-1].occurred_at - at(4) == timedelta(0)
