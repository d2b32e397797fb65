"""Status: what a seller sees of an order, derived from every fact about it.

Facts of one order come over fifteen topics in any interleaving. The newest of each are kept in one
document; the standing is derived from the document alone. A version is told when what the seller
sees has changed, and one for every command or packing report that was refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, cast

import orjson

from schemas.catalogue import (
    BOOKING_REFUSED,
    BOOKING_VOID_REFUSED,
    BOOKING_VOIDED,
    COMMAND_REFUSED,
    ORDER_AMENDED,
    ORDER_CANCEL_REQUESTED,
    ORDER_HELD,
    ORDER_PLACED,
    ORDER_RECEIVED_BACK,
    ORDER_RELEASED,
    ORDER_ROUTED,
    PACKING_REFUSED,
    PACKING_STARTED,
    PARCEL_PACKED,
    SHIPMENT_BOOKED,
    SHIPMENT_STATUS_CHANGED,
)
from schemas.event import next_version
from schemas.intake import Channel, CommandRefused
from schemas.packing import PackingRefused
from schemas.status import OrderStatusChanged, RefusedCommand
from services.store.status import (
    NewOrder,
    Refusal,
    lock_orders,
    note_refusals,
    store_orders,
    take_untold_refusals,
)
from streams.rules.status.cancel import Decisions, decide, no_decisions
from streams.rules.status.facts import Facts, no_facts
from streams.rules.status.merge import merge
from streams.rules.status.standing import Standing, standing
from streams.runtime.stage import Handled, Output

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from schemas.event import Event
    from schemas.intake import OrderEvent
    from schemas.topics import Topic
    from services.store.status import StoredOrder
    from streams.rules.status.shipments import Transitions
    from streams.runtime.stage import Batch, Message, Record, Transaction

PACK: Final = "pack"
"""The command a refused packing report stands for."""


@dataclass(slots=True)
class Order:
    """An order while a batch is worked on. `happened_at`: the newest of the batch's new facts."""

    stored: StoredOrder
    facts: Facts
    decisions: Decisions
    version: int
    cause: Record | None = None
    happened_at: datetime | None = None
    is_touched: bool = False
    refusals: list[RefusedCommand] = field(default_factory=list)

    @property
    def order_id(self) -> str:
        """Its id."""
        return self.stored.order_id

    @property
    def is_known(self) -> bool:
        """Somebody placed it or held it, so its seller can be told."""
        return self.facts["identity"] is not None


class Status:
    """The stage. `transitions`: the fulfilment axis, which state may follow which."""

    name = "status"
    inputs: tuple[Topic, ...] = (
        ORDER_PLACED,
        ORDER_AMENDED,
        ORDER_HELD,
        ORDER_RELEASED,
        ORDER_CANCEL_REQUESTED,
        ORDER_RECEIVED_BACK,
        COMMAND_REFUSED,
        ORDER_ROUTED,
        PACKING_STARTED,
        PARCEL_PACKED,
        PACKING_REFUSED,
        SHIPMENT_BOOKED,
        BOOKING_REFUSED,
        BOOKING_VOIDED,
        BOOKING_VOID_REFUSED,
        SHIPMENT_STATUS_CHANGED,
    )

    def __init__(self, transitions: Transitions) -> None:
        self._transitions = transitions

    async def handle(self, batch: Batch, tx: Transaction) -> Handled:
        """Merge the facts of every order of the batch, then derive and tell each order once."""
        spoken = [(message, cast("OrderEvent", message.event)) for message in batch.messages]
        rows = await lock_orders(tx, {event.order_id for _, event in spoken})
        orders = {order_id: opened(row) for order_id, row in rows.items()}
        refusals = [refusal for _, event in spoken if (refusal := refusal_of(event))]
        noted = await note_refusals(tx, refusals)
        duplicate = len(refusals) - noted + merge_all(orders, spoken)
        await self._take_refusals(tx, orders, {refusal.order_id for refusal in refusals})
        told = [self._tell(order, batch.era) for order in orders.values() if order.is_touched]
        await store_orders(tx, [row for row, _ in told])
        return Handled([output for _, outputs in told for output in outputs], duplicate=duplicate)

    async def _take_refusals(
        self, tx: Transaction, orders: Mapping[str, Order], refused: Container[str]
    ) -> None:
        """Those of this batch, and those that waited for an order that is known from now on."""
        ids = [
            order.order_id
            for order in orders.values()
            if order.is_known and (not order.stored.is_known or order.order_id in refused)
        ]
        for refusal in await take_untold_refusals(tx, ids):
            order = orders[refusal.order_id]
            order.refusals.append(refused_command(refusal))
            order.is_touched = True
            order.happened_at = later(order.happened_at, refusal.refused_at)

    def _tell(self, order: Order, era: int) -> tuple[NewOrder, list[Output]]:
        """The order's new row and what follows from the batch for others."""
        if not order.is_known:
            return unknown_row(order), []
        stands = standing(order.order_id, order.facts, self._transitions)
        decided = decide(order.order_id, order.facts, stands, order.decisions, era)
        document = stands.visible.model_dump_json()
        shown = blake2b(document.encode(), digest_size=16).digest()
        has_changed = shown != order.stored.shown
        refusals = [*order.refusals, *([decided.refused] if decided.refused else [])]
        events: list[Event] = list(decided.events)
        for refused in ([None] if has_changed else []) + refusals:
            order.version = next_version(order.version, era)
            events.append(status_changed(order, stands, refused))
        row = known_row(order, stands, decided.decisions, document if has_changed else None, shown)
        return row, [Output(event, order.cause) for event in events]


def opened(stored: StoredOrder) -> Order:
    """A loaded row, ready to work on. Documents of older releases get the parts they lack."""
    facts = cast("Facts", {**no_facts(), **orjson.loads(stored.facts)})
    decisions = cast("Decisions", {**no_decisions(), **orjson.loads(stored.decisions)})
    return Order(stored, facts, decisions, stored.version)


def merge_all(orders: Mapping[str, Order], spoken: Iterable[tuple[Message, OrderEvent]]) -> int:
    """Merge every fact into its order. Returns how many were known already."""
    known = 0
    for message, event in spoken:
        order = orders[event.order_id]
        order.cause = message.record
        if isinstance(event, CommandRefused | PackingRefused):
            continue
        if merge(order.facts, event):
            order.is_touched = True
            order.happened_at = later(order.happened_at, event.occurred_at)
        else:
            known += 1
    return known


def later(known: datetime | None, time: datetime) -> datetime:
    """The later of two times."""
    return time if known is None else max(known, time)


def refusal_of(event: OrderEvent) -> Refusal | None:
    """The refusal an event tells of, if it does."""
    match event:
        case CommandRefused():
            command_id, command = event.command_id, event.command
        case PackingRefused():
            command_id, command = event.report_id, PACK
        case _:
            return None
    return Refusal(
        order_id=event.order_id,
        entity=event.entity,
        command_id=command_id,
        command=command,
        code=event.code,
        reason=event.reason,
        refused_at=event.occurred_at,
    )


def refused_command(refusal: Refusal) -> RefusedCommand:
    """A stored refusal as its seller reads it."""
    return RefusedCommand.model_construct(
        command_id=refusal.command_id,
        command=refusal.command,
        code=refusal.code,
        reason=refusal.reason,
    )


def status_changed(
    order: Order, stands: Standing, refused: RefusedCommand | None
) -> OrderStatusChanged:
    """The order's next version."""
    identity, visible = order.facts["identity"], stands.visible
    if identity is None or order.happened_at is None:
        raise ValueError(f"{order.order_id} is not known or nothing happened to it")
    return OrderStatusChanged.model_construct(
        version=order.version,
        occurred_at=order.happened_at,
        order_id=order.order_id,
        channel=Channel(identity["channel"]),
        seller_id=identity["seller_id"],
        status=visible.status,
        fulfilment=visible.fulfilment,
        as_of=datetime.fromisoformat(order.facts["as_of"]),
        flags=visible.flags,
        holds=visible.holds,
        shipments=visible.shipments,
        refused=refused,
    )


def unknown_row(order: Order) -> NewOrder:
    """Facts that wait for their order."""
    return NewOrder(
        order_id=order.order_id,
        seller_id=None,
        channel=None,
        version=order.version,
        status=None,
        fulfilment=None,
        finished=False,
        as_of=None,
        document=None,
        shown=None,
        facts=orjson.dumps(order.facts).decode(),
        decisions=orjson.dumps(order.decisions).decode(),
    )


def known_row(
    order: Order, stands: Standing, decisions: Decisions, document: str | None, shown: bytes
) -> NewOrder:
    """An order as it stands after the batch."""
    identity = order.facts["identity"]
    return NewOrder(
        order_id=order.order_id,
        seller_id=identity and identity["seller_id"],
        channel=identity and identity["channel"],
        version=order.version,
        status=stands.visible.status,
        fulfilment=stands.visible.fulfilment.value,
        finished=stands.finished,
        as_of=datetime.fromisoformat(order.facts["as_of"]),
        document=document,
        shown=shown,
        facts=orjson.dumps(order.facts).decode(),
        decisions=orjson.dumps(decisions).decode(),
    )
