"""Webhooks the way vendors send them: again until answered with 200, twice, late, out of order."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

import aiohttp

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping

    from services.sandbox.clock import Clock
    from services.sandbox.options import Mischief, Webhooks

OVERTAKEN_H: Final = 8.0
"""How long an event is held so that the next one overtakes it, in parcels' hours."""
LATE_H: Final = 48.0
OK: Final = 200
RETRIES: Final = 5


def with_secret_in_url(settings: Webhooks, name: str, retries: int) -> Webhooks:
    """The settings of a carrier that signs nothing, and repeats as often as it says itself."""
    url = settings.url and f"{settings.url}?{urlencode({name: settings.secret})}"
    asked = settings.retries
    return replace(settings, url=url, retries=retries if asked is None else asked)


@dataclass(frozen=True, slots=True)
class Letter:
    """One webhook: the same bytes at every attempt.

    `url`: where it goes instead of the usual place. `echo`: the JSON it must be answered with.
    `sign`: gives the headers of each attempt, for those signed with the time.
    """

    body: bytes
    headers: Mapping[str, str]
    attempt: int = 0
    url: str | None = None
    echo: Mapping[str, str] | None = None
    sign: Callable[[bytes], Mapping[str, str]] | None = None

    @property
    def all_headers(self) -> dict[str, str]:
        """The headers of this attempt."""
        return {**self.headers, **(self.sign(self.body) if self.sign else {})}

    def again(self) -> Letter:
        """The next attempt."""
        return replace(self, attempt=self.attempt + 1)


class Messenger:
    """Sends letters to one URL on a few connections. Without a URL it only counts them."""

    def __init__(self, settings: Webhooks, mischief: Mischief, clock: Clock) -> None:
        self.totals: Counter[str] = Counter()
        self.waiting = 0
        self._settings = settings
        self._mischief = mischief
        self._clock = clock
        self._retries = RETRIES if settings.retries is None else settings.retries
        self._queue: asyncio.Queue[Letter] = asyncio.Queue()
        self._workers: list[asyncio.Task[None]] = []
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Open the connections."""
        if self._settings.url is None:
            return
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=self._settings.timeout_s),
            connector=aiohttp.TCPConnector(limit=self._settings.connections),
        )
        self._workers = [
            asyncio.create_task(self._work(self._session, self._settings.url))
            for _ in range(self._settings.connections)
        ]

    async def stop(self) -> None:
        """Drop what is waiting and close the connections."""
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def send(
        self,
        body: bytes,
        headers: Mapping[str, str],
        chance: random.Random,
        *,
        url: str | None = None,
        echo: Mapping[str, str] | None = None,
        sign: Callable[[bytes], Mapping[str, str]] | None = None,
    ) -> None:
        """Send a webhook, now or when chance has it; perhaps twice."""
        letter = Letter(body, headers, url=url, echo=echo, sign=sign)
        self.totals["events"] += 1
        self._post(letter, self._hold_s(chance))
        if chance.random() < self._mischief.duplicate:
            self.totals["duplicates"] += 1
            self._post(letter, self._clock.real_seconds(chance.uniform(0, OVERTAKEN_H)))

    def _hold_s(self, chance: random.Random) -> float:
        roll = chance.random()
        if roll < self._mischief.late:
            self.totals["late"] += 1
            return self._clock.real_seconds(LATE_H)
        if roll < self._mischief.late + self._mischief.out_of_order:
            self.totals["out_of_order"] += 1
            return self._clock.real_seconds(OVERTAKEN_H)
        return 0.0

    def _post(self, letter: Letter, wait_s: float) -> None:
        if self._settings.url is None:
            return
        self.waiting += 1
        if wait_s <= 0:
            self._queue.put_nowait(letter)
            return
        asyncio.get_running_loop().call_later(wait_s, self._queue.put_nowait, letter)

    async def _work(self, session: aiohttp.ClientSession, url: str) -> None:
        while True:
            letter = await self._queue.get()
            delivered = await _delivered(session, url, letter)
            self.waiting -= 1
            if delivered:
                self.totals["sent"] += 1
            elif letter.attempt < self._retries:
                self.totals["retried"] += 1
                self._post(letter.again(), self._settings.retry_s * 2**letter.attempt)
            else:
                self.totals["given_up"] += 1


async def _delivered(session: aiohttp.ClientSession, url: str, letter: Letter) -> bool:
    try:
        target, headers = letter.url or url, letter.all_headers
        async with session.post(target, data=letter.body, headers=headers) as answer:
            raw = await answer.read()
            return answer.status == OK and (letter.echo is None or json.loads(raw) == letter.echo)
    except (ValueError, aiohttp.ClientError, TimeoutError, OSError):
        return False
