"""The carriers' double without HTTP: the same parcels and rules, asked directly.

For tests and the bench. It sits the same exam as the proxies against the HTTP sandboxes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from services.carriers.port import (
    BookAnswer,
    Booked,
    BookingRef,
    BookingRequest,
    Carrier,
    EditAnswer,
    Edited,
    Found,
    LookupAnswer,
    NotFound,
    PricedService,
    QuoteAnswer,
    Quoted,
    QuoteRequest,
    RedeliveryAccepted,
    RedeliveryAnswer,
    Refused,
    ReturnAccepted,
    ReturnAnswer,
    VoidAnswer,
    Voided,
    VoidPending,
)
from services.sandbox import viettelpost, vnpost
from services.sandbox.clock import Clock
from services.sandbox.plans import viettelpost_redelivery, viettelpost_return
from services.sandbox.prices import VIETTELPOST, VNPOST
from services.sandbox.yard import Yard

if TYPE_CHECKING:
    from services.sandbox.options import Options
    from services.sandbox.plans import Step
    from services.sandbox.prices import PriceList
    from services.sandbox.yard import Parcel


class InProcessViettelPost(Carrier):
    """Viettel Post without a network. Its parcels live; nobody is told."""

    name: ClassVar[str] = "viettelpost"
    api: ClassVar[str] = "partner_v2"

    def __init__(self, options: Options) -> None:
        self.yard = Yard(options, Clock(options.start, options.speed), viettelpost.MANNER, _nobody)

    async def book(self, request: BookingRequest) -> BookAnswer:
        """Refuses a reference it has already."""
        if request.reference in self.yard.by_reference:
            return Refused("Mã đơn hàng đã tồn tại")
        return _book(self.yard, VIETTELPOST, request)

    async def quote(self, request: QuoteRequest) -> QuoteAnswer:
        """The price list of the lane."""
        return _quote(self.yard, VIETTELPOST, request)

    async def edit(self, booking: BookingRef, request: BookingRequest) -> EditAnswer:
        """Only before the carrier has the parcel."""
        parcel = self.yard.by_number.get(booking.tracking_no)
        if parcel is None or not viettelpost.cancellable(parcel):
            return Refused("Trạng thái đơn hàng không hợp lệ")
        parcel.weight_g, parcel.cod_vnd = request.weight_g, request.cod_vnd
        parcel.freight_vnd = _price(VIETTELPOST, request)
        return Edited(parcel.freight_vnd)

    async def void(self, booking: BookingRef) -> VoidAnswer:
        """Only before the carrier has the parcel."""
        parcel = self.yard.by_number.get(booking.tracking_no)
        if parcel is None or not viettelpost.cancellable(parcel):
            return Refused("Trạng thái đơn hàng không hợp lệ")
        self.yard.lead(parcel, ())
        self.yard.happen(parcel, viettelpost.CANCELLED)
        return Voided()

    async def request_return(self, booking: BookingRef, why: str) -> ReturnAnswer:  # noqa: ARG002
        """Only while the carrier awaits the sender's decision."""
        parcel = self.yard.by_number.get(booking.tracking_no)
        if parcel is None or parcel.code != viettelpost.AWAITING_DECISION:
            return Refused("Trạng thái đơn hàng không hợp lệ")
        chance = self.yard.chance(parcel.number, "decision")
        self.yard.lead(parcel, [viettelpost.APPROVED, *viettelpost_return(chance)])
        return ReturnAccepted()

    async def request_redelivery(self, booking: BookingRef, why: str) -> RedeliveryAnswer:  # noqa: ARG002
        """Only while the carrier awaits the sender's decision."""
        parcel = self.yard.by_number.get(booking.tracking_no)
        if parcel is None or parcel.code != viettelpost.AWAITING_DECISION:
            return Refused("Trạng thái đơn hàng không hợp lệ")
        self.yard.lead(parcel, viettelpost_redelivery(self.yard.chance(parcel.number, "decision")))
        return RedeliveryAccepted()

    async def close(self) -> None:
        """Let nothing more happen."""
        self.yard.close()


class InProcessVietnamPost(Carrier):
    """Vietnam Post without a network. Its parcels live; nobody is told."""

    name: ClassVar[str] = "vnpost"
    api: ClassVar[str] = "myvnpost"

    def __init__(self, options: Options) -> None:
        self.yard = Yard(options, Clock(options.start, options.speed), vnpost.MANNER, _nobody)

    async def book(self, request: BookingRequest) -> BookAnswer:
        """Takes what it does not refuse by chance."""
        return _book(self.yard, VNPOST, request)

    async def quote(self, request: QuoteRequest) -> QuoteAnswer:
        """The price list of the lane."""
        return _quote(self.yard, VNPOST, request)

    async def void(self, booking: BookingRef) -> VoidAnswer:
        """Done, or noted for later."""
        parcel = self.yard.by_carrier_ref.get(booking.carrier_ref or "")
        if parcel is None or not vnpost.cancellable(parcel):
            return Refused("Không thể hủy đơn hàng")
        return VoidPending("Chờ xử lý") if vnpost.cancel(self.yard, parcel) == "02" else Voided()

    async def lookup(self, reference: str) -> LookupAnswer:
        """The newest order under our reference."""
        parcel = self.yard.find(reference)
        if parcel is None:
            return NotFound()
        return Found(_booked(parcel), ended=parcel.code == vnpost.CANCELLED.code)

    async def close(self) -> None:
        """Let nothing more happen."""
        self.yard.close()


def _quote(yard: Yard, prices: PriceList, request: QuoteRequest) -> QuoteAnswer:
    lane = (request.origin.province, request.destination.province)
    if yard.refuses(f"price|{request}"):
        return Refused("Price does not apply to this itinerary!")
    charged = prices.charged_g(
        request.weight_g, request.length_cm, request.width_cm, request.height_cm
    )
    return Quoted(
        tuple(
            PricedService(offer.product.code, offer.price_vnd, charged, offer.hours)
            for offer in prices.offers(*lane, charged)
        )
    )


def _price(prices: PriceList, request: BookingRequest) -> int:
    charged = prices.charged_g(
        request.weight_g, request.length_cm, request.width_cm, request.height_cm
    )
    lane = (request.sender.province, request.recipient.province)
    return prices.price_vnd(request.service, *lane, charged)


def _book(yard: Yard, prices: PriceList, request: BookingRequest) -> BookAnswer:
    if yard.refuses(request.reference):
        return Refused("Không hỗ trợ tuyến này")
    parcel = yard.accept(
        request.reference,
        service=request.service,
        weight_g=request.weight_g,
        cod_vnd=request.cod_vnd,
        price_vnd=_price(prices, request),
        at=request.ready_at,
    )
    return _booked(parcel)


def _booked(parcel: Parcel) -> Booked:
    return Booked(parcel.number, parcel.carrier_ref, parcel.freight_vnd)


def _nobody(_parcel: Parcel, _step: Step) -> None:
    """Nobody is told."""
