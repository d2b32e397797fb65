"""The rules of the flow, worked out again for `ocop verify`: services/verify asks for them here."""

from __future__ import annotations

import uuid
from collections import defaultdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import orjson
from pydantic import ValidationError

from schemas.catalogue import TOPICS_BY_NAME
from streams import recheck_cod
from streams.metrics import Metrics
from streams.rules.metrics_facts import OrderFacts
from streams.rules.metrics_fold import fold as fold_fact
from streams.rules.metrics_rows import rows_of
from streams.rules.tracking_bookings import Claim, read_legs, share_out
from streams.rules.tracking_flags import Promise, by_clock, flags_of
from streams.rules.tracking_fold import fold, stored
from streams.runtime.outgoing import unpacked
from streams.tracking_store import read_logs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from services.reference.status_map import StatusMap
    from services.store.pool import Connection
    from services.verify.survey import Survey
    from streams.rules.metrics_rows import Row, Rows
    from streams.rules.tracking import Scan

AT_ONCE: Final = 2_000
"""Bookings or orders worked out again in one go."""

# The next bookings that stand alone with their number, or (contested) all that do not.
READ_BOOKINGS: Final = """
    SELECT reference, waybill, waybill_id, also, cod_vnd, booked_at, state::text AS state, promise,
           is_delayed, flags
      FROM tracking.bookings
     WHERE contested = $1 AND reference > $2 ORDER BY reference LIMIT $3
"""

# Ids of these numbers.
FIND_WAYBILLS: Final = """
    SELECT waybill_id, waybill FROM tracking.waybills WHERE waybill = ANY ($1::text[])
"""

# The next orders' facts.
READ_FACTS: Final = """
    SELECT order_id, facts::text AS facts FROM metrics.facts
     WHERE order_id > $1 AND facts IS NOT NULL ORDER BY order_id LIMIT $2
"""

# Their stored rows. Columns stand in the order of streams.rules.metrics_rows.
READ_ROWS: Final = {
    "orders": "SELECT * FROM metrics.orders WHERE order_id = ANY ($1::text[])",
    "shipments": "SELECT * FROM metrics.shipments WHERE order_id = ANY ($1::text[])",
    "parcels": "SELECT * FROM metrics.parcels WHERE order_id = ANY ($1::text[])",
}


class Rechecks:
    """See services.verify.evidence.Rules. `meanings`: the status map events were mapped with."""

    def __init__(self, meanings: StatusMap) -> None:
        self._meanings = meanings
        self._heard: dict[str, OrderFacts] = {}
        self._facts = frozenset(topic.name for topic in Metrics.inputs)

    def hear(self, topic: str, value: bytes) -> None:
        """Fold an event into its order's facts, if it is one that counts."""
        model = TOPICS_BY_NAME[topic].event if topic in self._facts else None
        if model is None:
            return
        try:
            event = model.model_validate_json(value)
        except ValidationError:
            return  # its stage has buried it, and the accounts say so
        known = self._heard.get(event.key) or OrderFacts(order_id=event.key)
        self._heard[event.key] = fold_fact(known, event)

    def outputs(self, stored_outputs: bytes) -> Sequence[tuple[str, bytes]]:
        """Topics and event ids of a checkpoint's outputs; letters have an id of their record's."""
        return [
            (record.topic, uuid.UUID(value.decode()).bytes)
            for record in unpacked(stored_outputs)
            if record.topic in TOPICS_BY_NAME
            for name, value in record.headers
            if name == "ce_id"
        ]

    async def tracking_states(self, db: Connection) -> AsyncIterator[str | None]:
        """Give every event to its booking again, fold, and compare with what is stored."""
        for contested in (False, True):
            last = ""
            # Contested bookings hang together in ways only their logs tell: all of them at once.
            limit = None if contested else AT_ONCE
            while bookings := await db.fetch(READ_BOOKINGS, contested, last, limit):
                last = bookings[-1]["reference"]
                for problem in await self._fold_again(db, bookings):
                    yield problem

    async def _fold_again(self, db: Connection, bookings: Sequence[Any]) -> list[str | None]:
        booked = [booking for booking in bookings if booking["booked_at"] is not None]
        names = {name for b in bookings for name in (b["waybill"], *b["also"]) if name}
        found = await db.fetch(FIND_WAYBILLS, sorted(names))
        ids = dict(map(tuple, found)) | {
            b["waybill_id"]: b["waybill"] for b in booked if b["waybill_id"] is not None
        }
        claims = [
            Claim(b["reference"], b["waybill"], int(b["booked_at"].timestamp())) for b in booked
        ]
        sightings = read_legs(claims, await read_logs(db, ids, self._meanings), self._meanings)
        shares = share_out(claims, sightings)
        return [_differing_state(b, shares.scans[b["reference"]]) for b in booked]

    async def fact_rows(self, db: Connection) -> AsyncIterator[str | None]:
        """Make the rows of every order again from its facts."""
        last = ""
        while found := await db.fetch(READ_FACTS, last, AT_ONCE):
            last = found[-1]["order_id"]
            rows = await _stored_rows(db, [row["order_id"] for row in found])
            for order_id, text in found:
                facts = OrderFacts.model_validate_json(text)
                yield _differing_rows(order_id, rows_of(facts), rows[order_id])

    def cash(self, db: Connection) -> AsyncIterator[str | None]:
        """Derive every booking's cash again, and its books."""
        return recheck_cod.cash(db)

    def line_owners(self, db: Connection) -> AsyncIterator[str | None]:
        """Give every statement line to its booking again."""
        return recheck_cod.line_owners(db)

    async def told_facts(self, db: Connection, topics: Survey) -> AsyncIterator[str | None]:
        """Compare the facts heard from the topics with those that are stored.

        Nothing is compared once the topics have lost facts to retention.
        """
        if any(topics.begins_late(topic) for topic in self._facts):
            return
        last = ""
        unknown = {
            order for order, told in self._heard.items() if told != OrderFacts(order_id=order)
        }
        while found := await db.fetch(READ_FACTS, last, AT_ONCE):
            last = found[-1]["order_id"]
            for order_id, text in found:
                unknown.discard(order_id)
                same = OrderFacts.model_validate_json(text) == self._heard.get(order_id)
                yield None if same else f"{order_id}: the topics tell other facts than are counted"
        for order_id in sorted(unknown):
            yield f"{order_id} is told in the topics and not counted"


async def _stored_rows(db: Connection, orders: Sequence[str]) -> dict[str, set[tuple[Any, ...]]]:
    rows: dict[str, set[tuple[Any, ...]]] = defaultdict(set)
    for query in READ_ROWS.values():
        for row in await db.fetch(query, orders):
            rows[row["order_id"]].add(tuple(row))
    return rows


def _differing_rows(order_id: str, made: Rows, found: set[tuple[Any, ...]]) -> str | None:
    """Rows that count nothing need not be stored: nothing has happened to them yet."""
    wanted = {tuple(row) for row in _every(made)}
    idle = {row for row in wanted if not any(isinstance(value, datetime) for value in row)}
    if found <= wanted and wanted - idle <= found:
        return None
    return f"{order_id}: stored {sorted(found - wanted, key=str)}, made {sorted(wanted - found - idle, key=str)}"


def _every(rows: Rows) -> Iterator[Row]:
    yield rows.order
    yield from rows.shipments
    yield from rows.parcels


def _differing_state(booking: Any, scans: Sequence[Scan]) -> str | None:
    parcel = fold(booking["cod_vnd"] or 0, scans)
    promise = Promise(booking["promise"], booking["is_delayed"])
    flags = flags_of(parcel, promise, by_clock(booking["flags"]))
    made = orjson.loads(orjson.dumps({**stored(parcel), "flags": flags}))
    found = {**orjson.loads(booking["state"]), "flags": booking["flags"]}
    if made == found:
        return None
    names = sorted(name for name in {*made, *found} if made.get(name) != found.get(name))
    changed = ", ".join(f"{name} {found.get(name)} instead of {made.get(name)}" for name in names)
    return f"{booking['reference']}: {changed}"
