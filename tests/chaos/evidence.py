"""What the senders, the carriers, Kafka and PostgreSQL say happened, compared with each other.

Nothing here asks the system's own verification. Every finding is a sentence.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from schemas.catalogue import (
    FEED_APPENDED,
    ORDER_CANCELLED,
    ORDER_PLACED,
    ORDER_RECEIVED,
    ORDER_STATUS_CHANGED,
    PARCEL_PACKED,
    SHIPMENT_STATUS_CHANGED,
)
from services.carriers.directory import INTERFACES
from tests.chaos.quiet import KNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.store.pool import Connection
    from tests.chaos.log import Log
    from tests.chaos.people import Told

Findings = list[str]

# Numbered one by one by their stage: a version that is not in the topic was lost.
COUNTED: Final = (ORDER_STATUS_CHANGED.name, SHIPMENT_STATUS_CHANGED.name)

UNSEEN: Final = {"version", "occurred_at", "as_of"}
"""What a change may differ in without telling anything new."""

DELIVERED: Final = {
    "viettelpost": "501",
    "vnpost": "14",
    "vnpost_legacy": "100",
    "ems": "EMI",
    "ghn": "delivered",
    "ghtk": "5",
}
"""The own code for it of each interface."""

PLATFORMS: Final = frozenset({"shopee", "lazada", "tiki"})
"""Marketplaces that carry parcels themselves."""

SETTLED_REPORTS = "SELECT report_id FROM packing.reports"

# A carrier's events: those of known and of parked parcels, and those without a readable time. GHN
# says up to three things in one webhook, of which it counts one.
STORED_EVENTS = """
SELECT split_part(waybill, ':', 1) AS carrier, count(*) AS events FROM (
    SELECT w.waybill FROM tracking.events e JOIN tracking.waybills w USING (waybill_id)
     WHERE e.origin = 'carrier' AND e.code NOT IN ('cod_transferred', 'partial_return')
    UNION ALL SELECT waybill FROM tracking.undated
) AS stored GROUP BY 1
"""

LIVE_BOOKINGS = """
SELECT parcel_id, count(*) AS bookings FROM booking.bookings
WHERE state IN ('requested', 'unknown', 'booked', 'void_pending')
GROUP BY parcel_id HAVING count(*) > 1
"""

KNOWN_BOOKINGS = """
SELECT carrier, count(tracking_no) AS bookings FROM booking.bookings GROUP BY carrier
"""

FIGURES = "SELECT figure, sum(value)::bigint AS value FROM metrics.counters GROUP BY figure"

REDELIVERED = "SELECT sum(redelivered)::bigint FROM runtime.checkpoints"


@dataclass(frozen=True, slots=True)
class Evidence:
    """`carriers`: the totals of each interface's double."""

    told: Told
    carriers: Mapping[str, Mapping[str, Any]]
    log: Log
    database: Connection

    async def redeliveries(self) -> int:
        """Records given to a stage again, and events that are in their topic more than once."""
        return int(await self.database.fetchval(REDELIVERED)) + self.log.copies()

    async def lost(self) -> Findings:
        """Whatever was accepted or counted and is not there."""
        return [
            *await self._orders_without_status(),
            *await self._receipts_without_record(),
            *await self._carriers_events("fewer"),
            *self._missing_versions(),
            *await self._figures("fewer"),
        ]

    async def duplicate_effects(self) -> Findings:
        """Whatever happened more often than it should."""
        return [
            *self._forked_versions(),
            *self._feed_repeats(),
            *await self._double_bookings(),
            *await self._carriers_events("more"),
            *await self._figures("more"),
        ]

    async def _orders_without_status(self) -> Findings:
        known = {row["order_id"] for row in await self.database.fetch(KNOWN)}
        return [f"{order} was accepted and has no status" for order in self.told.orders - known]

    async def _receipts_without_record(self) -> Findings:
        appended = {entry.ce_id for entry in self.log.entries[ORDER_RECEIVED.name]}
        settled = {row["report_id"] for row in await self.database.fetch(SETTLED_REPORTS)}
        records = self.told.receipts.records - appended
        reports = self.told.receipts.reports - settled
        return [
            f"record {one} was answered with 2xx and is not in its topic" for one in records
        ] + [f"packing report {one} was answered with 2xx and never settled" for one in reports]

    async def _carriers_events(self, than: str) -> Findings:
        rows = await self.database.fetch(STORED_EVENTS)
        stored = {row["carrier"]: row["events"] for row in rows}
        told, given_up = self._of("webhooks_events"), self._of("webhooks_given_up")
        return [
            f"{name} told {told[name]} events, gave {given_up[name]} webhooks up, and "
            f"{stored.get(name, 0)} events are stored"
            for name in told
            if _compared(stored.get(name, 0), told[name]) == than
        ]

    def _missing_versions(self) -> Findings:
        versions: dict[tuple[str, str], set[int]] = defaultdict(set)
        for topic in COUNTED:
            for entry in self.log.entries[topic]:
                if entry.event:
                    versions[topic, entry.entity].add(entry.event["version"])
        return [
            f"{topic} has versions {sorted(found)} of {entity}"
            for (topic, entity), found in versions.items()
            if found != set(range(1, max(found) + 1))
        ]

    def _forked_versions(self) -> Findings:
        contents: dict[tuple[str, str, int], set[bytes]] = defaultdict(set)
        for topic, entries in self.log.entries.items():
            for entry in entries:
                if entry.event:
                    contents[topic, entry.entity, entry.event["version"]].add(entry.value)
        return [
            f"{topic} has {len(values)} contents of {entity} version {version}"
            for (topic, entity, version), values in contents.items()
            if len(values) > 1
        ]

    def _feed_repeats(self) -> Findings:
        appended = list(self.log.events(FEED_APPENDED.name))
        numbers: dict[str, set[int]] = defaultdict(set)
        for entry in appended:
            numbers[entry["seller_id"]].add(entry["number"])
        changes = Counter(
            (entry["change"]["order_id"], entry["change"]["version"]) for entry in appended
        )
        gaps = [
            f"the feed of {seller} has {len(found)} entries and ends at {max(found)}"
            for seller, found in numbers.items()
            if len(found) != max(found)
        ]
        repeats = [
            f"{order} version {version} has {times} entries in its seller's feed"
            for (order, version), times in changes.items()
            if times > 1
        ]
        return gaps + repeats + _told_again([entry["change"] for entry in appended])

    async def _double_bookings(self) -> Findings:
        rows = await self.database.fetch(LIVE_BOOKINGS)
        doubles = [f"{row['parcel_id']} has {row['bookings']} live bookings" for row in rows]
        known = {
            row["carrier"]: row["bookings"] for row in await self.database.fetch(KNOWN_BOOKINGS)
        }
        return doubles + [
            f"{carrier} took {booked} parcels on, we know of {known.get(carrier, 0)}"
            for carrier, booked in self._of("booked").items()
            if booked != known.get(carrier, 0)
        ]

    def _of(self, total: str) -> Counter[str]:
        """What the doubles counted, by carrier: one may be spoken to over several interfaces."""
        carriers = {row.name: row.carrier for row in INTERFACES}
        counted: Counter[str] = Counter()
        for name, totals in self.carriers.items():
            counted[carriers.get(name, name)] += totals.get(total, 0)
        return counted

    async def _figures(self, than: str) -> Findings:
        rows = await self.database.fetch(FIGURES)
        counted = {row["figure"]: row["value"] for row in rows}
        return [
            f"{figure} is {counted.get(figure, 0)}, a recount gives {recount}"
            for figure, recount in self._recount().items()
            if _compared(counted.get(figure, 0), recount) == than
        ]

    def _recount(self) -> dict[str, int]:
        """Figures as the carriers give them, and the topics where the carriers cannot know."""
        states: dict[str, dict[str, Any]] = {}
        for state in self.log.events(SHIPMENT_STATUS_CHANGED.name):
            known = states.get(state["reference"])
            if known is None or known["version"] < state["version"]:
                states[state["reference"]] = state
        outcomes = Counter(state["status"] for state in states.values())
        platforms = [state for state in states.values() if state["carrier"] in PLATFORMS]
        return {
            "orders_placed": self._different(ORDER_PLACED.name, "order_id"),
            "orders_cancelled": self._different(ORDER_CANCELLED.name, "order_id"),
            "parcels_packed": self._different(PARCEL_PACKED.name, "parcel_id"),
            "parcels_delivered": sum(
                self.carriers[name].get(f"status_{code}", 0)
                for name, code in DELIVERED.items()
                if name in self.carriers
            )
            + sum(state["status"] == "delivered" for state in platforms),
            "parcels_returned": outcomes["returned"],
            "parcels_written_off": outcomes["written_off"],
        }

    def _different(self, topic: str, what: str) -> int:
        return len({event[what] for event in self.log.events(topic)})


def _told_again(changes: list[dict[str, Any]]) -> Findings:
    """Changes that changed nothing a seller sees. (A refusal is told in a version of its own.)"""
    in_order = sorted(changes, key=lambda change: (change["order_id"], change["version"]))
    return [
        f"{after['order_id']} version {after['version']} says what the one before it said"
        for before, after in pairwise(in_order)
        if not (before["refused"] or after["refused"]) and _seen(before) == _seen(after)
    ]


def _seen(change: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in change.items() if name not in UNSEEN}


def _compared(found: int, expected: int) -> str:
    return "same" if found == expected else "more" if found > expected else "fewer"
