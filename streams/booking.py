"""Booking: every packed parcel gets a carrier's number, one live attempt at a time.

The calls themselves are jobs, written in the batch's transaction and made by `ocop jobs`; their
answers come back as `booking.resulted`.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from typing import TYPE_CHECKING, Final, cast

from schemas.catalogue import (
    BOOKING_RESULTED,
    BOOKING_VOID_REQUESTED,
    DELIVERY_DECIDED,
    ORDER_CANCELLED,
    ORDER_HELD,
    ORDER_PACKAGES_NAMED,
    ORDER_RECALL_REQUESTED,
    ORDER_RELEASED,
    ORDER_ROUTED,
    PARCEL_PACKED,
    SHIPMENT_STATUS_CHANGED,
)
from schemas.tracking import ShipmentStatusChanged, TrackingStatus
from services.carriers.directory import name_of
from services.jobs.queue import CarrierJob, enqueue
from services.store.booking import READ_TRACKED, READ_WAITING_FOR_TRACKING
from services.store.s10_numbers import NumbersExhausted, number_for
from streams.booking_events import event_of
from streams.booking_rows import load_orders, store_orders
from streams.rules.booking import Order, Stands, advance
from streams.rules.booking_effects import Call
from streams.rules.booking_facts import Refusal, apply
from streams.runtime.stage import Dead, Handled, Output

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from schemas.intake import OrderEvent
    from schemas.topics import Topic
    from streams.runtime.stage import Batch, Message, Record, Transaction


class Booking:
    """The stage. Owns `booking.*`; writes into the queue of `jobs.*`."""

    name: Final = "booking"
    inputs: tuple[Topic, ...] = (
        PARCEL_PACKED,
        ORDER_ROUTED,
        ORDER_HELD,
        ORDER_RELEASED,
        ORDER_CANCELLED,
        BOOKING_RESULTED,
        BOOKING_VOID_REQUESTED,
        ORDER_RECALL_REQUESTED,
        DELIVERY_DECIDED,
        SHIPMENT_STATUS_CHANGED,
        ORDER_PACKAGES_NAMED,
    )

    async def handle(self, batch: Batch, tx: Transaction) -> Handled:
        """Note every fact, then do what the orders they belong to need now."""
        handled = Handled()
        messages = await _relevant(batch.messages, tx)
        if not messages:
            return handled
        orders = await load_orders(tx, {_about(message).order_id for message in messages})
        causes = _note(messages, orders, handled)
        await _look_at_tracking(tx, orders.values())
        jobs: list[CarrierJob] = []
        for order_id, cause in causes.items():
            for effect in advance(orders[order_id]):
                if isinstance(effect, Call):
                    await _number(tx, effect, batch.now)
                    jobs.append(_job(effect, orders[order_id].now))
                else:
                    event = event_of(orders[order_id], effect, batch.era)
                    handled.outputs.append(Output(event, cause))
        await store_orders(tx, [orders[order_id] for order_id in causes], batch.now)
        await enqueue(tx, jobs)
        return handled


async def _relevant(messages: Sequence[Message], tx: Transaction) -> list[Message]:
    """All but what tracking says of bookings that do not wait for it: most of what it says."""
    tracked = [m.event for m in messages if isinstance(m.event, ShipmentStatusChanged)]
    if not tracked:
        return list(messages)
    references = [event.reference for event in tracked]
    ended = [event.reference for event in tracked if event.status is TrackingStatus.CANCELLED]
    rows = await tx.fetch(READ_WAITING_FOR_TRACKING, references, ended)
    waiting = {row["reference"] for row in rows}
    return [
        message
        for message in messages
        if not isinstance(message.event, ShipmentStatusChanged)
        or message.event.reference in waiting
    ]


async def _look_at_tracking(tx: Transaction, orders: Iterable[Order]) -> None:
    """Load where the parcels of the orders stand that somebody has decided on."""
    asked = {order.order_id: order for order in orders if order.asked}
    if not asked:
        return
    standing: dict[str, dict[str, Stands]] = defaultdict(dict)
    for row in await tx.fetch(READ_TRACKED, list(asked)):
        status = TrackingStatus(row["status"] or TrackingStatus.CREATED)
        standing[row["order_id"]][row["reference"]] = Stands(status, row["since"])
    for order_id, order in asked.items():
        order.tracking = standing[order_id]


def _note(
    messages: Iterable[Message], orders: Mapping[str, Order], handled: Handled
) -> dict[str, Record]:
    """Note every fact; returns the newest record that changed something, an order."""
    causes: dict[str, Record] = {}
    for message in messages:
        order = orders[_about(message).order_id]
        match apply(order, _about(message)):
            case Refusal(code, reason):
                handled.dead.append(Dead(message.record, code, reason))
            case True:
                causes[order.order_id] = message.record
            case False:
                handled.duplicate += 1
    return causes


def _about(message: Message) -> OrderEvent:
    return cast("OrderEvent", message.event)


async def _number(tx: Transaction, call: Call, now: datetime) -> None:
    """Give an attempt that we number ourselves its number, in the transaction that makes it.

    Where no number is free the job waits for one: whoever opens a range lets it go on.
    """
    if call.kind == "book" and call.attempt.numbered_as:
        with suppress(NumbersExhausted):
            await number_for(tx, call.attempt.reference, call.attempt.numbered_as, now)


def _job(call: Call, asked_at: datetime) -> CarrierJob:
    if call.kind == "book":
        asked_at = call.attempt.requested_at
    attempt = call.attempt
    interface = name_of(attempt.carrier, attempt.api)
    return CarrierJob(interface, call.kind, attempt.reference, call.request, asked_at)
