"""MyVNPost over HTTP: the only place that knows its addresses and tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from services.carriers.authorised import AuthorisedLine
from services.carriers.http import AnswerLost, Line
from services.carriers.port import (
    BookAnswer,
    BookingRef,
    BookingRequest,
    CannotAsk,
    Carrier,
    CarrierUnreachable,
    EditAnswer,
    LookupAnswer,
    QuoteAnswer,
    QuoteRequest,
    Refused,
    Unknown,
    VoidAnswer,
)
from services.carriers.token import Token, TokenKeeper
from services.carriers.vnpost import answers, mapping

if TYPE_CHECKING:
    from services.carriers.account import Account


class VietnamPost(Carrier):
    """One customer of Vietnam Post."""

    name: ClassVar[str] = "vnpost"
    api: ClassVar[str] = "myvnpost"

    def __init__(self, account: Account) -> None:
        self._account = account
        self._line = Line(
            account.base_url, timeout_s=account.timeout_s, connections=account.connections
        )
        self._authorised = AuthorisedLine(
            self._line,
            TokenKeeper(self._login),
            header="token",
            refused=answers.failed,
            proof="/getNewProvinceAll",
        )

    async def book(self, request: BookingRequest) -> BookAnswer:
        """Create an order under our `saleOrderCode`."""
        body = mapping.create_order(request, self._account)
        try:
            answer = await self._authorised.ask("POST", "/CreateOrder", body=body)
        except AnswerLost as lost:
            return Unknown(str(lost))
        return answers.read_booked(answer.body)

    async def quote(self, request: QuoteRequest) -> QuoteAnswer:
        """Every service of the lane with its whole fee."""
        body = mapping.services_charge(request, self._account)
        try:
            answer = await self._authorised.ask("POST", "/ServicesCharge", body=body)
        except AnswerLost as lost:
            return Unknown(str(lost))
        return answers.read_prices(answer.body)

    async def edit(self, booking: BookingRef, request: BookingRequest) -> EditAnswer:
        """Correct an order at status 1 to 8 or 101, where the account says with which affair."""
        if not self._account.correction_affair:
            return CannotAsk()
        if booking.carrier_ref is None:
            return Refused("no originalID is known")
        body = mapping.correct_order(booking, request, self._account)
        try:
            answer = await self._authorised.ask("POST", "/orderCorrection", body=body)
        except AnswerLost as lost:
            return Unknown(str(lost))
        return answers.read_corrected(answer.body)

    async def history(self, code: str) -> tuple[answers.Happened, ...] | None:
        """What happened to an order, by item code or our reference; None where it cannot be told.

        The parameters are taken from `getOrder`. Raises CarrierUnreachable.
        """
        params = {"type": "1", "code": code}
        try:
            answer = await self._authorised.ask("GET", "/GetStatusHistoryOrder", params=params)
        except AnswerLost:
            return None
        return answers.read_history(answer.body)

    async def void(self, booking: BookingRef) -> VoidAnswer:
        """Cancel by the carrier's own id; the answer may be "noted", which is no cancellation."""
        if booking.carrier_ref is None:
            return Refused("no originalID is known")
        try:
            body = {"OriginalId": booking.carrier_ref}
            answer = await self._authorised.ask("POST", "/orderCancel", body=body)
        except AnswerLost as lost:
            return Unknown(str(lost))
        return answers.read_voided(answer.body)

    async def lookup(self, reference: str) -> LookupAnswer:
        """Ask `getOrder`.

        That its `code` may be our reference is not confirmed: who relies on "not found" first
        looks up a booking that is known to exist.
        """
        try:
            answer = await self._authorised.ask(
                "GET", "/getOrder", params={"type": "1", "code": reference}
            )
        except AnswerLost as lost:
            return Unknown(str(lost))
        return answers.read_found(answer.body, reference)

    async def close(self) -> None:
        """Close every connection."""
        await self._line.close()

    async def _login(self) -> Token:
        credentials = {
            "username": self._account.username,
            "password": self._account.password,
            "customerCode": self._account.customer_code,
        }
        try:
            answer = await self._line.ask("POST", "/GetAccessToken", body=credentials)
        except AnswerLost as lost:
            raise CarrierUnreachable(f"login: {lost}") from lost
        value = answers.read_token(answer.body)
        if value is None:
            raise CarrierUnreachable("login refused")
        return Token(value)
