"""What to make of a carrier's answers: certain outcomes, and what is still open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias, assert_never

from schemas.booking import BookingOutcome
from services.carriers.port import (
    Booked,
    BookingRef,
    CannotAsk,
    Found,
    NotFound,
    RedeliveryAccepted,
    Refused,
    ReturnAccepted,
    Unknown,
    Voided,
    VoidPending,
)

if TYPE_CHECKING:
    from datetime import datetime

    from services.carriers.port import BookingRequest, Carrier
    from services.jobs.calls import CallBook, Known


NO_CALL: Final = "the carrier has no call for it"


@dataclass(frozen=True, slots=True)
class Certain:
    """The call is done with."""

    outcome: BookingOutcome
    message: str = ""
    booked: Booked | None = None


@dataclass(frozen=True, slots=True)
class Open:
    """Not done with: ask again later.

    `in_doubt`: a call was sent whose effect is not known. `answered`: the carrier said something
    now, so it is not to be left alone for this.
    """

    outcome: BookingOutcome
    message: str
    in_doubt: bool = True
    answered: bool = True


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing is left to do and nothing to tell."""


Verdict: TypeAlias = Certain | Open | Nothing


class Asking:
    """One carrier's calls, each marked as sent before it is made. Raises CarrierUnreachable."""

    def __init__(self, carrier: Carrier, calls: CallBook, settle_after_s: float) -> None:
        self._carrier = carrier
        self._calls = calls
        self._settle_after_s = settle_after_s

    async def book(self, known: Known, request: BookingRequest, now: datetime) -> Verdict:
        """Book, once it is certain that an earlier call under this reference had no effect."""
        if not known.in_doubt:
            return await self._book(known, request, refusal_is_proof=True)
        match await self._carrier.lookup(request.reference):
            case Found(booked, ended):
                if ended:
                    return Certain(BookingOutcome.REFUSED, "the carrier ended it before we knew")
                return Certain(BookingOutcome.BOOKED, booked=booked)
            case NotFound() if await self._absence_is_proved(known, now):
                return await self._book(known, request, refusal_is_proof=True)
            case NotFound():
                return Open(BookingOutcome.UNKNOWN, "not found yet after a lost answer")
            case Unknown(reason):
                return Open(BookingOutcome.UNKNOWN, reason, answered=False)
            case CannotAsk():
                return await self._book_unasked(known, request)
            case answer:
                assert_never(answer)

    async def void(self, known: Known, booking: BookingRef) -> Verdict:
        """Void, unless that has happened; a carrier that only took note is asked what came of it."""
        if known.row["state"] != "void_pending":
            return Nothing()
        if known.answer is not None or known.in_doubt:
            found = await self._carrier.lookup(booking.reference)
            if isinstance(found, Found) and found.ended:
                return Certain(BookingOutcome.VOIDED)
        if _noted(known):
            return Open(BookingOutcome.VOID_PENDING, "the carrier took note", in_doubt=False)
        return await self._void(known, booking)

    async def _void(self, known: Known, booking: BookingRef) -> Verdict:
        await self._calls.mark_sent(known)
        match await self._carrier.void(booking):
            case Voided():
                return Certain(BookingOutcome.VOIDED)
            case VoidPending(reason):
                return Open(BookingOutcome.VOID_PENDING, reason, in_doubt=False)
            case Refused(reason):
                # A second cancellation is refused like one that comes too late.
                if known.in_doubt:
                    return Open(BookingOutcome.UNKNOWN, reason)
                return Certain(BookingOutcome.VOID_REFUSED, reason)
            case CannotAsk():
                return Certain(BookingOutcome.VOID_UNASKED, "the carrier has no call for it")
            case Unknown(reason):
                return Open(BookingOutcome.UNKNOWN, reason, answered=False)
            case answer:
                assert_never(answer)

    async def request_return(self, known: Known, booking: BookingRef, why: str) -> Verdict:
        """Ask once; whatever is not a clear yes goes to a person."""
        await self._calls.mark_sent(known)
        match await self._carrier.request_return(booking, why):
            case ReturnAccepted():
                return Certain(BookingOutcome.RETURN_ACCEPTED)
            case Refused(reason) | Unknown(reason):
                return Certain(BookingOutcome.RETURN_REFUSED, reason)
            case CannotAsk():
                return Certain(BookingOutcome.RETURN_REFUSED, NO_CALL)
            case answer:
                assert_never(answer)

    async def request_redelivery(self, known: Known, booking: BookingRef, why: str) -> Verdict:
        """Ask once; whatever is not a clear yes goes back to the seller."""
        await self._calls.mark_sent(known)
        match await self._carrier.request_redelivery(booking, why):
            case RedeliveryAccepted():
                return Certain(BookingOutcome.REDELIVERY_ACCEPTED)
            case Refused(reason):
                return Certain(BookingOutcome.REDELIVERY_REFUSED, reason)
            case Unknown(reason):
                why_not = f"no clear answer, tracking will tell: {reason}"
                return Certain(BookingOutcome.REDELIVERY_REFUSED, why_not)
            case CannotAsk():
                return Certain(BookingOutcome.REDELIVERY_REFUSED, NO_CALL)
            case answer:
                assert_never(answer)

    async def _book(
        self, known: Known, request: BookingRequest, *, refusal_is_proof: bool
    ) -> Verdict:
        await self._calls.mark_sent(known)
        match await self._carrier.book(request):
            case Booked() as booked:
                return Certain(BookingOutcome.BOOKED, booked=booked)
            case Refused(reason) if refusal_is_proof:
                return Certain(BookingOutcome.REFUSED, reason)
            case Refused(reason):
                return Open(BookingOutcome.UNKNOWN, reason)
            case Unknown(reason):
                return Open(BookingOutcome.UNKNOWN, reason, answered=False)
            case answer:
                assert_never(answer)

    async def _book_unasked(self, known: Known, request: BookingRequest) -> Verdict:
        """The carrier has no query: its webhooks name our reference, or it refuses a repetition.

        It books if it had nothing; if it refuses, that may be for the repetition alone. One that
        may book twice is not called again: its webhook, or a person, settles it.
        """
        heard = await self._calls.heard(self._carrier.name, request.reference)
        if len(heard) == 1:
            return Certain(BookingOutcome.BOOKED, booked=Booked(heard[0]))
        if not self._carrier.may_repeat:
            return Open(BookingOutcome.UNKNOWN, "its answer was lost, and it may book twice")
        return await self._book(known, request, refusal_is_proof=False)

    async def _absence_is_proved(self, known: Known, now: datetime) -> bool:
        """Whether "not found" means that there is nothing.

        Not while the lost call may still be under way, and only if the carrier finds a booking
        that it certainly has: that it can be asked by our reference is not confirmed.
        """
        sent_at = known.sent_at
        if sent_at is not None and (now - sent_at).total_seconds() < self._settle_after_s:
            return False
        control = await self._calls.control(self._carrier.name, self._carrier.api)
        if control is None:
            return False
        return isinstance(await self._carrier.lookup(control), Found)


def _noted(known: Known) -> bool:
    """Whether the carrier said earlier that it took note of the void."""
    return (known.answer or {}).get("outcome") == BookingOutcome.VOID_PENDING
