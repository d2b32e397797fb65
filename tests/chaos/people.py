"""The people of the sample month, who keep every receipt the gateway gave them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import aiohttp
import orjson

from services.sandbox.clock import Clock
from services.sandbox.month.channels import Channels, Line, number_of, read_lines
from services.sandbox.month.door import Door, Keys
from services.sandbox.month.run import STARTS, Month, everybody, set_clocks
from services.sandbox.month.station import Stations
from services.sandbox.sample import FOLDER

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from services.settings import Settings

OK = range(200, 300)
REPEAT = 0.1
"""How many of the month's lines their sender sends twice."""


class Receipts(NamedTuple):
    """What was answered with a 2xx: ids of order records, ids of packing reports."""

    records: set[str]
    reports: set[str]


@dataclass
class Ledger(Door):
    """A door whose every 2xx is remembered."""

    receipts: Receipts = field(default_factory=lambda: Receipts(set(), set()))

    async def _send(
        self,
        method: str,
        path: str,
        raw: bytes,
        headers: Mapping[str, str],
        query: Mapping[str, str | int],
    ) -> tuple[int, bytes]:
        status, body = await super()._send(method, path, raw, headers, query)
        if method == "POST" and status in OK:
            answer: dict[str, Any] = orjson.loads(body)
            if "report_id" in answer:
                self.receipts.reports.add(answer["report_id"])
            elif "command_id" in answer:
                self.receipts.records.add(answer["command_id"])
        return status, body


def order_of(line: Line) -> str:
    """The id the system gives the order of a line."""
    return f"{line['channel']}:{line['seller_id']}:{number_of(line)}"


def month_of(orders: int | None) -> list[Line]:
    """The lines of about so many orders from all over the month; None: of all of them."""
    lines = list(read_lines(FOLDER / "orders.jsonl"))
    everyone = list(dict.fromkeys(map(order_of, lines)))
    kept = set(everyone if orders is None else everyone[:: max(1, len(everyone) // orders)])
    return [line for line in lines if order_of(line) in kept]


@dataclass(frozen=True, slots=True)
class Told:
    """What the senders know once everything is sent and finished."""

    orders: set[str]
    receipts: Receipts
    refused: int
    """Lines that were answered with a 4xx."""
    sent_again: int
    """Requests repeated after a 5xx or a broken connection."""


async def live_a_month(
    settings: Settings,
    keys: Keys,
    lines: list[Line],
    is_finished: Callable[[int], Awaitable[bool]],
    *,
    seed: int,
    day_s: float,
) -> Told:
    """Send, pack and cancel until `is_finished`."""
    carriers = tuple(settings.carrier_urls.values())
    month = Month(
        *(settings.gateway, keys, carriers, settings.channel_urls),
        day_s=day_s,
        seed=seed,
        repeat=REPEAT,
    )
    orders = {order_of(line) for line in lines}
    clock = Clock(STARTS, month.speed)
    timeout = aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        await set_clocks(session, month.doubles, month.speed)
        door = Ledger(month.gateway, keys, session, markets=month.markets)
        channels = Channels(door, clock, seed, month.repeat)
        await everybody(
            channels,
            Stations(door, clock, seed),
            [line for line in lines if not line["after"]],
            [line for line in lines if line["after"]],
            len(orders),
            is_finished,
            lambda: None,
        )
    return Told(orders, door.receipts, channels.refused, door.repeats)


async def carriers_totals(settings: Settings) -> dict[str, dict[str, int]]:
    """What each carrier's double counted."""
    urls = settings.carrier_urls
    async with aiohttp.ClientSession() as session:
        answers = await asyncio.gather(*(_totals(session, url) for url in urls.values()))
    return dict(zip(urls, answers, strict=True))


async def _totals(session: aiohttp.ClientSession, url: str) -> dict[str, int]:
    async with session.get(f"{url}/admin/totals") as answer:
        totals: dict[str, int] = await answer.json()
        return totals
