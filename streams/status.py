"""Status: what a seller sees of an order, derived from every fact about it.

Facts of one order come over nineteen topics in any interleaving. The newest of each are kept in one
document; the standing is derived from the document alone. A version is told when what the seller
sees has changed, and one for every command or packing report that was refused.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final, cast

from schemas.booking import BookingDecisionAnswered
from schemas.catalogue import (
    BOOKING_DECISION_ANSWERED,
    BOOKING_REFUSED,
    BOOKING_VOID_REFUSED,
    BOOKING_VOIDED,
    COD_CHANGED,
    COMMAND_REFUSED,
    HANDOVER_REPORTED,
    ORDER_AMENDED,
    ORDER_CANCEL_REQUESTED,
    ORDER_HELD,
    ORDER_PLACED,
    ORDER_QUIET,
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
from schemas.intake import CommandRefused, OrderAmended, OrderHeld, OrderPlaced
from schemas.packing import PackingRefused
from services.store.status import (
    NewOrder,
    Refusal,
    lock_orders,
    note_refusals,
    store_orders,
    take_untold_refusals,
)
from streams.rules.status.cancel import decide
from streams.rules.status.merge import merge
from streams.rules.status.standing import NO_HOURS, standing
from streams.runtime.stage import Handled, Output
from streams.status_order import (
    Order,
    known_row,
    opened,
    refused_command,
    status_changed,
    unknown_row,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from schemas.event import Event
    from schemas.intake import OrderEvent
    from schemas.topics import Topic
    from services.store.status import StoredOrder
    from streams.rules.status.shipments import Transitions
    from streams.runtime.stage import Batch, Message, Transaction

PACK: Final = "pack"
"""The command a refused packing report stands for."""


class Status:
    """The stage. `transitions`: the fulfilment axis, which state may follow which.

    `decision_h`: hours each carrier waits for the seller's word; those not named wait 24.
    """

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
        BOOKING_DECISION_ANSWERED,
        HANDOVER_REPORTED,
        SHIPMENT_STATUS_CHANGED,
        ORDER_QUIET,
        COD_CHANGED,
    )

    def __init__(self, transitions: Transitions, decision_h: Mapping[str, int] = NO_HOURS) -> None:
        self._transitions = transitions
        self._decision_h = decision_h

    async def handle(self, batch: Batch, tx: Transaction) -> Handled:
        """Merge the facts of every order of the batch, then derive and tell each order once."""
        mail = by_order(batch.messages)
        rows = await lock_orders(tx, mail)
        news = [refusal for message in batch.messages if (refusal := refusal_of(message))]
        noted = await note_refusals(tx, news)
        known = [order_id for order_id, row in rows.items() if is_known(row, mail[order_id])]
        asked = {refusal.order_id for refusal in news}
        untold = await untold_refusals(tx, [x for x in known if not rows[x].is_known or x in asked])
        handled = Handled(duplicate=len(news) - noted)
        stored = []
        # One order after the other: a thousand documents at once would keep the collector busy.
        for order_id, row in rows.items():
            order = opened(row)
            handled.duplicate += merge_all(order, mail[order_id])
            take_refusals(order, untold.get(order_id, ()))
            if order.happened_at is not None:
                new_row, outputs = self._tell(order, batch.era)
                stored.append(new_row)
                handled.outputs += outputs
        await store_orders(tx, stored)
        return handled

    def _tell(self, order: Order, era: int) -> tuple[NewOrder, list[Output]]:
        """The order's new row and what follows from the batch for others."""
        if order.facts["identity"] is None:
            return unknown_row(order), []
        stands = standing(order.order_id, order.facts, self._transitions, self._decision_h)
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


def by_order(messages: Iterable[Message]) -> dict[str, list[Message]]:
    """The messages of each order, in the batch's order."""
    mail: dict[str, list[Message]] = {}
    for message in messages:
        mail.setdefault(about(message).order_id, []).append(message)
    return mail


def about(message: Message) -> OrderEvent:
    """Its event: all topics of this stage carry events of orders."""
    return cast("OrderEvent", message.event)


def is_known(stored: StoredOrder, messages: Iterable[Message]) -> bool:
    """Somebody placed the order or held it, so its seller can be told."""
    return stored.is_known or any(
        isinstance(message.event, OrderPlaced | OrderAmended | OrderHeld) for message in messages
    )


async def untold_refusals(
    tx: Transaction, order_ids: Sequence[str]
) -> Mapping[str, Sequence[Refusal]]:
    """Refusals to tell now, by order: new ones, and those that waited for an unknown order."""
    untold: dict[str, list[Refusal]] = {}
    for refusal in await take_untold_refusals(tx, order_ids):
        untold.setdefault(refusal.order_id, []).append(refusal)
    return untold


def merge_all(order: Order, messages: Iterable[Message]) -> int:
    """Merge every fact into its order. Returns how many were known already."""
    known = 0
    for message in messages:
        event = about(message)
        order.cause = message.record
        if isinstance(event, CommandRefused | PackingRefused) or is_refusal(event):
            continue
        if merge(order.facts, event):
            order.happened_at = later(order.happened_at, event.occurred_at)
        else:
            known += 1
    return known


def take_refusals(order: Order, refusals: Iterable[Refusal]) -> None:
    """What its seller is to be told beside its standing."""
    for refusal in refusals:
        order.refusals.append(refused_command(refusal))
        order.happened_at = later(order.happened_at, refusal.refused_at)


def later(known: datetime | None, time: datetime) -> datetime:
    """The later of two times."""
    return time if known is None else max(known, time)


def is_refusal(event: Event) -> bool:
    """A carrier, or booking for it, will not do as the seller decided."""
    return isinstance(event, BookingDecisionAnswered) and not event.accepted


def refusal_of(message: Message) -> Refusal | None:
    """The refusal a message tells of, if it does."""
    match event := about(message):
        case CommandRefused():
            command_id, command = event.command_id, event.command
        case PackingRefused():
            command_id, command = event.report_id, PACK
        case BookingDecisionAnswered(accepted=False):
            command_id, command = event.command_id, event.decision
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
