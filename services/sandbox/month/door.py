"""The gateway as its users see it: signed requests, repeated until they are answered for good."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import time
import uuid
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

    Json = dict[str, Any]

AGAIN = {
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.CONFLICT,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.INTERNAL_SERVER_ERROR,
}
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 3.0
GIVE_UP_S = 180.0


@dataclass(frozen=True, slots=True)
class Keys:
    """What `ocop keys` issued: API keys by seller, signing secrets by channel."""

    sellers: Mapping[str, str]
    channels: Mapping[str, str]


class DoorClosed(Exception):
    """The gateway did not answer for minutes."""


@dataclass(slots=True)
class Door:
    """An HTTP session with the gateway."""

    url: str
    keys: Keys
    session: aiohttp.ClientSession
    markets: Mapping[str, str] = field(default_factory=dict)
    """Where each marketplace's double is, by channel."""
    answers: dict[int, int] = field(default_factory=dict)
    """How often each HTTP status was the final answer."""
    repeats: int = 0
    """Requests sent again after a 5xx, a 429 or a broken connection."""

    async def get(self, seller_id: str, path: str, **query: str | int) -> Json:
        """A seller's read."""
        status, body = await self._send("GET", path, b"", self._seller(seller_id), query)
        if status != HTTPStatus.OK:
            message = f"GET {path}: {status} {body.decode(errors='replace')}"
            raise RuntimeError(message)
        answer: Json = orjson.loads(body)
        return answer

    async def post_as_seller(self, seller_id: str, path: str, body: Json) -> int:
        """A seller's write, with an Idempotency-Key that repeats carry too."""
        headers = {**self._seller(seller_id), "Idempotency-Key": str(uuid.uuid4())}
        status, _ = await self._send("POST", path, orjson.dumps(body), headers, {})
        return status

    async def ask_as_seller(self, seller_id: str, path: str, body: Json) -> tuple[int, Json]:
        """The same, for who wants to read the answer; a problem document is one."""
        headers = {**self._seller(seller_id), "Idempotency-Key": str(uuid.uuid4())}
        status, raw = await self._send("POST", path, orjson.dumps(body), headers, {})
        answer: Json = orjson.loads(raw)
        return status, answer

    async def fetch(self, seller_id: str, path: str, **query: str) -> tuple[int, bytes]:
        """A seller's read of a file."""
        return await self._send("GET", path, b"", self._seller(seller_id), query)

    async def post_as_channel(self, channel: str, body: Json) -> int:
        """A channel's signed payload."""
        raw = orjson.dumps(body)
        headers = sign(self.keys.channels[channel], raw)
        status, _ = await self._send("POST", f"/v1/channels/{channel}/orders", raw, headers, {})
        return status

    async def tell_market(self, channel: str, path: str, body: Json) -> int:
        """What a buyer does at a marketplace: told to its double, not to us."""
        url = f"{self.markets[channel]}/admin/orders{path}"
        async with self.session.post(url, json=body) as answer:
            await answer.read()
            return answer.status

    def _seller(self, seller_id: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.keys.sellers[seller_id]}"}

    async def _send(
        self,
        method: str,
        path: str,
        raw: bytes,
        headers: Mapping[str, str],
        query: Mapping[str, str | int],
    ) -> tuple[int, bytes]:
        """Send until the answer is final: a sender keeps what is not confirmed."""
        pause, until = FIRST_PAUSE_S, time.monotonic() + GIVE_UP_S
        while True:
            try:
                async with self.session.request(
                    method, self.url + path, data=raw, headers=headers, params=query
                ) as answer:
                    status, body = answer.status, await answer.read()
            except (aiohttp.ClientError, TimeoutError, OSError):
                status, body = HTTPStatus.BAD_GATEWAY.value, b""
            if status not in AGAIN or is_refusal(status, body):
                self.answers[status] = self.answers.get(status, 0) + 1
                return status, body
            if time.monotonic() > until:
                message = f"{method} {path} was answered {status} for {GIVE_UP_S:.0f} s"
                raise DoorClosed(message)
            self.repeats += 1
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)


def is_refusal(status: int, body: bytes) -> bool:
    """A conflict that asking again does not end: all but that the first request is still at work."""
    return status == HTTPStatus.CONFLICT and b'"code":"in_progress"' not in body


def sign(secret: str, raw: bytes) -> dict[str, str]:
    """Standard Webhooks v1 headers for a body; signed now."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    webhook_id, timestamp = f"msg_{uuid.uuid4().hex}", str(int(time.time()))
    signed = hmac.new(key, f"{webhook_id}.{timestamp}.".encode() + raw, hashlib.sha256)
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(signed.digest()).decode()}",
        "Content-Type": "application/json",
    }
