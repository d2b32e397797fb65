"""EMS over HTTP: the only place that knows its addresses and its token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import quote

from services.carriers.ems import answers, mapping
from services.carriers.http import AnswerLost, Line
from services.carriers.port import (
    BookAnswer,
    BookingRef,
    BookingRequest,
    CannotAsk,
    Carrier,
    CarrierUnreachable,
    Unknown,
    VoidAnswer,
)

if TYPE_CHECKING:
    from services.carriers.account import Account
    from services.carriers.http import Answer

UNAUTHORISED: Final = frozenset({401, 403})
NUMBER: Final = "{tracking_code}"


class Ems(Carrier):
    """One merchant at EMS.

    Its tracking call knows tracking codes only, so a booking cannot be looked up by our reference;
    the price comes with the booking. A token that is no good may look like any other error.
    """

    name: ClassVar[str] = "ems"
    api: ClassVar[str] = "merchantsite"

    def __init__(self, account: Account) -> None:
        self._account = account
        self._line = Line(
            account.base_url, timeout_s=account.timeout_s, connections=account.connections
        )
        self.may_repeat = account.may_repeat

    async def book(self, request: BookingRequest) -> BookAnswer:
        """Create an order under our `order_code`."""
        body = mapping.create_order(request, self._account)
        try:
            answer = await self._ask("POST", "/orders/create-v2", body)
        except AnswerLost as lost:
            return Unknown(str(lost))
        return answers.read_booked(answer.body)

    async def void(self, booking: BookingRef) -> VoidAnswer:
        """Cancel, where the account says by which path: the call exists, its path is not known."""
        if not self._account.cancel_path or not booking.tracking_no:
            return CannotAsk()
        path = self._account.cancel_path.replace(NUMBER, quote(booking.tracking_no, safe=""))
        try:
            answer = await self._ask("POST", path, {"tracking_code": booking.tracking_no})
        except AnswerLost as lost:
            return Unknown(str(lost))
        return answers.read_voided(answer.body)

    async def history(self, tracking_no: str) -> tuple[answers.Trace, ...] | None:
        """What happened to a parcel, oldest first; None where it cannot be told.

        Raises CarrierUnreachable.
        """
        try:
            answer = await self._ask("GET", f"/orders/tracking/{quote(tracking_no, safe='')}")
        except AnswerLost:
            return None
        return answers.read_history(answer.body)

    async def close(self) -> None:
        """Close every connection."""
        await self._line.close()

    async def _ask(self, method: str, path: str, body: Any = None) -> Answer:
        params = {"merchant_token": self._account.token}
        answer = await self._line.ask(method, path, body=body, params=params)
        if answer.status in UNAUTHORISED:
            raise CarrierUnreachable("merchant token refused")
        return answer
