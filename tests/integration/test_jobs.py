"""Stage, queue, runner and carriers together: real Postgres, the sandboxes over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from schemas.ids import booking_reference
from schemas.tracking import TrackingStatus
from services.carriers.account import Account
from services.carriers.viettelpost.proxy import ViettelPost
from services.carriers.vnpost.proxy import VietnamPost
from services.jobs.carrier_calls import Means
from services.jobs.runner import Limits, Runner
from services.kafka.appender import NotAppended
from services.reference.places import Places
from services.sandbox.options import CALM, EVEN, Options
from services.sandbox.serving import serving
from services.sandbox.viettelpost import ViettelPostSandbox
from services.sandbox.vnpost import VietnamPostSandbox
from services.store.vault import Vault
from streams.booking import Booking
from streams.runtime.memory import ManualClock, Pipeline
from tests.booking_facts import (
    CTN,
    ORDER,
    PARCEL,
    REFERENCE,
    SECOND_REFERENCE,
    VTK,
    held,
    packed,
    recall_requested,
    released,
    routed,
    tracked,
    void_requested,
)
from tests.booking_world import place_order

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from schemas.event import Event
    from schemas.topics import Topic
    from services.store.pool import Pool

pytestmark = pytest.mark.postgres

STILL = Options(mischief=CALM, lives=EVEN, speed=1.0)
PLACES = Places.load()
CALL_TIMEOUT_S = 0.5


class World:
    """Everything from the booking stage to both carriers; Kafka is the in-memory log."""

    def __init__(self, pool: Pool, vtp_url: str, vnp_url: str) -> None:
        self.pool = pool
        self.pipeline = Pipeline([Booking()], pool, ManualClock(datetime(2026, 11, 23, tzinfo=UTC)))
        self.vault = Vault(bytes(32))
        self.log_is_away = False
        self.urls = (vtp_url, vnp_url)
        self._runner: Runner | None = None
        self._running: asyncio.Task[None] | None = None

    async def append(
        self, topic: Topic, key: str, value: bytes, headers: Mapping[str, str]
    ) -> None:
        if self.log_is_away:
            raise NotAppended("away")
        encoded = [(name, text.encode()) for name, text in headers.items()]
        await self.pipeline.send(topic.name, key, value, encoded)

    def start_runner(self, *, settle_after_s: float = 0.2) -> None:
        means = Means(self.pool, self, self.vault, PLACES, settle_after_s, era=0)
        vtp, vnp = (
            Account(url, "sandbox", "sandbox", CALL_TIMEOUT_S, customer_code="T000000001")
            for url in self.urls
        )
        limits = Limits(concurrency=16, breaker_failures=3, breaker_rest_s=0.3)
        self._runner = Runner((ViettelPost(vtp), VietnamPost(vnp)), means, limits)
        self._running = asyncio.create_task(self._runner.run())

    @property
    def runner(self) -> Runner:
        assert self._runner is not None
        return self._runner

    async def stop_runner(self) -> None:
        if self._runner is not None and self._running is not None:
            self._runner.stop()
            await asyncio.wait_for(self._running, timeout=30)

    async def place(self, order: str = ORDER) -> None:
        await place_order(self.pool, self.vault, order)

    async def tell(self, *events: Event) -> None:
        for event in events:
            await self.pipeline.send_event(event)
        await self.pipeline.run_until_idle()

    async def until(self, said: Callable[[], Any], within_s: float = 60.0) -> Any:
        """Let everything run until `said` holds."""
        async with asyncio.timeout(within_s):
            while not (found := said()):
                await asyncio.sleep(0.03)
                if self._running is not None and self._running.done():
                    await self._running
                await self.pipeline.run_until_idle()
        return found

    def booked(self) -> list[Any]:
        return self.pipeline.events("shipment.booked.v1")

    def said(self, topic: str) -> list[Any]:
        return self.pipeline.events(f"{topic}.v1")

    def results(self) -> list[tuple[str, str]]:
        return [(one.kind, one.outcome.value) for one in self.said("booking.resulted")]

    async def state(self, reference: str = REFERENCE) -> str | None:
        query = "SELECT state FROM booking.bookings WHERE reference = $1"
        found: str | None = await self.pool.fetchval(query, reference)
        return found


@contextlib.asynccontextmanager
async def a_world(
    pool: Pool, vtp: ViettelPostSandbox, vnp: VietnamPostSandbox
) -> AsyncIterator[World]:
    async with serving(vtp) as vtp_url, serving(vnp) as vnp_url:
        world = World(pool, vtp_url, vnp_url)
        await world.place()
        yield world
        await world.stop_runner()


@pytest.fixture
def vtp() -> ViettelPostSandbox:
    return ViettelPostSandbox(STILL)


@pytest.fixture
def vnp() -> VietnamPostSandbox:
    return VietnamPostSandbox(STILL)


@pytest.fixture
async def world(
    pool: Pool, vtp: ViettelPostSandbox, vnp: VietnamPostSandbox
) -> AsyncIterator[World]:
    async with a_world(pool, vtp, vnp) as made:
        yield made


def misbehave(peer: ViettelPostSandbox | VietnamPostSandbox, **rates: float) -> None:
    peer.yard.options = replace(peer.yard.options, mischief=replace(CALM, **rates))


async def test_a_packed_parcel_comes_back_booked_with_the_buyers_address_on_it(
    world: World, vtp: ViettelPostSandbox
) -> None:
    world.start_runner()
    await world.tell(routed(VTK), packed())
    (booked,) = await world.until(world.booked)
    parcel = vtp.yard.by_number[booked.tracking_no]
    assert (parcel.reference, parcel.recipient) == (REFERENCE, "Trần Thị B")
    assert (parcel.cod_vnd, booked.freight_vnd) == (350_000, parcel.freight_vnd)


async def test_the_booking_is_dated_by_the_record_and_not_by_our_clock(world: World) -> None:
    world.start_runner()
    await world.tell(routed(VTK), packed())
    (booked,) = await world.until(world.booked)
    after = booked.occurred_at - packed().occurred_at
    assert 0 <= after.total_seconds() < 30


async def test_no_personal_data_is_in_the_answer_or_in_the_queue(world: World) -> None:
    await world.tell(routed(VTK), packed())
    payload = await world.pool.fetchval("SELECT payload FROM jobs.pgqueuer")
    world.start_runner()
    await world.until(world.booked)
    raw = [record.value or b"" for record in world.pipeline.records("booking.resulted.v1")]
    for text in (payload, *raw):
        assert "Trần".encode() not in text
        assert b"900000002" not in text


async def test_a_refused_parcel_goes_to_the_next_candidate_at_the_other_carrier(
    world: World, vtp: ViettelPostSandbox, vnp: VietnamPostSandbox
) -> None:
    misbehave(vtp, refused=1.0)
    world.start_runner()
    await world.tell(routed(VTK), packed())
    (refused,) = await world.until(lambda: world.said("booking.refused"))
    assert (refused.carrier, refused.service) == VTK
    await world.tell(routed(CTN, version=2))
    (booked,) = await world.until(world.booked)
    assert (booked.carrier, booked.reference) == ("vnpost", SECOND_REFERENCE)
    assert list(vnp.yard.by_reference) == [SECOND_REFERENCE]


async def test_a_dead_carrier_does_not_stop_the_other_and_is_tried_again(
    pool: Pool, vtp: ViettelPostSandbox, vnp: VietnamPostSandbox
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        vnp_url = await stack.enter_async_context(serving(vnp))
        port = _free_port()
        world = World(pool, f"http://127.0.0.1:{port}", vnp_url)
        orders = [f"postmart:HTX-MAU-01:PM-{n}" for n in range(12)]
        for order in orders:
            await world.place(order)
        world.start_runner()
        for n, order in enumerate(orders):
            service = VTK if n % 2 else CTN
            await world.tell(routed(service, order=order), packed(f"{order}/1/1"))
        await world.until(lambda: len(world.booked()) == 6)
        assert {one.carrier for one in world.booked()} == {"vnpost"}
        await world.until(world.runner.breakers["viettelpost"].is_open)
        assert not world.runner.breakers["vnpost"].is_open()
        await stack.enter_async_context(serving(vtp, port=port))
        await world.until(lambda: len(world.booked()) == 12)
        assert len(vtp.yard.by_number) == 6
        await world.stop_runner()


@pytest.mark.parametrize("trouble", ["dropped", "server_error", "slow"])
async def test_vietnam_post_is_asked_what_became_of_a_lost_call(
    world: World, vnp: VietnamPostSandbox, trouble: str
) -> None:
    await _book_another(world)
    misbehave(vnp, slow_s=1.0, **{trouble: 1.0})
    await world.tell(routed(CTN), packed())
    await world.until(lambda: ("book", "unknown") in world.results())
    assert await world.state() == "unknown"
    misbehave(vnp)
    await world.until(lambda: len(world.booked()) == 2)
    assert len(vnp.yard.by_reference[REFERENCE]) == 1
    assert await world.state() == "booked"


async def test_vietnam_post_is_sent_the_order_again_once_its_absence_is_proved(
    world: World, vnp: VietnamPostSandbox
) -> None:
    await _book_another(world)
    misbehave(vnp, unserved=1.0)
    await world.tell(routed(CTN), packed())
    await world.until(lambda: ("book", "unknown") in world.results())
    misbehave(vnp)
    await world.until(lambda: len(world.booked()) == 2)
    assert len(vnp.yard.by_reference[REFERENCE]) == 1


async def test_not_found_proves_nothing_of_a_carrier_that_never_found_anything(
    world: World, vnp: VietnamPostSandbox
) -> None:
    await _book_another(world)
    await world.pool.execute("UPDATE booking.bookings SET state = 'voided'")
    misbehave(vnp, unserved=1.0)
    await world.tell(routed(CTN), packed())
    await world.until(lambda: ("book", "unknown") in world.results())
    misbehave(vnp)
    await asyncio.sleep(1.5)
    assert REFERENCE not in vnp.yard.by_reference
    assert await world.state() == "unknown"


async def test_viettel_post_is_sent_the_same_reference_again_after_a_lost_call(
    world: World, vtp: ViettelPostSandbox
) -> None:
    """The first call never took effect, so the second books; a repetition would be refused."""
    await _book_another(world, VTK)
    misbehave(vtp, unserved=1.0)
    await world.tell(routed(VTK), packed())
    await world.until(lambda: ("book", "unknown") in world.results())
    misbehave(vtp)
    await world.until(lambda: len(world.booked()) == 2)
    assert await world.state() == "booked"


async def test_a_refusal_after_a_lost_answer_proves_nothing_until_tracking_names_us(
    world: World, vtp: ViettelPostSandbox
) -> None:
    await _book_another(world, VTK)
    misbehave(vtp, dropped=1.0)
    await world.tell(routed(VTK), packed())
    await world.until(lambda: ("book", "unknown") in world.results())
    misbehave(vtp)
    await world.tell(routed(CTN, version=2))
    await world.until(lambda: vtp.yard.totals["refused_repeated"] >= 1)
    assert await world.state() == "unknown"
    assert await world.state(SECOND_REFERENCE) is None
    (parcel,) = vtp.yard.by_reference[REFERENCE]
    await world.pool.execute(
        "INSERT INTO tracking.bookings (reference, also) VALUES ($1, $2)",
        REFERENCE,
        [f"viettelpost:{parcel.number}"],
    )
    await world.until(lambda: len(world.booked()) == 2)
    assert world.booked()[-1].tracking_no == parcel.number


async def test_a_void_before_the_call_is_made_spares_the_call(
    world: World, vtp: ViettelPostSandbox
) -> None:
    await world.tell(routed(VTK), packed(), void_requested())
    world.start_runner()
    (voided,) = await world.until(lambda: world.said("booking.voided"))
    assert voided.tracking_no is None
    assert vtp.yard.totals["booked"] == 0


async def test_a_void_of_a_booked_parcel_reaches_the_carrier(
    world: World, vtp: ViettelPostSandbox
) -> None:
    world.start_runner()
    await world.tell(routed(VTK), packed())
    (booked,) = await world.until(world.booked)
    await world.tell(void_requested())
    (voided,) = await world.until(lambda: world.said("booking.voided"))
    assert voided.tracking_no == booked.tracking_no
    assert vtp.yard.by_number[booked.tracking_no].code == "107"


async def test_a_void_that_comes_too_late_is_refused(world: World, vtp: ViettelPostSandbox) -> None:
    world.start_runner()
    await world.tell(routed(VTK), packed())
    (booked,) = await world.until(world.booked)
    vtp.yard.by_number[booked.tracking_no].code = "300"
    await world.tell(void_requested())
    await world.until(lambda: world.said("booking.void_refused"))


async def test_a_void_vietnam_post_only_noted_is_settled_by_asking_again(
    world: World, vnp: VietnamPostSandbox
) -> None:
    misbehave(vnp, cancel_pending=1.0)
    world.start_runner()
    await world.tell(routed(CTN), packed())
    (booked,) = await world.until(world.booked)
    await world.tell(void_requested())
    await world.until(lambda: ("void", "void_pending") in world.results())
    assert world.said("booking.voided") == []
    vnp.yard.by_number[booked.tracking_no].code = "9"
    await world.until(lambda: world.said("booking.voided"))


async def test_a_lost_void_is_not_taken_for_a_refusal(
    world: World, vtp: ViettelPostSandbox
) -> None:
    world.start_runner()
    await world.tell(routed(VTK), packed())
    await world.until(world.booked)
    misbehave(vtp, dropped=1.0)
    await world.tell(void_requested())
    await world.until(lambda: ("void", "unknown") in world.results())
    misbehave(vtp)
    await asyncio.sleep(1.5)
    await world.pipeline.run_until_idle()
    assert world.said("booking.void_refused") == []
    await world.tell(tracked(TrackingStatus.CANCELLED))
    await world.until(lambda: world.said("booking.voided"))


async def test_jobs_of_a_held_order_wait_and_go_on_when_it_is_released(
    world: World, vtp: ViettelPostSandbox
) -> None:
    await world.tell(routed(VTK), packed(), held())
    world.start_runner()
    await asyncio.sleep(0.6)
    assert vtp.yard.totals["booked"] == 0
    await world.tell(released())
    await world.until(world.booked)


async def test_a_recall_the_carrier_cannot_do_is_left_to_a_person(world: World) -> None:
    world.start_runner()
    await world.tell(routed(CTN), packed())
    await world.until(world.booked)
    await world.tell(recall_requested())
    await world.until(lambda: ("return", "return_refused") in world.results())
    query = "SELECT kind FROM booking.ops_tasks WHERE closed_at IS NULL"
    assert await world.pool.fetchval(query) == "recall"


async def test_an_answer_the_log_did_not_take_is_told_later_without_calling_again(
    world: World, vtp: ViettelPostSandbox
) -> None:
    world.log_is_away = True
    world.start_runner()
    await world.tell(routed(VTK), packed())
    await world.until(lambda: vtp.yard.totals["booked"] == 1)
    await asyncio.sleep(0.3)
    world.log_is_away = False
    await world.until(world.booked)
    assert vtp.yard.totals["booked"] == 1
    assert vtp.yard.totals["refused_repeated"] == 0


async def test_a_runner_that_dies_after_the_call_leaves_the_same_answer_to_the_next(
    world: World, vtp: ViettelPostSandbox
) -> None:
    world.log_is_away = True
    world.start_runner()
    await world.tell(routed(VTK), packed())
    await world.until(lambda: vtp.yard.totals["booked"] == 1)
    await asyncio.sleep(0.3)
    await world.stop_runner()
    await world.pool.execute("UPDATE jobs.pgqueuer SET execute_after = now() - interval '1 s'")
    world.log_is_away = False
    world.start_runner()
    (booked,) = await world.until(world.booked)
    assert booked.tracking_no in vtp.yard.by_number
    assert len(vtp.yard.by_number) == 1


async def test_a_runner_that_dies_with_a_call_on_the_line_leaves_it_in_doubt(
    world: World, vtp: ViettelPostSandbox
) -> None:
    """As after a kill -9: picked by nobody alive, sent, and without an answer."""
    await world.tell(routed(VTK), packed())
    await world.pool.execute(
        "UPDATE jobs.pgqueuer SET status = 'picked', queue_manager_id = gen_random_uuid(), "
        "heartbeat = now() - interval '1 minute'"
    )
    await world.pool.execute(
        "INSERT INTO jobs.calls (reference, kind, request, in_doubt, sent_at) "
        "VALUES ($1, 'book', 0, true, now())",
        REFERENCE,
    )
    misbehave(vtp, refused=1.0)
    world.start_runner()
    await world.until(lambda: world.results() == [("book", "unknown")])
    misbehave(vtp)
    await world.until(world.booked)


async def test_a_runner_whose_database_connections_are_cut_goes_on(world: World) -> None:
    world.start_runner()
    await world.until(lambda: world.runner.ready)
    await world.pool.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await asyncio.sleep(0.3)
    await world.tell(routed(VTK), packed())
    await world.until(world.booked)


async def test_a_job_that_breaks_is_done_again(world: World) -> None:
    """Here the master key is another one: nobody can be booked for until that is mended."""
    vault, world.vault = world.vault, Vault(bytes(31) + b"x")
    world.start_runner()
    await world.tell(routed(VTK), packed())
    await world.until(lambda: world.runner.ready)
    await asyncio.sleep(0.7)
    assert world.results() == []
    await world.stop_runner()
    world.vault = vault
    world.start_runner()
    await world.until(world.booked)


async def test_an_erased_buyer_is_never_booked(world: World, vtp: ViettelPostSandbox) -> None:
    await world.pool.execute("DELETE FROM intake.buyer_keys")
    world.start_runner()
    await world.tell(routed(VTK), packed())
    (refused,) = await world.until(lambda: world.said("booking.refused"))
    assert refused.reason == "erased"
    assert vtp.yard.totals["booked"] == 0


async def _book_another(world: World, service: tuple[str, str] = CTN) -> None:
    """A booking the carrier certainly has: without one, "not found" proves nothing."""
    other = "postmart:HTX-MAU-01:PM-0000099"
    await world.place(other)
    world.start_runner()
    await world.tell(routed(service, order=other), packed(f"{other}/1/1"))
    await world.until(world.booked)
    assert booking_reference(f"{other}/1/1", 1) != REFERENCE
    assert PARCEL.startswith(ORDER)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port
