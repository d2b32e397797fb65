"""Tiki over HTTP: the app's own token for the queue, each seller's for its orders."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import structlog

from services.carriers.numbers import whole_number
from services.carriers.token import Token, TokenKeeper
from services.channels.http import ChannelLine
from services.channels.numbers import VIETNAM_TIME
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
from services.channels.tiki import answers
from services.channels.tiki.details import TikiDetails

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from services.channels.http import ChannelAnswer
    from services.channels.port import ChannelAccount, Fetched, Report, Secrets

log = structlog.get_logger()

NAME: Final = "tiki"
TOKEN: Final = "/sc/oauth2/token"  # noqa: S105 - a path
QUEUES: Final = "/integration/v1/queues"
ORDERS: Final = "/integration/v2/orders"
EVENT_TYPES: Final = ("ORDER_CREATED_SUCCESSFULLY", "ORDER_STATUS_UPDATED")
PAGE: Final = 50
UNCONFIRMED: Final = "queueing"
BAD_REQUEST: Final = 400
NOT_FOUND: Final = 404


class TikiApi:
    """See services.channels.port.ChannelApi.

    A seller's secret is `client id:client secret` of its own app, or a bearer token as it is.
    """

    def __init__(self, account: ChannelAccount, secrets: Secrets) -> None:
        self._account = account
        self._secrets = secrets
        self._details = TikiDetails.of(account.details)
        self._line = ChannelLine(
            account.base_url, timeout_s=account.timeout_s, connections=account.connections
        )
        self._keepers: dict[str, TokenKeeper] = {}
        self._queue: str | None = None
        self._subscribed: set[str] = set()

    def can_ask(self, shop: str) -> bool:
        """Whether the seller's secret is here."""
        return bool(self._secrets.of_shop(NAME, shop))

    async def fetch(self, shop: str, number: str) -> Fetched | Missing:
        """One order, by its code."""
        path = self._details.order_path.format(number)
        answer = await self._ask(self._of_shop(shop), "GET", path)
        if answer.status == NOT_FOUND:
            return Missing("Tiki has no such order")
        return answers.fetched(_good(answer))

    async def page(self, shop: str, since: datetime, until: datetime, token: str | None) -> Page:  # noqa: ARG002
        """A page of all the seller's orders: no filter by time is documented, so we filter."""
        await self._subscribe(shop)
        number = int(token or 1)
        params = {"page": str(number), "limit": str(PAGE)}
        if self._details.updated_since:
            params[self._details.updated_since] = (
                f"{since.astimezone(VIETNAM_TIME):%Y-%m-%d %H:%M:%S}"
            )
        answer = await self._ask(self._of_shop(shop), "GET", ORDERS, params=params)
        body = _good(answer)
        changed = answers.changes(body, since)
        last = answers.is_last(body, number, PAGE)
        return Page(changed, None if last else str(number + 1), answer.now)

    async def waiting(self) -> Waiting:
        """The oldest events that we have not confirmed."""
        path = self._details.pull_path.format(await self._own_queue())
        body = _good(await self._ask(self._of_app(), "POST", path, body={}))
        pulled = answers.events(body)
        hints = tuple(hint for hint in map(answers.hint, pulled) if hint)
        if len(hints) < len(pulled):
            log.error("events_unreadable", channel=NAME, count=len(pulled) - len(hints))
        receipt = str(body.get(self._details.ack_field) or "") if pulled else ""
        return Waiting(hints, receipt or None, more=bool(receipt))

    async def confirm(self, receipt: str) -> None:
        """Tell Tiki that these events are durable here."""
        path = self._details.ack_path.format(await self._own_queue())
        _good(
            await self._ask(self._of_app(), "POST", path, body={self._details.ack_field: receipt})
        )

    async def report(self, report: Report) -> Told | NotTold:
        """Confirm that the goods are there, or that the seller's own courier delivered them."""
        seller = self._of_shop(report.shop)
        if report.milestone is Milestone.ARRANGED:
            path, body = f"{ORDERS}/{report.number}/confirm-available", {}
        elif report.milestone is Milestone.DELIVERED:
            path = self._details.delivery_path.format(report.number)
            body = {"status": "successful_delivery"}
        else:
            return NotTold(f"Tiki has no call for {report.milestone}")
        answer = await self._ask(seller, "POST", path, body=body)
        if answer.status < BAD_REQUEST or await self._knows(report):
            return Told()
        return NotTold(f"HTTP {answer.status}")

    async def close(self) -> None:
        """Close every connection."""
        await self._line.close()

    async def _knows(self, report: Report) -> bool:
        """Whether a refusal means that Tiki was told before: the order has moved on."""
        path = self._details.order_path.format(report.number)
        answer = await self._ask(self._of_shop(report.shop), "GET", path)
        status = answer.body.get("status") if isinstance(answer.body, dict) else None
        if answer.status >= BAD_REQUEST or status is None:
            return False
        if report.milestone is Milestone.ARRANGED:
            return bool(status not in {UNCONFIRMED, "canceled"})
        return status in {"delivered", "successful_delivery", "complete", "closed"}

    async def _own_queue(self) -> str:
        """The code of our queue; made if there is none."""
        if self._queue is None:
            listed = _good(await self._ask(self._of_app(), "GET", QUEUES))
            found = listed if isinstance(listed, list) else listed.get("data") or []
            code = next((_code(one) for one in found if _named(one, self._details.queue)), None)
            self._queue = code or await self._new_queue()
        return self._queue

    async def _new_queue(self) -> str:
        asked = await self._ask(self._of_app(), "POST", QUEUES, body={"name": self._details.queue})
        made = _good(asked)
        return _code(made.get("data") or made if isinstance(made, dict) else made)

    async def _subscribe(self, shop: str) -> None:
        """The seller's orders go into our queue, once a process; asking again is harmless.

        The list is the second source: it is read even while the queue cannot be reached.
        """
        if shop in self._subscribed or not self._secrets.of_app(NAME):
            return
        try:
            path = f"{QUEUES}/{await self._own_queue()}/subscriptions"
            for event_type in EVENT_TYPES:
                body = {"event_type": event_type}
                _good(await self._ask(self._of_shop(shop), "POST", path, body=body))
        except (ChannelUnreachable, ChannelDenied) as error:
            log.warning("subscription_failed", channel=NAME, why=str(error))
        else:
            self._subscribed.add(shop)

    async def _ask(
        self,
        keeper: TokenKeeper,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: object = None,
    ) -> ChannelAnswer:
        """With a token; once more with another one if it is not good any more."""
        token = await keeper.current()
        try:
            return await self._send(token, method, path, params, body)
        except ChannelDenied:
            other = await keeper.after(token)
            if other == token:
                raise
            return await self._send(other, method, path, params, body)

    async def _send(
        self, token: str, method: str, path: str, params: Mapping[str, str] | None, body: object
    ) -> ChannelAnswer:
        headers = {"Authorization": f"Bearer {token}"}
        return await self._line.ask(method, path, params=params, headers=headers, body=body)

    def _of_app(self) -> TokenKeeper:
        secrets = self._secrets.of_app(NAME)
        return self._keeper([f"{self._account.app_id}:{secret}" for secret in secrets[:1]])

    def _of_shop(self, shop: str) -> TokenKeeper:
        return self._keeper(self._secrets.of_shop(NAME, shop))

    def _keeper(self, secrets: Sequence[str]) -> TokenKeeper:
        """One keeper a secret: a rotated one begins anew."""
        if not secrets:
            raise ChannelDenied("no secret is sealed")
        secret = secrets[0]
        if secret not in self._keepers:
            self._keepers[secret] = TokenKeeper(lambda: self._login(secret))
        return self._keepers[secret]

    async def _login(self, secret: str) -> Token:
        client_id, colon, client_secret = secret.partition(":")
        if not colon:
            return Token(secret)
        form = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": client_secret,
        }
        body = _good(await self._line.ask("POST", TOKEN, form=form))
        value = body.get("access_token") if isinstance(body, dict) else None
        if not isinstance(value, str) or not value:
            raise ChannelDenied("no token was given")
        return Token(value, _ends_at(body.get("expires_in")))


def _good(answer: ChannelAnswer) -> Any:
    """The body of a call that went well. Raises ChannelUnreachable: nothing else was documented."""
    if answer.status >= BAD_REQUEST:
        raise ChannelUnreachable(f"HTTP {answer.status}")
    return answer.body


def _named(queue: Any, name: str) -> bool:
    return isinstance(queue, dict) and queue.get("name") == name


def _code(queue: Any) -> str:
    code = queue.get("code") if isinstance(queue, dict) else None
    if not isinstance(code, str) or not code:
        raise ChannelUnreachable("a queue without a code")
    return code


def _ends_at(seconds: object) -> float | None:
    left = whole_number(seconds)
    return asyncio.get_running_loop().time() + left if isinstance(left, int) else None
