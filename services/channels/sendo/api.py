"""Sendo over HTTP: each shop logs in with its own keys."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from services.carriers.token import Token, TokenKeeper
from services.channels.http import ChannelLine
from services.channels.port import (
    ChannelDenied,
    ChannelUnreachable,
    Milestone,
    Missing,
    NotTold,
    Page,
    Told,
    Waiting,
)
from services.channels.sendo import answers

if TYPE_CHECKING:
    from services.channels.http import ChannelAnswer
    from services.channels.port import ChannelAccount, Fetched, Report, Secrets

NAME: Final = "sendo"
LOGIN: Final = "/login"
SEARCH: Final = "/api/partner/salesorder/search"
ORDER: Final = "/api/partner/salesorder/{}"
UPDATE: Final = "/api/partner/salesorder"
"""Of the update: several clients put it here; the rest of it is as documented."""
PAGE: Final = 50
STATUS: Final = {
    Milestone.ARRANGED: 3,
    Milestone.DELIVERED: 7,
    Milestone.CANCELLED: 13,
}
"""What a shop may set: processing, delivered, cancelled."""
BAD_REQUEST: Final = 400
NOT_FOUND: Final = 404


class SendoApi:
    """See services.channels.port.ChannelApi. A shop's secret is `shop key:secret key`."""

    def __init__(self, account: ChannelAccount, secrets: Secrets) -> None:
        self._secrets = secrets
        self._line = ChannelLine(
            account.base_url, timeout_s=account.timeout_s, connections=account.connections
        )
        self._keepers: dict[str, TokenKeeper] = {}

    def can_ask(self, shop: str) -> bool:
        """Whether the shop's keys are here."""
        return bool(self._secrets.of_shop(NAME, shop))

    async def fetch(self, shop: str, number: str) -> Fetched | Missing:
        """One order, as of now by Sendo's clock."""
        answer = await self._ask(shop, "GET", ORDER.format(number))
        if answer.status == NOT_FOUND:
            return Missing("Sendo has no such order")
        return answers.fetched(_good(answer), answer.now or datetime.now(UTC))

    async def page(self, shop: str, since: datetime, until: datetime, token: str | None) -> Page:  # noqa: ARG002 - there is no end
        """Orders whose status changed since then."""
        body = {
            "page_size": PAGE,
            "order_status_date_from": int(since.timestamp()),
            "token": token or "",
        }
        answer = await self._ask(shop, "POST", SEARCH, body)
        changed, next_token = answers.changes(_good(answer))
        return Page(changed, next_token, answer.now)

    async def waiting(self) -> Waiting:
        """Sendo keeps nothing for us."""
        return Waiting(())

    async def confirm(self, receipt: str) -> None:
        """Nothing is kept, so nothing is confirmed."""

    async def report(self, report: Report) -> Told | NotTold:
        """Set the order's status: 3, 7 or 13."""
        status = STATUS.get(report.milestone)
        if status is None:
            return NotTold(f"Sendo has no call for {report.milestone}")
        body: dict[str, object] = {"order_number": report.number, "order_status": status}
        if report.milestone is Milestone.CANCELLED:
            body["cancel_order_reason"] = report.reason
        answer = await self._ask(report.shop, "PUT", UPDATE, body)
        if answer.status < BAD_REQUEST or await self._has(report, status):
            return Told()
        return NotTold(f"HTTP {answer.status}")

    async def close(self) -> None:
        """Close every connection."""
        await self._line.close()

    async def _has(self, report: Report, status: int) -> bool:
        """Whether a refusal means that the order stands there already."""
        now = await self.fetch(report.shop, report.number)
        return not isinstance(now, Missing) and now.state == str(status)

    async def _ask(self, shop: str, method: str, path: str, body: object = None) -> ChannelAnswer:
        """With the shop's token; once more with another one if it is not good any more."""
        keeper = self._keeper(shop)
        token = await keeper.current()
        try:
            return await self._send(token, method, path, body)
        except ChannelDenied:
            return await self._send(await keeper.after(token), method, path, body)

    async def _send(self, token: str, method: str, path: str, body: object) -> ChannelAnswer:
        headers = {"Authorization": f"Bearer {token}"}
        return await self._line.ask(method, path, headers=headers, body=body)

    def _keeper(self, shop: str) -> TokenKeeper:
        """One keeper a secret: a rotated one begins anew."""
        secrets = self._secrets.of_shop(NAME, shop)
        if not secrets:
            raise ChannelDenied("no secret is sealed")
        secret = secrets[0]
        if secret not in self._keepers:
            self._keepers[secret] = TokenKeeper(lambda: self._login(secret))
        return self._keepers[secret]

    async def _login(self, secret: str) -> Token:
        shop_key, _, secret_key = secret.partition(":")
        body = {"shop_key": shop_key, "secret_key": secret_key}
        given = answers.read_token((await self._line.ask("POST", LOGIN, body=body)).body)
        if given is None:
            raise ChannelDenied("the login was refused")
        left = answers.seconds_left(given[1], datetime.now(UTC))
        now = asyncio.get_running_loop().time()
        return Token(given[0], None if left is None else now + left)


def _good(answer: ChannelAnswer) -> object:
    if answer.status >= BAD_REQUEST:
        raise ChannelUnreachable(f"HTTP {answer.status}")
    return answer.body
