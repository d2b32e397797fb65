"""One interface's jobs: read, ask, keep the answer, tell it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, assert_never

import structlog

from schemas.booking import BookingOutcome
from services.carriers.port import BookingRef, CarrierUnreachable
from services.jobs.answers import Appending, publish, resulted
from services.jobs.asking import Asking, Certain, Nothing, Open, Verdict
from services.jobs.breaker import backoff_s
from services.jobs.calls import Kept
from services.jobs.requests import Requests
from services.store.consignees import NoConsignee
from services.store.s10_numbers import NumbersExhausted
from services.suspect import look_at
from services.telemetry import CARRIER_CALLS

if TYPE_CHECKING:
    from services.carriers.port import BookingRequest, Carrier
    from services.jobs.breaker import Breaker, Permit
    from services.jobs.calls import CallBook, Known
    from services.jobs.queue import CarrierJob
    from services.reference.places import Places
    from services.store.pool import Pool
    from services.store.vault import Vault

log = structlog.get_logger()

HELD_FIRST_S: Final = 2.0
HELD_LONGEST_S: Final = 15.0
"""How often a job of a held order looks whether it may go on."""
NO_NUMBER_S: Final = 60.0
"""How often a job looks whether a number of ours is free again."""


class TryLater(Exception):
    """The job is not done; it waits `after_s` in the queue."""

    def __init__(self, after_s: float, why: str) -> None:
        super().__init__(why)
        self.after_s = after_s


@dataclass(frozen=True, slots=True)
class Means:
    """What every carrier's calls need. `era` leads the versions of answers."""

    pool: Pool
    appender: Appending
    vault: Vault
    places: Places
    settle_after_s: float
    era: int


class CarrierCalls:
    """Performs the jobs of one interface."""

    def __init__(
        self,
        carrier: Carrier,
        breaker: Breaker,
        calls: CallBook,
        means: Means,
    ) -> None:
        self._carrier = carrier
        self._breaker = breaker
        self._calls = calls
        self._asking = Asking(carrier, calls, means.settle_after_s)
        self._means = means
        self._requests = Requests(means.pool, means.vault, means.places)
        self._told: dict[str, int] = {}
        """Versions of answers this runner told of jobs that are still open: told once is enough."""

    async def perform(self, job: CarrierJob, waiting: timedelta, attempt: int) -> None:
        """Do a job that has waited `waiting`, for the `attempt`-th time (from 0).

        Returns once its answer is in the log. Raises TryLater, Stopping, NotAppended.
        """
        if (known := await self._unsettled(job)) is None:
            return
        at = job.asked_at + waiting
        async with self._breaker.admitted() as permit:
            if permit.waited and (known := await self._unsettled(job)) is None:
                return
            begun = time.perf_counter()
            verdict = self._unsent(known, attempt) or await self._ask(known, permit, at, attempt)
        self._log(known, verdict, attempt, begun)
        await self._conclude(known, verdict, at, attempt)

    async def _unsettled(self, job: CarrierJob) -> Known | None:
        """What is known of a job that is not done; an answer it has is told if we have not yet."""
        known = await self._calls.read(job)
        if known is None:
            log.error("job_without_booking", reference=job.reference, kind=job.kind)
            return None
        if known.answer is not None and self._told.get(job.dedupe_key) != known.answer["version"]:
            await publish(self._means.appender, known.answer)
            self._told[job.dedupe_key] = known.answer["version"]
        if known.row["settled"]:
            self._told.pop(job.dedupe_key, None)
            return None
        return known

    def _unsent(self, known: Known, attempt: int) -> Certain | None:
        """What a job that was never sent comes to when its order is void or held."""
        if known.job.kind != "book" or known.in_doubt:
            return None
        if known.row["to_void"]:
            return Certain(BookingOutcome.VOIDED, "void before it was sent")
        if known.row["paused"]:
            raise TryLater(backoff_s(attempt, HELD_FIRST_S, HELD_LONGEST_S), "the order is held")
        return None

    async def _ask(self, known: Known, permit: Permit, at: datetime, attempt: int) -> Verdict:
        try:
            verdict = await self._asked(known, at)
        except NoConsignee as error:
            if known.in_doubt:
                return Open(BookingOutcome.UNKNOWN, "nobody to send it to any more")
            return Certain(BookingOutcome.REFUSED, "erased" if error.erased else "no consignee")
        except CarrierUnreachable as error:
            await self._calls.keep(_kept(known, None, in_doubt=known.in_doubt, settled=False))
            CARRIER_CALLS.labels(known.job.interface, known.job.kind, "failed").inc()
            log.warning(
                "carrier_unreachable",
                interface=known.job.interface,
                call=known.job.kind,
                reference=known.job.reference,
                attempt=attempt,
                why=str(error),
            )
            permit.answered = False
            raise TryLater(backoff_s(attempt), "unreachable") from error
        permit.answered = not isinstance(verdict, Open) or verdict.answered
        return verdict

    async def _asked(self, known: Known, at: datetime) -> Verdict:
        match known.job.kind:
            case "book":
                request = await self._request(known, at)
                return await self._asking.book(known, request, datetime.now(UTC))
            case "void":
                return await self._asking.void(known, _reference(known))
            case "return":
                why = known.row["recall_why"]
                return await self._asking.request_return(known, _reference(known), why)
            case "approve_return":
                why = known.row["decision_why"]
                return await self._asking.request_return(known, _reference(known), why)
            case "redeliver":
                why = known.row["decision_why"]
                return await self._asking.request_redelivery(known, _reference(known), why)
            case kind:
                assert_never(kind)

    async def _request(self, known: Known, at: datetime) -> BookingRequest:
        try:
            return await self._requests.make(known.row, at)
        except NumbersExhausted as error:
            log.warning("s10_numbers_exhausted", reference=known.job.reference, why=str(error))
            raise TryLater(NO_NUMBER_S, str(error)) from error

    async def _conclude(self, known: Known, verdict: Verdict, at: datetime, attempt: int) -> None:
        match verdict:
            case Certain(outcome, message, booked):
                event = resulted(
                    known, outcome, at, era=self._means.era, message=message, booked=booked
                )
                answer = event.model_dump(mode="json")
                await self._calls.keep(_kept(known, answer, in_doubt=False, settled=True))
                await publish(self._means.appender, answer)
                self._told.pop(known.job.dedupe_key, None)
            case Open(outcome, message, in_doubt):
                if (known.answer or {}).get("outcome") != outcome:
                    event = resulted(known, outcome, at, era=self._means.era, message=message)
                    answer = event.model_dump(mode="json")
                    await self._calls.keep(_kept(known, answer, in_doubt=in_doubt, settled=False))
                    await publish(self._means.appender, answer)
                    self._told[known.job.dedupe_key] = event.version
                raise TryLater(backoff_s(attempt, longest_s=self._means.settle_after_s), message)
            case Nothing():
                await self._calls.keep(_kept(known, None, in_doubt=False, settled=True))
            case _:
                assert_never(verdict)

    @staticmethod
    def _compare(known: Known, number: str) -> None:
        """The carrier's word counts; that it did not take our number is for people to know."""
        ours = known.row["own_number"]
        if ours not in {None, number}:
            log.warning(
                "own_number_not_taken",
                interface=known.job.interface,
                reference=known.job.reference,
                ours=ours,
                tracking_no=number,
            )

    def _log(self, known: Known, verdict: Verdict, attempt: int, begun: float) -> None:
        outcome = "nothing" if isinstance(verdict, Nothing) else verdict.outcome.value
        if isinstance(verdict, Certain) and verdict.booked:
            look_at(self._carrier.name, verdict.booked.tracking_no)
            self._compare(known, verdict.booked.tracking_no)
        CARRIER_CALLS.labels(known.job.interface, known.job.kind, counted_as(verdict)).inc()
        log.info(
            "carrier_called",
            interface=known.job.interface,
            call=known.job.kind,
            outcome=outcome,
            reference=known.job.reference,
            parcel_id=known.row["parcel_id"],
            attempt=attempt,
            seconds=round(time.perf_counter() - begun, 4),
        )


def counted_as(verdict: Verdict) -> str:
    """The outcome's name in the metrics: ok, refused or unclear."""
    match verdict:
        case Open(in_doubt=True):
            return "unclear"
        case Certain(BookingOutcome.REFUSED | BookingOutcome.VOID_REFUSED):
            return "refused"
        case Certain(BookingOutcome.RETURN_REFUSED | BookingOutcome.VOID_UNASKED):
            return "refused"
        case Certain(BookingOutcome.REDELIVERY_REFUSED):
            return "refused"
        case _:
            return "ok"


def _reference(known: Known) -> BookingRef:
    row = known.row
    return BookingRef(row["reference"], row["tracking_no"] or "", row["carrier_ref"])


def _kept(known: Known, answer: dict[str, Any] | None, *, in_doubt: bool, settled: bool) -> Kept:
    version = answer["version"] if answer else known.row["version"]
    return Kept(known.job, version, answer, in_doubt, settled)
