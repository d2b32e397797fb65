"""The packing table: what stations do with shipments, report by report, in memory.

Loaded before and stored after; rules judge, nothing here touches the database.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, assert_never

import orjson

from schemas.event import next_version
from schemas.intake import Hold, HoldReason
from schemas.packing import ReportedParcel
from schemas.place import vietnam_date
from services.store.packing import NewReport, StoredShipment
from streams.packing.told import packing_refused, packing_started, parcel_rows, parcels_packed
from streams.rules.packing import (
    MOST_PARCELS,
    Finish,
    Refused,
    problems,
    refusal,
    uncertified_lines,
)
from streams.runtime.stage import Output

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from schemas.intake import OrderEvent, OrderLine
    from schemas.packing import PackingReport
    from services.reference.rule_book import PackingLimits
    from services.store.packing import NewParcel, RoutedShipment
    from streams.packing.order import Order
    from streams.rules.packing import Certificate
    from streams.runtime.stage import Record

BY = "packing"


@dataclass(slots=True)
class Shipment:
    """A shipment at the table. `stored` None: no station has begun."""

    routed: RoutedShipment
    lines: tuple[OrderLine, ...]
    stored: StoredShipment | None = None
    is_touched: bool = False

    @property
    def state(self) -> str:
        """`waiting`, `packing`, `held` or `packed`."""
        return "waiting" if self.stored is None else self.stored.state

    def parcels(self) -> tuple[ReportedParcel, ...]:
        """The parcels reported, by number."""
        reported = orjson.loads(self.stored.reported) if self.stored else {}
        found = [ReportedParcel.model_validate(one) for one in reported.values()]
        return tuple(sorted(found, key=lambda one: one.parcel_no))

    def holds(self) -> list[dict[str, Any]]:
        """Why it is held, as JSON objects; empty where it is not."""
        found: list[dict[str, Any]] = orjson.loads(self.stored.problems) if self.stored else []
        return found


@dataclass(slots=True)
class Table:
    """The shipments of a batch's orders, and what the batch makes of them."""

    orders: Mapping[str, Order]
    shipments: Mapping[str, Shipment]
    certificates: Mapping[str, tuple[Certificate, ...]]
    limits: PackingLimits
    era: int
    outputs: list[Output] = field(default_factory=list)
    reports: list[NewReport] = field(default_factory=list)
    parcels: list[NewParcel] = field(default_factory=list)

    def report(self, report: PackingReport, cause: Record) -> None:
        """Settle one report: accept it, or tell why not."""
        shipment = self.shipments[report.shipment_id]
        order = self.orders[report.order_id]
        order.cause = cause
        refused = barred(shipment, order) or self._accept(shipment, report, cause)
        self.reports.append(
            NewReport(
                report.shipment_id,
                report.report_id,
                report.order_id,
                report.kind,
                report.station,
                report.reported_at,
                *(refused or (None, None)),
            )
        )
        if refused:
            self._tell(packing_refused(shipment.routed, report, refused, self.era), cause)

    def let_go(self, order: Order, shipments: Iterable[Shipment]) -> None:
        """A release accepts what was held before it, however it stands."""
        released_at = order.stored.released_at
        if released_at is None or order.stored.cancelled:
            return
        for shipment in shipments:
            stored = shipment.stored
            if stored and stored.state == "held" and _finished_at(stored) <= released_at:
                self._close(shipment, stored, released_at, order.cause)

    def _accept(self, shipment: Shipment, report: PackingReport, cause: Record) -> Refused | None:
        match report.kind:
            case "started":
                self._start(shipment, report, cause)
                return None
            case "parcel":
                return self._add_parcel(shipment, report, cause)
            case "finished":
                return self._finish(shipment, report, cause)
        assert_never(report.kind)

    def _start(self, shipment: Shipment, report: PackingReport, cause: Record) -> StoredShipment:
        """A station takes the list, or takes it anew: what was reported before is void."""
        version = next_version(shipment.stored.version if shipment.stored else 0, self.era)
        shipment.stored = StoredShipment(
            shipment_id=report.shipment_id,
            order_id=report.order_id,
            station=report.station,
            state="packing",
            reported="{}",
            finished_at=None,
            problems="[]",
            uncertified=(),
            version=version,
        )
        shipment.is_touched = True
        self._tell(packing_started(shipment.routed, report, version), cause)
        return shipment.stored

    def _add_parcel(
        self, shipment: Shipment, report: PackingReport, cause: Record
    ) -> Refused | None:
        """A parcel, new or weighed again; a shipment that was held is open again."""
        parcel = report.parcel
        if parcel is None:
            return Refused("parcel_missing", "a report of a parcel must hold one")
        if parcel.parcel_no > MOST_PARCELS:
            return Refused("too_many_parcels", f"parcels are numbered 1 to {MOST_PARCELS}")
        stored = shipment.stored or self._start(shipment, report, cause)
        reported = orjson.loads(stored.reported)
        reported[str(parcel.parcel_no)] = parcel.model_dump(mode="json")
        stored.reported = orjson.dumps(reported).decode()
        stored.state, stored.problems = "packing", "[]"
        shipment.is_touched = True
        return None

    def _finish(self, shipment: Shipment, report: PackingReport, cause: Record) -> Refused | None:
        """Judge the whole shipment: refuse and void the parcels, ask a person, or close it."""
        finish = self._as_finished(shipment, report)
        refused = refusal(finish)
        stored = shipment.stored
        if stored is None:
            return refused
        shipment.is_touched = True
        if refused:
            stored.state, stored.reported, stored.problems = "packing", "{}", "[]"
            return Refused(refused.code, f"{refused.reason}: report every parcel again")
        stored.finished_at = report.reported_at
        found = [
            Hold(reason=one.reason, detail=one.detail, by=BY, since=report.reported_at)
            for one in problems(finish)
        ]
        if not found:
            self._close(shipment, stored, report.reported_at, cause)
            return None
        stored.state = "held"
        stored.problems = orjson.dumps([one.model_dump(mode="json") for one in found]).decode()
        if any(one.reason is HoldReason.CERTIFICATE_EXPIRED for one in found):
            stored.uncertified = uncertified_lines(finish)
        return None

    def _as_finished(self, shipment: Shipment, report: PackingReport) -> Finish:
        return Finish(
            lines=shipment.lines,
            parcels=shipment.parcels(),
            ordered_on=vietnam_date(shipment.routed.placed_at),
            reported_on=vietnam_date(report.reported_at),
            certificates=self.certificates.get(shipment.routed.seller_id, ()),
            limits=self.limits,
        )

    def _close(
        self, shipment: Shipment, stored: StoredShipment, at: datetime, cause: Record
    ) -> None:
        """The shipment is packed, for good."""
        stored.state, stored.problems = "packed", "[]"
        shipment.is_touched = True
        parcels = shipment.parcels()
        rows = list(parcel_rows(shipment.routed, shipment.lines, parcels, at))
        self.parcels.extend(rows)
        for event in parcels_packed(shipment.routed, parcels, rows, stored.uncertified, self.era):
            self._tell(event, cause)

    def _tell(self, event: OrderEvent, cause: Record) -> None:
        self.outputs.append(Output(event, cause))


def barred(shipment: Shipment, order: Order) -> Refused | None:
    """Why nothing at all may be reported of the shipment now."""
    if order.stored.cancelled or shipment.routed.state == "cancelled":
        return Refused("order_cancelled", "the order was cancelled: nothing of it may be packed")
    if shipment.state == "packed":
        return Refused("already_packed", "the shipment is packed already")
    if shipment.routed.state == "dropped":
        return Refused("shipment_dropped", "the order was amended: nothing leaves this origin")
    if order.stored.blocked or shipment.routed.state == "held":
        holders = ", ".join(order.holders()) or "routing"
        return Refused("order_held", f"the order waits for a decision ({holders})")
    return None


def _finished_at(stored: StoredShipment) -> datetime:
    if stored.finished_at is None:
        raise ValueError(f"{stored.shipment_id} is held but was never finished")
    return stored.finished_at
