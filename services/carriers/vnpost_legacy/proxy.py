"""CustomerConnect over HTTP: the only place that knows its addresses and tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from services.carriers.http import AnswerLost, Line
from services.carriers.port import (
    BookAnswer,
    BookingRequest,
    Carrier,
    CarrierUnreachable,
    QuoteAnswer,
    QuoteRequest,
    Unknown,
)
from services.carriers.token import Token, TokenKeeper
from services.carriers.vnpost_legacy import answers, mapping

if TYPE_CHECKING:
    from services.carriers.account import Account
    from services.carriers.http import Answer

UNAUTHORISED: Final = frozenset({401, 403})
HEADER: Final = "h-token"
LOGIN: Final = "/api/api/MobileAuthentication/GetAccessToken"
CREATE: Final = "/api/api/CustomerConnect/CreateOrder"
PRICES: Final = "/api/api/CustomerConnect/TinhCuocTatCaDichVu"


class VietnamPostLegacy(Carrier):
    """One customer of the older interface.

    No call to cancel, to look up or to send back is documented: a person does that.
    """

    name: ClassVar[str] = "vnpost"
    api: ClassVar[str] = "legacy"

    def __init__(self, account: Account) -> None:
        self._account = account
        self._line = Line(
            account.base_url, timeout_s=account.timeout_s, connections=account.connections
        )
        self._token = TokenKeeper(self._login)
        self.may_repeat = account.may_repeat

    async def book(self, request: BookingRequest) -> BookAnswer:
        """Create an order under our `OrderCode`; services are `BK` and `EMS`."""
        try:
            answer = await self._ask(CREATE, mapping.create_order(request, self._account))
        except AnswerLost as lost:
            return Unknown(str(lost))
        return answers.read_booked(answer.body)

    async def quote(self, request: QuoteRequest) -> QuoteAnswer:
        """Every service of the lane with its whole fee."""
        try:
            answer = await self._ask(PRICES, mapping.price(request, self._account))
        except AnswerLost as lost:
            return Unknown(str(lost))
        return answers.read_prices(answer.body)

    async def close(self) -> None:
        """Close every connection."""
        await self._line.close()

    async def _ask(self, path: str, body: dict[str, Any]) -> Answer:
        """Ask with a token; what is refused is asked once more with a new one.

        A bad token may look like any other refusal, and no harmless call is known to try it on. A
        refused call had no effect.
        """
        token = await self._token.current()
        answer = await self._send(path, body, token)
        if answer.status in UNAUTHORISED or answers.failed(answer.body):
            answer = await self._send(path, body, await self._token.after(token))
        if answer.status in UNAUTHORISED:
            raise CarrierUnreachable("token refused")
        return answer

    async def _send(self, path: str, body: dict[str, Any], token: str) -> Answer:
        return await self._line.ask("POST", path, body=body, headers={HEADER: token})

    async def _login(self) -> Token:
        credentials = {"TenDangNhap": self._account.username, "MatKhau": self._account.password}
        try:
            answer = await self._line.ask("POST", LOGIN, body=credentials)
        except AnswerLost as lost:
            raise CarrierUnreachable(f"login: {lost}") from lost
        value = answers.read_token(answer.body)
        if value is None:
            raise CarrierUnreachable("login refused")
        return Token(value)
