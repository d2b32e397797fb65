"""GHN over HTTP: the only place that knows its addresses and headers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar, Literal

from typing_extensions import override

from services.carriers.ghn import answers, mapping
from services.carriers.ghn.places import GhnPlace, read_places
from services.carriers.http import Answer, AnswerLost, Line
from services.carriers.port import (
    BookAnswer,
    BookingRef,
    BookingRequest,
    CannotAsk,
    Carrier,
    CarrierUnreachable,
    LookupAnswer,
    PricedService,
    QuoteAnswer,
    Quoted,
    QuoteRequest,
    RedeliveryAccepted,
    RedeliveryAnswer,
    Refused,
    ReturnAccepted,
    ReturnAnswer,
    Unknown,
    VoidAnswer,
    Voided,
)

if TYPE_CHECKING:
    from services.carriers.account import Account

ORDER = "/v2/shipping-order"
SWITCH = "/v2/switch-status"


class Ghn(Carrier):
    """One shop at GHN: `password` is the token, `customer_code` the shop's id."""

    name: ClassVar[str] = "ghn"
    api: ClassVar[str] = "v2"

    def __init__(self, account: Account) -> None:
        self._account = account
        self._headers = {"Token": account.password, "ShopId": account.customer_code}
        self._places = read_places(account.places_file)
        self._line = Line(
            account.base_url, timeout_s=account.timeout_s, connections=account.connections
        )

    @override
    async def book(self, request: BookingRequest) -> BookAnswer:
        """Create an order under our `client_order_code`.

        That a second one is refused is not said anywhere: who lost an answer looks it up first.
        """
        try:
            answer = await self._ask(
                f"{ORDER}/create", mapping.create_order(request, self._account)
            )
        except AnswerLost as lost:
            return Unknown(str(lost))
        return answers.read_booked(answer.body)

    @override
    async def void(self, booking: BookingRef) -> VoidAnswer:
        """Cancel before the parcel is collected."""
        done = await self._switch("cancel", booking)
        return Voided() if done is True else done

    @override
    async def request_return(self, booking: BookingRef, why: str) -> ReturnAnswer:
        """Have it brought back: allowed while it is stored or waits for a new delivery."""
        done = await self._switch("return", booking)
        return ReturnAccepted() if done is True else done

    @override
    async def request_redelivery(self, booking: BookingRef, why: str) -> RedeliveryAnswer:
        """Ask for another delivery inside the window before a return (24 h by default)."""
        done = await self._switch("storing", booking)
        return RedeliveryAccepted() if done is True else done

    @override
    async def lookup(self, reference: str) -> LookupAnswer:
        """Ask `detail-by-client-code`."""
        try:
            answer = await self._ask(
                f"{ORDER}/detail-by-client-code", {"client_order_code": reference}
            )
        except AnswerLost as lost:
            return Unknown(str(lost))
        return answers.read_found(answer.body, reference)

    @override
    async def quote(self, request: QuoteRequest) -> QuoteAnswer:
        """Every service of the route with its price and lead time.

        CannotAsk where GHN's numbers of a place are not known (see `places.py`).
        """
        origin = self._places.get(request.origin.ward_code)
        destination = self._places.get(request.destination.ward_code)
        if origin is None or destination is None:
            return CannotAsk()
        route = (origin, destination)
        body = mapping.available_services(self._account.customer_code, *route)
        try:
            offered = await self._ask(f"{ORDER}/available-services", body)
            if answers.failed(offered.body):
                return Refused(answers.reason(offered.body))
            offers = answers.read_offers(offered.body)
            priced = await asyncio.gather(*(self._price(request, route, one) for one in offers))
        except AnswerLost as lost:
            return Unknown(str(lost))
        return Quoted(tuple(one for one in priced if one is not None))

    @override
    async def close(self) -> None:
        """Close every connection."""
        await self._line.close()

    async def _price(
        self, request: QuoteRequest, route: tuple[GhnPlace, GhnPlace], offer: answers.Offer
    ) -> PricedService | None:
        asked = mapping.fee(request, self._account, route, offer.service_type_id)
        price = answers.read_fee((await self._ask(f"{ORDER}/fee", asked)).body)
        if price is None:
            return None
        when = await self._ask(f"{ORDER}/leadtime", mapping.leadtime(route, offer.service_id))
        lead = answers.read_leadtime(when.body)
        return PricedService(
            service=str(offer.service_type_id),
            price_vnd=price,
            transit_h=lead.transit_h if lead else None,
            expected_on=lead.expected_on if lead else None,
        )

    async def _switch(self, to: str, booking: BookingRef) -> Literal[True] | Refused | Unknown:
        body = mapping.order_codes(booking.tracking_no)
        try:
            answer = await self._ask(f"{SWITCH}/{to}", body)
        except AnswerLost as lost:
            return Unknown(str(lost))
        return answers.read_switched(answer.body, booking.tracking_no)

    async def _ask(self, path: str, body: dict[str, object]) -> Answer:
        """Raises CarrierUnreachable also where our token is refused: that is no word on a parcel."""
        answer = await self._line.ask("POST", path, body=body, headers=self._headers)
        if answers.not_ours(answer.status, answer.body):
            raise CarrierUnreachable("the token or the shop is refused")
        return answer
