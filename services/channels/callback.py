"""Channels that speak our format are told of their orders by a signed callback of ours.

    POST <the channel's address>      Standard Webhooks, the channel's own secret
    {"format": "ocop.report/1", "channel": "postmart", "channel_order_no": "PM-0000001",
     "milestone": "tracking_number", "at": "2026-07-02T03:00:00+00:00", "carrier": "vnpost",
     "tracking_no": "CA000000028VN", "reason": ""}

Any 2xx is an answer; `webhook-id` is the same at every attempt. Nothing is asked of such a channel:
its orders come by themselves.
"""

from __future__ import annotations

import base64
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import aiohttp
import orjson
from standardwebhooks import Webhook

from schemas.event import EVENT_NAMESPACE
from services.channels.http import TROUBLE
from services.channels.port import (
    ChannelDenied,
    ChannelUnreachable,
    Fetched,
    Missing,
    NotTold,
    Page,
    Report,
    Told,
    Waiting,
)

if TYPE_CHECKING:
    from services.channels.port import ChannelAccount, Secrets

FORMAT: Final = "ocop.report/1"
OK: Final = range(200, 300)
REFUSED: Final = frozenset({400, 404, 410, 422})
"""What will not be taken when it is sent again either."""


class Callback:
    """See services.channels.port.ChannelApi. `account.base_url`: the channel's whole address."""

    def __init__(self, channel: str, account: ChannelAccount, secrets: Secrets) -> None:
        self._channel = channel
        self._account = account
        self._secrets = secrets
        self._session: aiohttp.ClientSession | None = None

    def can_ask(self, shop: str) -> bool:  # noqa: ARG002
        """Never: it tells us."""
        return False

    async def fetch(self, shop: str, number: str) -> Fetched | Missing:  # noqa: ARG002
        """There is nothing to ask."""
        return Missing("the channel cannot be asked")

    async def page(self, shop: str, since: datetime, until: datetime, token: str | None) -> Page:  # noqa: ARG002
        """There is nothing to list."""
        return Page(())

    async def waiting(self) -> Waiting:
        """Nothing is kept."""
        return Waiting(())

    async def confirm(self, receipt: str) -> None:
        """There is nothing to confirm."""

    async def report(self, report: Report) -> Told | NotTold:
        """Send one milestone."""
        secrets = self._secrets.of_app(self._channel)
        if not secrets:
            raise ChannelDenied("no signing secret: ocop keys issue channel")
        body, now = _body(self._channel, report), datetime.now(UTC)
        message_id = str(uuid.uuid5(EVENT_NAMESPACE, f"{self._channel}|{_about(report)}"))
        key = base64.b64encode(secrets[0].encode("utf-8", "surrogateescape")).decode()
        headers = {
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(key).sign(message_id, now, body.decode()),
        }
        status = await self._post(body, headers)
        if status in OK:
            return Told()
        if status in REFUSED:
            return NotTold(f"HTTP {status}")
        raise ChannelUnreachable(f"HTTP {status}")

    async def _post(self, body: bytes, headers: dict[str, str]) -> int:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._account.timeout_s), trust_env=False
            )
        try:
            async with self._session.post(
                self._account.base_url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                return answer.status
        except TROUBLE as error:
            raise ChannelUnreachable(type(error).__name__) from error

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()


def _body(channel: str, report: Report) -> bytes:
    return orjson.dumps(
        {
            "format": FORMAT,
            "channel": channel,
            "channel_order_no": report.number,
            "milestone": report.milestone.value,
            "at": report.at,
            "carrier": report.carrier,
            "tracking_no": report.tracking_no,
            "reason": report.reason,
        }
    )


def _about(report: Report) -> str:
    return f"{report.shop}|{report.number}|{report.milestone}|{report.tracking_no or ''}"
