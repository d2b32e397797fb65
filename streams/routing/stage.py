"""The stage: facts about orders in, decisions and their reasons out.

Per batch: lock the orders, load what was decided and refused, fold the facts into each order,
decide with pure rules, write everything in bulk.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from schemas.booking import BookingRefused
from schemas.catalogue import (
    BOOKING_REFUSED,
    ORDER_AMENDED,
    ORDER_CANCELLED,
    ORDER_PLACED,
    ORDER_RELEASED,
)
from schemas.event import next_version
from schemas.intake import OrderEvent
from schemas.status import OrderCancelled
from services.jobs.quoting import enqueue_lanes
from services.store.routing import (
    NewDecision,
    lock_orders,
    read_decisions,
    read_packed,
    read_refusals,
    store_decisions,
    store_orders,
    store_refusals,
)
from services.store.routing_capacity import add_capacity_used
from services.store.routing_shipments import cancel_shipments, read_uses, store_shipments
from streams.routing.capacity import uses_of
from streams.routing.order import Order, Taken
from streams.routing.surroundings import read_surroundings
from streams.routing.told import (
    is_complete,
    order_held,
    order_released,
    order_routed,
    shipment_rows,
)
from streams.rules.routing.decision import decide, pick_again
from streams.rules.routing.record import Decision
from streams.runtime.stage import Handled, Output

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from schemas.topics import Topic
    from services.reference.rule_book import RuleBook
    from services.store.routing_shipments import NewShipment, Use
    from streams.routing.surroundings import Surroundings
    from streams.rules.routing.quotes import Quoting
    from streams.runtime.stage import Batch, Message, Transaction


@dataclass(slots=True)
class Work:
    """The orders of a batch that something must be done for, in the order they came."""

    anew: list[Order]
    again: list[tuple[Order, Decision]]
    ended: list[Order]
    uses: Mapping[str, list[Use]]


@dataclass(slots=True)
class Made:
    """What a batch decided, ready to be stored and told."""

    decisions: list[NewDecision] = field(default_factory=list)
    shipments: list[NewShipment] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)


class Routing:
    """The stage. `book`: services, prices, times and limits.

    `quoting`: carrier and api of the interfaces whose own prices are asked for; none: the book's.
    """

    name: Final = "routing"
    inputs: tuple[Topic, ...] = (
        ORDER_PLACED,
        ORDER_AMENDED,
        ORDER_RELEASED,
        BOOKING_REFUSED,
        ORDER_CANCELLED,
    )

    def __init__(self, book: RuleBook, quoting: Quoting = frozenset()) -> None:
        self._book = book
        self._quoting = quoting

    async def handle(self, batch: Batch, tx: Transaction) -> Handled:
        """Fold, decide, store, tell."""
        handled = Handled()
        orders = await _folded(batch, tx, handled)
        touched = [order for order in orders if order.is_touched]
        work = await _work(tx, touched)
        made = Made(outputs=handled.outputs)
        if work.anew or work.again or work.ended:
            around = await read_surroundings(
                tx, batch.partition, self._book, work.anew, work.again, quoting=self._quoting
            )
            self._decide(work, around, made, batch.era)
            await add_capacity_used(tx, batch.partition, around.capacity.changes)
            await enqueue_lanes(tx, around.prices.missing)
        new_refusals = [one for order in touched for one in order.new_refusals.values()]
        await store_refusals(tx, new_refusals)
        await store_orders(tx, [order.stored for order in touched])
        await store_decisions(tx, made.decisions)
        await store_shipments(tx, made.shipments)
        await cancel_shipments(tx, [order.stored.order_id for order in work.ended])
        return handled

    def _decide(self, work: Work, around: Surroundings, made: Made, era: int) -> None:
        for order in work.ended:
            around.capacity.free(work.uses[order.stored.order_id])
        for order in work.anew:
            if order.newest is not None:
                around.capacity.free(work.uses[order.stored.order_id])
                origins = around.origins_of(order.newest.lines)
                quotes = around.prices.of(order.stored.order_id)
                inputs = order.inputs(order.newest, origins, quotes)
                decision = decide(inputs, self._book, around.capacity)
                around.capacity.take(uses_of(decision))
                order.stored.based_on = order.newest.version
                _tell(order, decision, made, era)
        for order, before in work.again:
            around.capacity.free(work.uses[order.stored.order_id])
            decision = self._look_again(order, before, around)
            around.capacity.take(uses_of(decision))
            if decision.chosen != before.chosen or (order.is_released and order.stored.held):
                _tell(order, decision, made, era)

    def _look_again(self, order: Order, before: Decision, around: Surroundings) -> Decision:
        """After refusals the next service stands; a release gives a shipment without any a chance.

        A new decision is made as of the release; else services keep their rank, so that the
        outcome does not depend on when a refusal arrived.
        """
        if order.is_released and not all(one.ranked for one in before.shipments):
            origins = around.origins_of(before.inputs.lines)
            inputs = order.second_inputs(before, origins, around.prices.of(order.stored.order_id))
            return decide(inputs, self._book, around.capacity)
        return pick_again(before, order.carriers_refused(), order.stored.released_at)


async def _folded(batch: Batch, tx: Transaction, handled: Handled) -> list[Order]:
    """The batch's orders, locked and loaded, with its facts taken in."""
    causes = {_event(message).order_id: message.record for message in batch.messages}
    stored = await lock_orders(tx, causes)
    orders = {key: Order(stored[key], cause) for key, cause in causes.items()}
    for refusal in await read_refusals(tx, list(orders)):
        orders[refusal.order_id].refusals[refusal[1:4]] = refusal
    for message in batch.messages:
        match _take(orders[_event(message).order_id], _event(message)):
            case Taken.DUPLICATE:
                handled.duplicate += 1
            case Taken.PARKED:
                handled.parked += 1
            case Taken.APPLIED:
                pass
    return list(orders.values())


def _take(order: Order, event: OrderEvent) -> Taken:
    match event:
        case BookingRefused():
            return order.refuse(event)
        case OrderCancelled():
            return order.end(event.occurred_at)
        case _:
            return order.take(event)


def _event(message: Message) -> OrderEvent:
    if not isinstance(message.event, OrderEvent):
        raise TypeError(f"{message.record.topic} does not carry order events")
    return message.event


async def _work(tx: Transaction, touched: Iterable[Order]) -> Work:
    """What must be done for which order. Content that comes after packing changes nothing."""
    touched = list(touched)
    changed = [x.stored.order_id for x in touched if x.may_be_decided and x.stored.based_on]
    packed = await read_packed(tx, changed)
    anew = [x for x in touched if x.may_be_decided and x.stored.order_id not in packed]
    new = {order.stored.order_id for order in anew}
    ended = [x for x in touched if x.is_ended and x.stored.based_on]
    again = [
        order
        for order in touched
        if order.is_decided
        and (order.is_released or order.new_refusals)
        and order.stored.order_id not in new
    ]
    records = await read_decisions(tx, [order.stored.order_id for order in again])
    decided = [order.stored.order_id for order in (*anew, *again, *ended) if order.stored.based_on]
    uses: defaultdict[str, list[Use]] = defaultdict(list)
    for use in await read_uses(tx, decided):
        uses[use.order_id].append(use)
    before = [
        (order, Decision.model_validate_json(records[order.stored.order_id])) for order in again
    ]
    return Work(anew, before, ended, uses)


def _tell(order: Order, decision: Decision, made: Made, era: int) -> None:
    """Add the decision, its rows and its events to what the batch made."""
    version = next_version(order.stored.version, era)
    order.stored.version = version
    record = decision.model_dump_json(exclude_defaults=True)
    made.decisions.append(NewDecision(order.stored.order_id, version, decision.rule_book, record))
    made.shipments.extend(shipment_rows(order, decision))
    if is_complete(decision):
        _output(made, order, order_routed(order, decision, version))
        if order.stored.held:
            order.stored.version = next_version(version, era)
            _output(made, order, order_released(order, decision, order.stored.version))
            order.stored.held = False
    else:
        order.stored.held = True
        _output(made, order, order_held(order, decision, version))


def _output(made: Made, order: Order, event: OrderEvent) -> None:
    made.outputs.append(Output(event, cause=order.cause))
