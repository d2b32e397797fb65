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
    ReturnAnswer,
    Unknown,
    VoidAnswer,
)
from services.carriers.token import Token, TokenKeeper
from services.carriers.viettelpost import answers, mapping

if TYPE_CHECKING:
    from services.carriers.account import Account


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

    async def book(self, request: BookingRequest) -> BookAnswer:
        """Create a waybill; `CHECK_UNIQUE` refuses a reference it has already."""
        try:
            answer = await self._authorised.ask(
                "POST", "/v2/order/createOrderNlp", body=mapping.create_order(request)
            )
        except AnswerLost as lost:
            return Unknown(str(lost))
        return answers.read_booked(answer.body, request.ready_at)

    async def void(self, booking: BookingRef) -> VoidAnswer:
        """Cancel: allowed below status 200, not at 105 or 107."""
        body = mapping.update_order(mapping.CANCEL, booking.tracking_no, booking.reference)
        try:
            answer = await self._authorised.ask("POST", "/v2/order/UpdateOrder", body=body)
        except AnswerLost as lost:
            return Unknown(str(lost))
        return answers.read_voided(answer.body)

    async def request_return(self, booking: BookingRef, why: str) -> ReturnAnswer:
        """Approve a return: allowed at status 505 only."""
        body = mapping.update_order(mapping.APPROVE_RETURN, booking.tracking_no, why)
        try:
            answer = await self._authorised.ask("POST", "/v2/order/UpdateOrder", body=body)
        except AnswerLost as lost:
            return Unknown(str(lost))
        return answers.read_return(answer.body)

    async def close(self) -> None:
        """Close every connection."""
        await self._line.close()

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
