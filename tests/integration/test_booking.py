"""The stage on real Postgres through the in-memory driver; carriers' answers are sent as facts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from schemas.booking import BookingOutcome as Outcome
from schemas.tracking import TrackingStatus
from services.errors import OperatorError
from streams.booking import Booking
from streams.cli.tasks import Answer, settlement
from streams.runtime.memory import ManualClock, Pipeline
from tests.booking_facts import (
    CTN,
    ORDER,
    PARCEL,
    REFERENCE,
    SECOND_REFERENCE,
    SHIPMENT,
    VTK,
    cancelled,
    held,
    packed,
    recall_requested,
    released,
    resulted,
    routed,
    tracked,
    void_requested,
)

if TYPE_CHECKING:
    from schemas.event import Event
    from services.store.pool import Pool

pytestmark = pytest.mark.postgres

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


class Desk:
    """The stage, its queue and what it said."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.pipeline = Pipeline([Booking()], pool, ManualClock(NOW))

    async def tell(self, *events: Event) -> None:
        for event in events:
            await self.pipeline.send_event(event)
            await self.pipeline.run_until_idle()

    async def jobs(self) -> list[tuple[str, str, str, int]]:
        rows = await self.pool.fetch("SELECT entrypoint, payload FROM jobs.pgqueuer ORDER BY id")
        payloads = [(row["entrypoint"], orjson.loads(row["payload"])) for row in rows]
        return [(e, p["kind"], p["reference"], p["request"]) for e, p in payloads]

    async def states(self) -> dict[str, str]:
        rows = await self.pool.fetch("SELECT reference, state FROM booking.bookings")
        return {row["reference"]: row["state"] for row in rows}

    async def open_tasks(self) -> list[str]:
        rows = await self.pool.fetch(
            "SELECT kind FROM booking.ops_tasks WHERE closed_at IS NULL ORDER BY kind"
        )
        return [row["kind"] for row in rows]

    def said(self, topic: str) -> list[Any]:
        return self.pipeline.events(f"{topic}.v1")


@pytest.fixture
def desk(pool: Pool) -> Desk:
    return Desk(pool)


BOOK_VTP = ("carrier.viettelpost", "book", REFERENCE, 0)


async def test_a_packed_parcel_of_a_routed_order_is_booked(desk: Desk) -> None:
    await desk.tell(routed(VTK), packed())
    assert await desk.jobs() == [BOOK_VTP]
    assert await desk.states() == {REFERENCE: "requested"}


async def test_a_parcel_packed_before_its_route_waits_for_it(desk: Desk) -> None:
    await desk.tell(packed())
    assert await desk.jobs() == []
    await desk.tell(routed(VTK))
    assert await desk.jobs() == [BOOK_VTP]


async def test_a_confirmed_booking_is_told_with_price_cod_and_promise(desk: Desk) -> None:
    await desk.tell(routed(VTK), packed(), resulted(Outcome.BOOKED))
    (booked,) = desk.said("shipment.booked")
    assert (booked.tracking_no, booked.api) == (f"NO-{REFERENCE}", "partner_v2")
    assert (booked.freight_vnd, booked.cod_vnd, booked.promised_on.day) == (25_500, 350_000, 9)
    assert booked.occurred_at == resulted(Outcome.BOOKED).occurred_at
    label = await desk.pool.fetchval("SELECT label FROM booking.bookings")
    assert orjson.loads(label)["sort_code"] == "S1"


async def test_the_same_facts_again_change_nothing(desk: Desk) -> None:
    facts = [routed(VTK), packed(), resulted(Outcome.BOOKED)]
    await desk.tell(*facts, *facts, *facts)
    assert len(desk.said("shipment.booked")) == 1
    assert await desk.jobs() == [BOOK_VTP]
    assert sum(settled.counts.duplicate for settled in desk.pipeline.settled) == 6


async def test_a_refusal_is_told_and_the_next_candidate_is_another_attempt(desk: Desk) -> None:
    await desk.tell(routed(VTK), packed(), resulted(Outcome.REFUSED, message="no lane"))
    (refused,) = desk.said("booking.refused")
    assert (refused.carrier, refused.service, refused.reason) == (*VTK, "no lane")
    await desk.tell(routed(CTN, version=2))
    assert (await desk.jobs())[1:] == [("carrier.vnpost", "book", SECOND_REFERENCE, 0)]
    assert await desk.states() == {REFERENCE: "refused", SECOND_REFERENCE: "requested"}


async def test_routing_that_chooses_the_refused_service_again_is_not_followed(desk: Desk) -> None:
    await desk.tell(routed(VTK), packed(), resulted(Outcome.REFUSED), routed(VTK, version=2))
    assert await desk.jobs() == [BOOK_VTP]


async def test_a_person_who_looked_closes_a_doubtful_booking(desk: Desk) -> None:
    await desk.tell(routed(VTK), packed(), resulted(Outcome.UNKNOWN))
    answer = Answer(REFERENCE, "unknown_booking", "booked", "VTP77")
    async with desk.pool.acquire() as connection:
        with pytest.raises(OperatorError, match="ends with"):
            await settlement(connection, answer._replace(found="voided"), "ops:lan: seen")
        with pytest.raises(OperatorError, match="tracking-no"):
            await settlement(connection, answer._replace(tracking_no=None), "ops:lan: seen")
        result = await settlement(connection, answer, "ops:lan: seen in the portal")
        await desk.tell(result)
        assert await desk.open_tasks() == []
        assert await desk.states() == {REFERENCE: "booked"}
        with pytest.raises(OperatorError, match="No open task"):
            await settlement(connection, answer, "ops:lan: again")


async def test_another_route_does_not_touch_an_attempt_that_is_not_settled(desk: Desk) -> None:
    await desk.tell(routed(VTK), packed(), resulted(Outcome.UNKNOWN), routed(CTN, version=2))
    assert await desk.jobs() == [BOOK_VTP]
    assert await desk.open_tasks() == ["unknown_booking"]
    await desk.tell(resulted(Outcome.BOOKED, version=2))
    assert await desk.states() == {REFERENCE: "booked"}
    assert await desk.open_tasks() == []


async def test_an_unknown_attempt_that_proves_refused_gives_way(desk: Desk) -> None:
    await desk.tell(routed(VTK), packed(), resulted(Outcome.UNKNOWN), routed(CTN, version=2))
    await desk.tell(resulted(Outcome.REFUSED, version=2))
    assert await desk.states() == {REFERENCE: "refused", SECOND_REFERENCE: "requested"}


async def test_tracking_that_names_our_reference_settles_an_unknown_attempt(desk: Desk) -> None:
    await desk.tell(routed(VTK), packed(), resulted(Outcome.UNKNOWN))
    await desk.tell(tracked(TrackingStatus.PICKED_UP, custody=True))
    (booked,) = desk.said("shipment.booked")
    assert booked.tracking_no == f"NO-{REFERENCE}"
    assert await desk.states() == {REFERENCE: "booked"}
    assert await desk.open_tasks() == []


async def test_a_held_order_starts_no_booking_until_every_hold_is_gone(desk: Desk) -> None:
    await desk.tell(held("intake"), held("packing"), routed(VTK), packed(), released("intake"))
    assert await desk.jobs() == []
    await desk.tell(released("packing"))
    assert await desk.jobs() == [BOOK_VTP]


async def test_an_old_hold_does_not_come_back(desk: Desk) -> None:
    await desk.tell(released("intake", version=2), held("intake", version=1))
    await desk.tell(routed(VTK), packed())
    assert await desk.jobs() == [BOOK_VTP]


async def test_a_parcel_that_was_never_booked_is_void_at_once(desk: Desk) -> None:
    await desk.tell(held(), routed(VTK), packed(), void_requested())
    (voided,) = desk.said("booking.voided")
    assert (voided.parcel_id, voided.reference) == (PARCEL, None)


async def test_a_parcel_that_comes_after_the_void_request_is_void_too(desk: Desk) -> None:
    await desk.tell(routed(VTK), void_requested(), packed())
    assert len(desk.said("booking.voided")) == 1
    assert await desk.jobs() == []


async def test_a_void_waits_for_the_answer_to_a_booking_and_then_voids_it(desk: Desk) -> None:
    await desk.tell(routed(VTK), packed(), void_requested())
    assert desk.said("booking.voided") == []
    await desk.tell(resulted(Outcome.BOOKED))
    assert (await desk.jobs())[1:] == [("carrier.viettelpost", "void", REFERENCE, 1)]
    assert await desk.states() == {REFERENCE: "void_pending"}
    await desk.tell(resulted(Outcome.VOIDED, kind="void"))
    (voided,) = desk.said("booking.voided")
    assert (voided.reference, voided.tracking_no) == (REFERENCE, f"NO-{REFERENCE}")
    assert len(desk.said("shipment.booked")) == 1


async def test_a_booking_refused_under_a_void_request_is_void_and_not_routed_again(
    desk: Desk,
) -> None:
    await desk.tell(routed(VTK), packed(), void_requested(), resulted(Outcome.REFUSED))
    assert len(desk.said("booking.voided")) == 1
    assert desk.said("booking.refused") == []


async def test_a_carrier_that_keeps_the_booking_is_told_and_asked_again_on_request(
    desk: Desk,
) -> None:
    await desk.tell(routed(VTK), packed(), resulted(Outcome.BOOKED), void_requested())
    await desk.tell(resulted(Outcome.VOID_REFUSED, kind="void", message="too late"))
    (refused,) = desk.said("booking.void_refused")
    assert refused.reason == "too late"
    await desk.tell(void_requested(version=2))
    assert (await desk.jobs())[-1] == ("carrier.viettelpost", "void", REFERENCE, 2)


async def test_a_noted_void_is_settled_by_tracking(desk: Desk) -> None:
    await desk.tell(routed(VTK), packed(), resulted(Outcome.BOOKED), void_requested())
    await desk.tell(resulted(Outcome.VOID_PENDING, kind="void"))
    assert desk.said("booking.voided") == []
    await desk.tell(tracked(TrackingStatus.CANCELLED))
    assert len(desk.said("booking.voided")) == 1
    assert await desk.states() == {REFERENCE: "voided"}


async def test_a_noted_void_that_the_collector_overtakes_is_refused(desk: Desk) -> None:
    await desk.tell(routed(VTK), packed(), resulted(Outcome.BOOKED), void_requested())
    await desk.tell(resulted(Outcome.VOID_PENDING, kind="void"))
    await desk.tell(tracked(TrackingStatus.PICKED_UP, custody=True))
    assert len(desk.said("booking.void_refused")) == 1
    assert await desk.states() == {REFERENCE: "booked"}


async def test_a_booking_its_carrier_cancels_goes_back_to_routing(desk: Desk) -> None:
    await desk.tell(routed(VTK), packed(), resulted(Outcome.BOOKED))
    await desk.tell(tracked(TrackingStatus.CANCELLED))
    (refused,) = desk.said("booking.refused")
    assert refused.version > desk.said("shipment.booked")[0].version
    await desk.tell(routed(CTN, version=2))
    assert await desk.states() == {REFERENCE: "carrier_cancelled", SECOND_REFERENCE: "requested"}


async def test_ordinary_tracking_is_no_business_of_booking(desk: Desk) -> None:
    await desk.tell(routed(VTK), packed(), resulted(Outcome.BOOKED))
    before = await desk.pool.fetchval("SELECT xmin::text FROM booking.bookings")
    await desk.tell(tracked(TrackingStatus.IN_TRANSIT, custody=True))
    assert await desk.pool.fetchval("SELECT xmin::text FROM booking.bookings") == before


async def test_nothing_is_booked_for_a_cancelled_order(desk: Desk) -> None:
    await desk.tell(cancelled(), routed(VTK), packed())
    assert await desk.jobs() == []


async def test_a_recall_is_asked_of_the_carrier_and_falls_to_a_person(desk: Desk) -> None:
    await desk.tell(routed(VTK), packed(), resulted(Outcome.BOOKED), recall_requested())
    assert (await desk.jobs())[-1] == ("carrier.viettelpost", "return", REFERENCE, 1)
    await desk.tell(resulted(Outcome.RETURN_REFUSED, kind="return", message="not at 505"))
    assert await desk.open_tasks() == ["recall"]


async def test_an_answer_to_a_booking_nobody_made_is_buried(desk: Desk) -> None:
    await desk.tell(resulted(Outcome.BOOKED))
    assert [dead.code for dead in desk.pipeline.dead] == ["unknown_reference"]


async def test_every_parcel_of_a_shipment_has_a_booking_of_its_own(desk: Desk) -> None:
    await desk.tell(routed(VTK), packed(f"{SHIPMENT}/1"), packed(f"{SHIPMENT}/2"))
    assert len({reference for _e, _k, reference, _r in await desk.jobs()}) == 2


async def test_the_database_itself_refuses_a_second_live_booking(desk: Desk) -> None:
    await desk.tell(routed(VTK), packed(), resulted(Outcome.REFUSED), routed(CTN, version=2))
    update = "UPDATE booking.bookings SET state = 'booked' WHERE reference = $1"
    with pytest.raises(Exception, match="one_live_booking"):
        await desk.pool.execute(update, REFERENCE)
    assert ORDER in PARCEL
