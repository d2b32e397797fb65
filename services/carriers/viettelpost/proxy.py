"""Viettel Post over HTTP: the only place that knows its addresses and tokens."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, ClassVar

from services.carriers.authorised import AuthorisedLine
from services.carriers.http import Answer, AnswerLost, Line
from services.carriers.port import (
    BookAnswer,
    BookingRef,
    BookingRequest,
    Carrier,
    CarrierUnreachable,
    EditAnswer,
    QuoteAnswer,
    QuoteRequest,
    RedeliveryAnswer,
    ReturnAnswer,
    Unknown,
    VoidAnswer,
)
from services.carriers.token import Token, TokenKeeper
from services.carriers.viettelpost import answers, mapping
from services.carriers.viettelpost.atlas import Atlas

if TYPE_CHECKING:
    from services.carriers.account import Account
    from services.carriers.port import Locality, Party
    from services.carriers.viettelpost.mapping import Ends


class ViettelPost(Carrier):
    """One account at Viettel Post. It has no status query: the webhook is the only way in."""

    name: ClassVar[str] = "viettelpost"
    api: ClassVar[str] = "partner_v2"

    def __init__(self, account: Account) -> None:
        self._account = account
        self._line = Line(
            account.base_url, timeout_s=account.timeout_s, connections=account.connections
        )
        self._authorised = AuthorisedLine(
            self._line,
            TokenKeeper(self._login),
            header="Token",
            refused=answers.failed,
            proof="/v2/user/listInventory",
        )
        self._atlas = Atlas(self._list)

    async def book(self, request: BookingRequest) -> BookAnswer:
        """Create a waybill; `CHECK_UNIQUE` refuses a reference it has already."""
        try:
            ends = await self._ends(request.sender, request.recipient)
            path = "/v2/order/createOrder" if ends else "/v2/order/createOrderNlp"
            answer = await self._post(path, mapping.create_order(request, ends))
        except AnswerLost as lost:
            return Unknown(str(lost))
        return answers.read_booked(answer.body, request.ready_at)

    async def quote(self, request: QuoteRequest) -> QuoteAnswer:
        """Every domestic service of the lane; prices include VAT, not the add-ons."""
        try:
            ends = await self._ends(request.origin, request.destination)
            path = "/v2/order/getPriceAll" if ends else "/v2/order/getPriceAllNlp"
            answer = await self._post(path, mapping.price_all(request, ends))
        except AnswerLost as lost:
            return Unknown(str(lost))
        return answers.read_prices(answer.body)

    async def edit(self, booking: BookingRef, request: BookingRequest) -> EditAnswer:
        """Change a waybill: allowed below status 200."""
        try:
            ends = await self._ends(request.sender, request.recipient)
            body = mapping.edit_order(request, booking.tracking_no, ends)
            answer = await self._post("/v2/order/edit", body)
        except AnswerLost as lost:
            return Unknown(str(lost))
        return answers.read_edited(answer.body)

    async def void(self, booking: BookingRef) -> VoidAnswer:
        """Cancel: allowed below status 200, not at 105 or 107."""
        try:
            answer = await self._update(mapping.CANCEL, booking, booking.reference)
        except AnswerLost as lost:
            return Unknown(str(lost))
        return answers.read_voided(answer.body)

    async def request_return(self, booking: BookingRef, why: str) -> ReturnAnswer:
        """Approve a return: allowed at status 505 only."""
        try:
            answer = await self._update(mapping.APPROVE_RETURN, booking, why)
        except AnswerLost as lost:
            return Unknown(str(lost))
        return answers.read_return(answer.body)

    async def request_redelivery(self, booking: BookingRef, why: str) -> RedeliveryAnswer:
        """Have it tried once more: allowed at status 505 only."""
        try:
            answer = await self._update(mapping.REDELIVER, booking, why)
        except AnswerLost as lost:
            return Unknown(str(lost))
        return answers.read_redelivery(answer.body)

    async def close(self) -> None:
        """Close every connection."""
        await self._line.close()

    async def _update(self, kind: int, booking: BookingRef, note: str) -> Answer:
        body = mapping.update_order(kind, booking.tracking_no, note)
        return await self._post("/v2/order/UpdateOrder", body)

    async def _post(self, path: str, body: dict[str, object]) -> Answer:
        return await self._authorised.ask("POST", path, body=body)

    async def _ends(self, sender: Party | Locality, recipient: Party | Locality) -> Ends | None:
        """Both places by id where the account wants it and the carrier names them; else text."""
        if self._account.addresses != "ids":
            return None
        try:
            here, there = await self._atlas.find(sender), await self._atlas.find(recipient)
        except AnswerLost as lost:
            raise CarrierUnreachable(f"list of places: {lost}") from lost
        return (here, there) if here and there else None

    async def _list(self, path: str, params: dict[str, str]) -> Answer:
        return await self._authorised.ask("GET", path, params=params)

    async def _login(self) -> Token:
        """`Login` gives a short-lived token, `ownerconnect` with it a long-lived one."""
        credentials = {"USERNAME": self._account.username, "PASSWORD": self._account.password}
        try:
            first = await self._line.ask("POST", "/v2/user/Login", body=credentials)
            short, _ends = _granted(first)
            second = await self._line.ask(
                "POST", "/v2/user/ownerconnect", body=credentials, headers={"Token": short}
            )
        except AnswerLost as lost:
            raise CarrierUnreachable(f"login: {lost}") from lost
        value, ends_ms = _granted(second)
        return Token(value, _loop_time(ends_ms))


def _granted(answer: Answer) -> tuple[str, int | None]:
    granted = answers.read_token(answer.body)
    if granted is None:
        raise CarrierUnreachable("login refused")
    return granted


def _loop_time(ends_ms: int | None) -> float | None:
    """A Unix time in ms on the loop's clock; times that are past or absent tell nothing."""
    left = (ends_ms or 0) / 1000 - time.time()
    return asyncio.get_running_loop().time() + left if left > 0 else None
