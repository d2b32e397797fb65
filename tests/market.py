"""A channel in memory that keeps the port's promises, and a log in memory, for tests of the runner."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from services.channels.port import (
    Change,
    ChannelUnreachable,
    Fetched,
    Hint,
    Missing,
    PackageState,
    Page,
    Report,
    Told,
    Waiting,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.topics import Topic

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
PAGE = 2


@dataclass
class Market:
    """Orders by number; `now` is its clock. `reads_late`: fetches answer the state before."""

    now: datetime = NOON
    orders: dict[str, Fetched] = field(default_factory=dict)
    before: dict[str, Fetched] = field(default_factory=dict)
    kept: list[Hint] = field(default_factory=list)
    confirmed: list[str] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    fetches: list[str] = field(default_factory=list)
    shops: frozenset[str] = frozenset({"shop-1"})
    reads_late: int = 0
    fails: int = 0

    def changes(self, number: str, body: bytes, *packages: PackageState) -> Fetched:
        """An order is new or changes now; the clock goes on by a minute."""
        self.now += timedelta(minutes=1)
        if number in self.orders:
            self.before[number] = self.orders[number]
        self.orders[number] = Fetched(number, body, self.now, packages)
        return self.orders[number]

    def can_ask(self, shop: str) -> bool:
        return shop in self.shops

    async def fetch(self, shop: str, number: str) -> Fetched | Missing:
        self._perhaps_fail()
        self.fetches.append(number)
        if number not in self.orders:
            return Missing(f"{shop} has no {number}")
        if self.reads_late and number in self.before:
            self.reads_late -= 1
            return self.before[number]
        return self.orders[number]

    async def page(self, shop: str, since: datetime, until: datetime, token: str | None) -> Page:
        assert shop in self.shops
        self._perhaps_fail()
        changed = sorted(
            (one.at, one.number) for one in self.orders.values() if since <= one.at <= until
        )
        start = int(token or 0)
        changes = tuple(Change(number, at) for at, number in changed[start : start + PAGE])
        more = start + PAGE < len(changed)
        return Page(changes, str(start + PAGE) if more else None, self.now)

    async def waiting(self) -> Waiting:
        self._perhaps_fail()
        hints = tuple(self.kept[:PAGE])
        more = len(self.kept) > PAGE
        return Waiting(hints, str(len(hints)) if hints else None, more)

    async def confirm(self, receipt: str) -> None:
        self._perhaps_fail()
        self.confirmed.append(receipt)
        del self.kept[: int(receipt)]

    async def report(self, report: Report) -> Told:
        self.reports.append(report)
        return Told()

    async def close(self) -> None:
        """Nothing is open."""

    def _perhaps_fail(self) -> None:
        if self.fails:
            self.fails -= 1
            raise ChannelUnreachable("away")


@dataclass
class Log:
    """Records as they were appended: topic, key, value, headers."""

    records: list[tuple[str, str, bytes, dict[str, str]]] = field(default_factory=list)

    async def append(
        self, topic: Topic, key: str, value: bytes, headers: Mapping[str, str]
    ) -> None:
        self.records.append((topic.name, key, value, dict(headers)))

    def values(self, topic: Topic) -> list[bytes]:
        """What was appended to a topic."""
        return [value for name, _, value, _ in self.records if name == topic.name]
