"""The whole sample month: everybody at work until every order is finished."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import aiohttp

from services.sandbox.clock import Clock
from services.sandbox.month.buyers import Buyers
from services.sandbox.month.channels import Channels, Line, number_of, read_lines
from services.sandbox.month.door import Door
from services.sandbox.month.station import Stations
from services.sandbox.sample import FOLDER

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from services.sandbox.month.door import Keys

STARTS = datetime(2026, 9, 30, 23, 0, tzinfo=UTC)
"""An hour before the month's first orders: 6 in the morning of 1 October in Vietnam."""
DAY_S = 3.0
"""Real seconds a day of the sample month takes."""
CHECK_S = 0.5
CONNECTIONS = 64
REQUEST_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Month:
    """What to send, how fast, and to whom. Sandboxes by URL; `markets` by channel."""

    gateway: str
    keys: Keys
    carriers: tuple[str, ...]
    markets: Mapping[str, str]
    orders: int | None = None
    day_s: float = DAY_S
    seed: int = 0
    repeat: float = 0.0

    @property
    def doubles(self) -> tuple[str, ...]:
        """Everybody who keeps the month's time."""
        return (*self.carriers, *self.markets.values())

    @property
    def speed(self) -> float:
        """Seconds of the sample month in one real second."""
        return 86_400 / self.day_s


@dataclass(slots=True)
class Progress:
    """How far the month is; read by whoever draws a bar."""

    lines: int
    orders: int
    sent: int = 0
    refused: int = 0
    packed: int = 0
    repeats: int = 0
    answers: dict[int, int] = field(default_factory=dict)


def month_lines(orders: int | None) -> tuple[list[Line], list[Line], int]:
    """Lines to send by time, lines that wait for a status, and how many different orders."""
    by_time: list[Line] = []
    waiting: list[Line] = []
    numbers: set[str] = set()
    for line in read_lines(FOLDER / "orders.jsonl", orders):
        numbers.add(f"{line['channel']}:{number_of(line)}")
        (waiting if line["after"] else by_time).append(line)
    return by_time, waiting, len(numbers)


async def run_month(
    month: Month,
    is_finished: Callable[[int], Awaitable[bool]],
    told: Callable[[Progress], None],
) -> Progress:
    """Send, pack and cancel until `is_finished(orders)`; `told` is called as things move."""
    by_time, waiting, orders = month_lines(month.orders)
    progress = Progress(lines=len(by_time), orders=orders)
    clock = Clock(STARTS, month.speed)
    timeout = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S)
    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
        await set_clocks(session, month.doubles, month.speed)
        door = Door(month.gateway, month.keys, session, markets=month.markets)
        channels = Channels(door, clock, month.seed, month.repeat)
        stations = Stations(door, clock, month.seed)

        def moved() -> None:
            progress.sent, progress.refused = channels.sent, channels.refused
            progress.packed, progress.repeats = stations.packed, door.repeats
            progress.answers = door.answers
            told(progress)

        channels.told = stations.told = moved
        await everybody(channels, stations, by_time, waiting, orders, is_finished, moved)
    return progress


async def everybody(  # noqa: PLR0917 - the whole cast
    channels: Channels,
    stations: Stations,
    by_time: list[Line],
    waiting: list[Line],
    orders: int,
    is_finished: Callable[[int], Awaitable[bool]],
    moved: Callable[[], None],
) -> None:
    """Channels, stations and buyers side by side; all stop once the last order is finished."""
    done = asyncio.Event()
    buyers = Buyers(channels.door, channels)
    buyers.expect(waiting)
    sellers = sorted({line["seller_id"] for line in by_time})
    async with asyncio.TaskGroup() as group:
        group.create_task(stations.work(sellers, done))
        group.create_task(buyers.watch(done))
        await channels.send(by_time)
        while not await is_finished(orders):
            moved()
            await asyncio.sleep(CHECK_S)
        done.set()


async def set_clocks(session: aiohttp.ClientSession, urls: Iterable[str], speed: float) -> None:
    """Let carriers and marketplaces live at the month's beginning, at this pace."""
    body = {"now": STARTS.isoformat(), "speed": speed}
    for url in urls:
        async with session.put(f"{url}/admin/clock", json=body) as answer:
            answer.raise_for_status()
