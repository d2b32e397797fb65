"""One HTTP call to a channel, for reading: whatever goes wrong, it is asked again later."""

from __future__ import annotations

import email.utils
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import orjson

from services.channels.port import ChannelDenied, ChannelUnreachable
from services.connections import Connections

if TYPE_CHECKING:
    from collections.abc import Mapping

TROUBLE: Final = (aiohttp.ClientError, TimeoutError, OSError)
SERVER_ERROR: Final = 500
TOO_MANY: Final = 429
DENIED: Final = frozenset({401, 403})
LARGEST: Final = 8 * 1024 * 1024


class Unreadable(ChannelUnreachable):
    """The answer is JSON of another shape than documented."""


@dataclass(frozen=True, slots=True)
class ChannelAnswer:
    """Status, the JSON body of whatever shape, and the channel's clock if it was named."""

    status: int
    body: Any
    now: datetime | None = None


class ChannelLine(Connections):
    """A connection pool to one channel. Paths and queries are sent exactly as they were signed."""

    async def ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: object = None,
        form: Mapping[str, str] | None = None,
    ) -> ChannelAnswer:
        """Make the call once, with a JSON body or a form.

        Raises ChannelUnreachable for no answer, 429, 5xx and what is no JSON, ChannelDenied for
        401 and 403.
        """
        try:
            async with self._open().request(
                method,
                self._base_url + path,
                params=params,
                headers=headers,
                json=body,
                data=form,
            ) as response:
                raw = await response.content.read(LARGEST)
                return _answer(response.status, raw, response.headers.get("Date"))
        except TROUBLE as error:
            raise ChannelUnreachable(type(error).__name__) from error


def _answer(status: int, raw: bytes, date: str | None) -> ChannelAnswer:
    if status in DENIED:
        raise ChannelDenied(f"HTTP {status}")
    if status == TOO_MANY or status >= SERVER_ERROR:
        raise ChannelUnreachable(f"HTTP {status}")
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise ChannelUnreachable(f"HTTP {status} with a body that is no JSON") from error
    return ChannelAnswer(status, body, _moment(date))


def _moment(date: str | None) -> datetime | None:
    """The time an answer's `Date` header names."""
    if date is None:
        return None
    try:
        return email.utils.parsedate_to_datetime(date).astimezone(UTC)
    except ValueError:
        return None
