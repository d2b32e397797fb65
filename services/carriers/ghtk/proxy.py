"""GHTK over HTTP: the only place that knows its addresses and headers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote

from typing_extensions import override

from services.carriers.ghtk import answers, mapping
from services.carriers.http import Answer, AnswerLost, Line
from services.carriers.port import (
    BookAnswer,
    BookingRef,
    BookingRequest,
    Carrier,
    CarrierUnreachable,
    LookupAnswer,
    QuoteAnswer,
    Quoted,
    QuoteRequest,
    Refused,
    Unknown,
    VoidAnswer,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.carriers.account import Account

SHIPMENT = "/services/shipment"


class Ghtk(Carrier):
    """One shop at GHTK: `password` is the token, `customer_code` the partner code.

    There is no query by our own number: after a lost answer the order is simply sent again, and
    "exists already" is the answer. Returns and redeliveries have no documented call.
    """

    name: ClassVar[str] = "ghtk"
    api: ClassVar[str] = "services"

    def __init__(self, account: Account) -> None:
        self.may_repeat = account.may_repeat
        self._headers = {"Token": account.password, "X-Client-Source": account.customer_code}
        self._line = Line(
            account.base_url, timeout_s=account.timeout_s, connections=account.connections
        )

    @override
    async def book(self, request: BookingRequest) -> BookAnswer:
        """Create an order under our id, which GHTK accepts once."""
        path = f"{SHIPMENT}/order/?ver=1.5"
        try:
            answer = await self._ask("POST", path, body=mapping.create_order(request))
        except AnswerLost as lost:
            return Unknown(str(lost))
        return answers.read_booked(answer.body)

    @override
    async def void(self, booking: BookingRef) -> VoidAnswer:
        """Cancel by label, or by our id where the label is not known: only at 1, 2 and 12."""
        named = booking.tracking_no or f"partner_id:{booking.reference}"
        try:
            answer = await self._ask("POST", f"{SHIPMENT}/cancel/{in_path(named)}")
        except AnswerLost as lost:
            return Unknown(str(lost))
        return answers.read_voided(answer.body)

    @override
    async def quote(self, request: QuoteRequest) -> QuoteAnswer:
        """Ask for each transport: GHTK prices one at a time."""
        try:
            told = await asyncio.gather(
                *(
                    self._ask("GET", f"{SHIPMENT}/fee", params=mapping.fee(request, transport))
                    for transport in mapping.TRANSPORTS
                )
            )
        except AnswerLost as lost:
            return Unknown(str(lost))
        if all(answers.failed(one.body) for one in told):
            return Refused(answers.reason(told[0].body))
        priced = map(answers.read_fee, (one.body for one in told), mapping.TRANSPORTS)
        return Quoted(tuple(one for one in priced if one is not None))

    async def status_of(self, label: str) -> LookupAnswer:
        """What GHTK says of a label now. For people: its webhook is repeated only once."""
        try:
            answer = await self._ask("GET", f"{SHIPMENT}/v2/{in_path(label)}")
        except AnswerLost as lost:
            return Unknown(str(lost))
        return answers.read_status(answer.body, label)

    @override
    async def close(self) -> None:
        """Close every connection."""
        await self._line.close()

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        params: Mapping[str, str] | None = None,
    ) -> Answer:
        """Raises CarrierUnreachable also where our token is refused: that is no word on a parcel."""
        answer = await self._line.ask(method, path, body=body, headers=self._headers, params=params)
        if answer.status in answers.UNAUTHORISED:
            raise CarrierUnreachable("the token is refused")
        return answer


def in_path(name: str) -> str:
    """A label or `partner_id:…` as one segment of a path (`S1.A2.3` has dots)."""
    return quote(name, safe=":")
