"""What we ask of a carrier, and every answer there is.

A business "no" is a value. `CarrierUnreachable` alone is raised: nothing was asked, so the same
call may simply be made again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeAlias

from schemas.place import HOME

if TYPE_CHECKING:
    from datetime import date, datetime

    from schemas.intake import Handling


class CarrierUnreachable(Exception):
    """The call did not reach the carrier, or it said itself that it did nothing with it."""


@dataclass(frozen=True, slots=True)
class Party:
    """Sender or recipient. Personal data: never logged, so it has no representation.

    `phone` in any written form; ward and province as GSO code (34-province map) and name, empty
    abroad, where `city` and `postcode` stand in their place. `country`: ISO 3166-1, two letters.
    """

    name: str = field(repr=False)
    phone: str = field(repr=False)
    street: str = field(repr=False)
    ward_code: str
    ward: str
    province_code: str
    province: str
    country: str = HOME
    city: str = field(default="", repr=False)
    postcode: str = field(default="", repr=False)

    @property
    def is_abroad(self) -> bool:
        """Whether a carrier at home hands it on to another."""
        return self.country != HOME


@dataclass(frozen=True, slots=True)
class BookingRequest:
    """One parcel to carry, under our reference (at most 24 ASCII characters).

    `cod_vnd` is all the buyer pays at the door, shipping included. `ready_at` is aware. `handling`:
    classes of the goods; `perishable`: they may not travel for long. `number`: the S10 number we
    gave the parcel ourselves, where that is agreed.
    """

    reference: str
    service: str
    sender: Party
    recipient: Party
    contents: str
    pieces: int
    weight_g: int
    length_cm: int
    width_cm: int
    height_cm: int
    goods_vnd: int
    cod_vnd: int
    ready_at: datetime
    handling: frozenset[Handling] = frozenset()
    perishable: bool = False
    number: str | None = None


@dataclass(frozen=True, slots=True)
class Locality:
    """A commune, without anything of who lives there. Codes are GSO's, of the 34 provinces."""

    ward_code: str
    ward: str
    province_code: str
    province: str


@dataclass(frozen=True, slots=True)
class QuoteRequest:
    """A parcel to be priced. `cod_vnd` 0: nothing is collected. `ready_at` is aware."""

    origin: Locality
    destination: Locality
    weight_g: int
    length_cm: int
    width_cm: int
    height_cm: int
    goods_vnd: int
    cod_vnd: int
    ready_at: datetime


@dataclass(frozen=True, slots=True)
class BookingRef:
    """How a booking is known: by us, to people, and inside the carrier."""

    reference: str
    tracking_no: str
    carrier_ref: str | None = None


@dataclass(frozen=True, slots=True)
class Booked:
    """The carrier took the parcel on. `freight_vnd` with VAT; None where it named no price."""

    tracking_no: str
    carrier_ref: str | None = None
    freight_vnd: int | None = None
    expected_on: date | None = None
    sort_code: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The carrier will not do it; its own words, never to be switched on."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """The call was sent and its answer lost: it may or may not have taken effect."""

    reason: str


@dataclass(frozen=True, slots=True)
class Voided:
    """The booking is cancelled."""


@dataclass(frozen=True, slots=True)
class VoidPending:
    """The carrier took note and will decide: not a cancellation yet."""

    reason: str


@dataclass(frozen=True, slots=True)
class ReturnAccepted:
    """The carrier brings the parcel back."""


@dataclass(frozen=True, slots=True)
class RedeliveryAccepted:
    """The carrier tries once more."""


@dataclass(frozen=True, slots=True)
class Edited:
    """The booking now says what the request says. `freight_vnd` None: it named no price."""

    freight_vnd: int | None = None


@dataclass(frozen=True, slots=True)
class PricedService:
    """What one service costs. `price_vnd` with VAT; the others None where the carrier is silent.

    `transit_h`: hours from acceptance to the door; `charged_weight_g`: the weight it charges.
    """

    service: str
    price_vnd: int
    charged_weight_g: int | None = None
    transit_h: int | None = None
    expected_on: date | None = None


@dataclass(frozen=True, slots=True)
class Quoted:
    """Every service the carrier offers for the request; what is not in it, it does not offer."""

    services: tuple[PricedService, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """The carrier knows a booking under our reference; `ended` if it was cancelled."""

    booked: Booked
    ended: bool = False


@dataclass(frozen=True, slots=True)
class NotFound:
    """The carrier says it knows nothing under our reference."""


@dataclass(frozen=True, slots=True)
class CannotAsk:
    """The carrier has no call for that."""


BookAnswer: TypeAlias = Booked | Refused | Unknown
VoidAnswer: TypeAlias = Voided | VoidPending | Refused | Unknown | CannotAsk
ReturnAnswer: TypeAlias = ReturnAccepted | Refused | Unknown | CannotAsk
RedeliveryAnswer: TypeAlias = RedeliveryAccepted | Refused | Unknown | CannotAsk
EditAnswer: TypeAlias = Edited | Refused | Unknown | CannotAsk
QuoteAnswer: TypeAlias = Quoted | Refused | Unknown | CannotAsk
LookupAnswer: TypeAlias = Found | NotFound | Unknown | CannotAsk


class Carrier(Protocol):
    """One carrier. Every call but `book` may be repeated with the same reference.

    `may_repeat`: a second `book` under one reference is surely refused, or is the same booking.
    Where that is not known, a booking whose answer was lost is never sent again.
    After an `Unknown` a later `Refused` proves nothing: a duplicate check looks like a refusal.
    Every method raises CarrierUnreachable. An adapter that inherits from this class answers
    CannotAsk to the calls it does not have.
    """

    name: ClassVar[str]
    api: ClassVar[str]
    may_repeat: bool = True

    async def book(self, request: BookingRequest) -> BookAnswer:
        """Ask the carrier to carry a parcel."""

    async def void(self, booking: BookingRef) -> VoidAnswer:  # noqa: ARG002
        """Cancel a booking before the carrier has the parcel."""
        return CannotAsk()

    async def quote(self, request: QuoteRequest) -> QuoteAnswer:  # noqa: ARG002
        """What the carrier would charge, service by service. Has no effect."""
        return CannotAsk()

    async def edit(
        self,
        booking: BookingRef,  # noqa: ARG002
        request: BookingRequest,  # noqa: ARG002
    ) -> EditAnswer:
        """Make a booking say what `request` says, before the carrier has the parcel."""
        return CannotAsk()

    async def request_return(self, booking: BookingRef, why: str) -> ReturnAnswer:  # noqa: ARG002
        """Have a parcel that is with the carrier brought back."""
        return CannotAsk()

    async def request_redelivery(
        self,
        booking: BookingRef,  # noqa: ARG002
        why: str,  # noqa: ARG002
    ) -> RedeliveryAnswer:
        """Have a parcel that could not be delivered tried once more."""
        return CannotAsk()

    async def lookup(self, reference: str) -> LookupAnswer:  # noqa: ARG002
        """What the carrier has under our reference."""
        return CannotAsk()

    async def close(self) -> None:
        """Let go of every connection."""
