"""One HTTP call to a carrier: what was surely not sent, what was sent and lost, what came back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from services.carriers.port import CarrierUnreachable
from services.connections import Connections

if TYPE_CHECKING:
    from collections.abc import Mapping

# The request never left: there was no connection to send it on.
NOT_SENT: Final = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
SENT_BUT_LOST: Final = (aiohttp.ClientError, TimeoutError, ConnectionError)

SERVER_ERROR: Final = 500
TOO_MANY: Final = 429


class AnswerLost(Exception):
    """The call was sent; what became of it is not known."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP status and the JSON body, whatever its shape."""

    status: int
    body: Any


class Line(Connections):
    """A connection pool to one carrier with its timeouts."""

    async def ask(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Answer:
        """Make the call once.

        Raises CarrierUnreachable when nothing was sent or the carrier sent it back untouched
        (429), AnswerLost when a time-out, a reset, a 5xx or an unreadable body leaves it open.
        """
        try:
            async with self._open().request(
                method, self._base_url + path, json=body, headers=headers, params=params
            ) as response:
                raw = await response.read()
                status = response.status
        except NOT_SENT as error:
            raise CarrierUnreachable(type(error).__name__) from error
        except SENT_BUT_LOST as error:
            raise AnswerLost(type(error).__name__) from error
        return Answer(status, _parsed(status, raw))


def _parsed(status: int, raw: bytes) -> Any:
    if status == TOO_MANY:
        raise CarrierUnreachable("too many requests")
    if status >= SERVER_ERROR:
        raise AnswerLost(f"HTTP {status}")
    try:
        return json.loads(raw)
    except ValueError as error:
        raise AnswerLost(f"HTTP {status} with a body that is no JSON") from error
