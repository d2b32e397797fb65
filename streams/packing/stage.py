"""The stage: stations' reports and other stages' words about orders in; parcels out."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter, ValidationError

from schemas.catalogue import ORDER_CANCELLED, ORDER_HELD, ORDER_RELEASED, PACKING_REPORTED
from schemas.event import next_version
from schemas.intake import Hold, OrderEvent, OrderLine
from schemas.packing import PackingReport
from services.store.packing import (
    insert_parcels,
    insert_reports,
    lock_orders,
    read_reports,
    read_routed,
    read_shipments,
    store_orders,
    store_shipments,
)
from streams.packing.certificates import read_certificates
from streams.packing.order import Order
from streams.packing.table import Shipment, Table
from streams.packing.told import order_held, order_released
from streams.runtime.stage import Dead, Handled, Output

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from schemas.topics import Topic
    from services.reference.rule_book import RuleBook
    from services.store.packing import RoutedShipment
    from streams.runtime.stage import Batch, Message, Record, Transaction

LINES: Final = TypeAdapter(tuple[OrderLine, ...])
HOLDS: Final = TypeAdapter(tuple[Hold, ...])


@dataclass(slots=True)
class Mail:
    """A batch, sorted: facts, readable reports, and records that are neither."""

    facts: list[tuple[OrderEvent, Record]] = field(default_factory=list)
    reports: list[tuple[PackingReport, Record]] = field(default_factory=list)
    dead: list[Dead] = field(default_factory=list)

    def order_ids(self) -> dict[str, Record]:
        """Every order the batch speaks of, with the record that did so last."""
        facts = {event.order_id: record for event, record in self.facts}
        return facts | {report.order_id: record for report, record in self.reports}


class Packing:
    """The stage. `book`: how far weights may differ."""

    name: Final = "packing"
    inputs: tuple[Topic, ...] = (PACKING_REPORTED, ORDER_HELD, ORDER_RELEASED, ORDER_CANCELLED)

    def __init__(self, book: RuleBook) -> None:
        self._limits = book.packing

    async def handle(self, batch: Batch, tx: Transaction) -> Handled:
        """Facts first, then reports, then what a release lets go; store, tell."""
        mail = sort(batch.messages)
        reported = sorted({report.order_id for report, _ in mail.reports})
        routed = await read_routed(tx, reported) if reported else ()
        _bury_strangers(mail, {one.shipment_id: one for one in routed})
        handled = Handled(dead=mail.dead)
        causes = mail.order_ids()
        stored = await lock_orders(tx, causes)
        orders = {key: Order(stored[key], cause) for key, cause in causes.items()}
        handled.duplicate += sum(not orders[one.order_id].take(one) for one, _ in mail.facts)
        asked = {report.order_id for report, _ in mail.reports}
        released = sorted(key for key, one in orders.items() if one.is_released and one.stored.held)
        if late := [key for key in released if key not in asked]:
            routed = [*routed, *await read_routed(tx, late)]
        mine = [one for one in routed if one.order_id in asked or one.order_id in released]
        if mine:
            shipments = await _shipments(tx, mine)
            certificates = await read_certificates(tx, finished(mail, shipments))
            table = Table(orders, shipments, certificates, self._limits, batch.era)
            handled.duplicate += await _pack(tx, mail, table)
            handled.outputs = table.outputs
        await store_orders(tx, [one.stored for one in orders.values() if one.is_touched])
        return handled


async def _pack(tx: Transaction, mail: Mail, table: Table) -> int:
    """Settle the reports, let go what was released, store. Returns how many were known."""
    of_order: defaultdict[str, list[Shipment]] = defaultdict(list)
    for shipment in table.shipments.values():
        of_order[shipment.routed.order_id].append(shipment)
    before = {key: _holds(mine) for key, mine in of_order.items()}
    duplicate = 0
    known = set(await read_reports(tx, [_name(report) for report, _ in mail.reports]))
    for report, record in mail.reports:
        if _name(report) in known:
            duplicate += 1
        else:
            known.add(_name(report))
            table.report(report, record)
    for key, mine in of_order.items():
        table.let_go(table.orders[key], mine)
        _tell_holds(table.orders[key], mine, before[key], table)
    touched = [one.stored for one in table.shipments.values() if one.is_touched and one.stored]
    await store_shipments(tx, touched)
    await insert_reports(tx, table.reports)
    await insert_parcels(tx, table.parcels)
    return duplicate


def finished(mail: Mail, shipments: Mapping[str, Shipment]) -> list[Shipment]:
    """The shipments that a station says are packed."""
    return [shipments[one.shipment_id] for one, _ in mail.reports if one.kind == "finished"]


def sort(messages: Iterable[Message]) -> Mail:
    """Facts are decoded; reports are read here."""
    mail = Mail()
    for message in messages:
        if isinstance(message.event, OrderEvent):
            mail.facts.append((message.event, message.record))
        else:
            read = _read(message.record)
            if isinstance(read, Dead):
                mail.dead.append(read)
            else:
                mail.reports.append((read, message.record))
    return mail


def _read(record: Record) -> PackingReport | Dead:
    try:
        report = PackingReport.model_validate_json(record.value or b"", extra="ignore")
    except ValidationError as error:
        fields = sorted({".".join(map(str, one["loc"])) or "body" for one in error.errors()})
        return Dead(record, "unreadable_report", f"not a packing report: {', '.join(fields[:9])}")
    if record.key != report.order_id.encode():
        return Dead(record, "wrong_key", "the record's key is not the shipment's order")
    return report


def _bury_strangers(mail: Mail, routed: Mapping[str, RoutedShipment]) -> None:
    """Reports of shipments that nobody routed, or that are another seller's."""
    known: list[tuple[PackingReport, Record]] = []
    for report, record in mail.reports:
        shipment = routed.get(report.shipment_id)
        actor = record.header("ocop_actor") or ""
        if shipment is None:
            reason = "no shipment of this id was ever routed"
            mail.dead.append(Dead(record, "shipment_unknown", reason))
        elif actor.startswith("seller:") and actor != f"seller:{shipment.seller_id}":
            mail.dead.append(Dead(record, "not_yours", "the shipment is another seller's"))
        else:
            known.append((report, record))
    mail.reports = known


async def _shipments(tx: Transaction, routed: Iterable[RoutedShipment]) -> dict[str, Shipment]:
    """The shipments at the table, each with what stations did so far."""
    shipments = {one.shipment_id: Shipment(one, LINES.validate_json(one.lines)) for one in routed}
    order_ids = sorted({one.routed.order_id for one in shipments.values()})
    for stored in await read_shipments(tx, order_ids):
        shipments[stored.shipment_id].stored = stored
    return shipments


def _name(report: PackingReport) -> tuple[str, str]:
    return report.shipment_id, report.report_id


def _holds(shipments: Iterable[Shipment]) -> tuple[Hold, ...]:
    found = [hold for one in shipments if one.state == "held" for hold in one.holds()]
    return HOLDS.validate_python(found)


def _tell_holds(
    order: Order, shipments: Sequence[Shipment], before: tuple[Hold, ...], table: Table
) -> None:
    """Say what packing holds the order for, if that has changed."""
    holds, stored = _holds(shipments), order.stored
    if holds == before or stored.cancelled:
        return
    order.is_touched = True
    stored.version = next_version(stored.version, table.era)
    stored.held = bool(holds)
    shipment = shipments[0].routed
    if holds:
        event: OrderEvent = order_held(shipment, holds, stored.version)
    else:
        at = stored.released_at
        by, why = stored.released_by or "", stored.released_why or ""
        since = max(hold.since for hold in before)
        if at is None or at < since:
            at, by, why = since, "packing", "the station packed it again"
        event = order_released(shipment, stored.version, by, why, at)
    table.outputs.append(Output(event, order.cause))
