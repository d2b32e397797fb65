"""Between booking's rows and what its rules work on."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import orjson

from schemas.booking import BookingOutcome
from schemas.intake import Channel
from services.store.booking import (
    CLOSE_TASKS,
    INSERT_EMPTY_ORDERS,
    LOCK_ORDERS,
    READ_ATTEMPTS,
    READ_PARCELS,
    READ_SHIPMENTS,
    STORE_ATTEMPTS,
    STORE_ORDERS,
    STORE_PARCELS,
    STORE_SHIPMENTS,
    STORE_TASKS,
    store,
)
from streams.rules.booking import Order, Parcel, Shipment
from streams.rules.booking_attempt import Attempt, State, Tracked

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import asyncpg

    from streams.runtime.stage import Transaction

LONG_AGO: Final = datetime(1, 1, 1, tzinfo=UTC)
PARCEL_COLUMNS: Final = tuple(f.name for f in fields(Parcel) if f.name != "attempts")
SHIPMENT_COLUMNS: Final = tuple(f.name for f in fields(Shipment))
ATTEMPT_COLUMNS: Final = tuple(f.name for f in fields(Attempt) if f.name != "decision_said")


async def load_orders(tx: Transaction, order_ids: Iterable[str]) -> dict[str, Order]:
    """Lock the orders, those never heard of included, and read all that is known of them."""
    ids = list(order_ids)
    await tx.execute(INSERT_EMPTY_ORDERS, ids)
    orders = {row["order_id"]: _order(row) for row in await tx.fetch(LOCK_ORDERS, ids)}
    for row in await tx.fetch(READ_SHIPMENTS, ids):
        shipment = Shipment(**_chosen(row, SHIPMENT_COLUMNS))
        orders[row["order_id"]].shipments[row["shipment_id"]] = shipment
    for row in await tx.fetch(READ_PARCELS, ids):
        orders[row["order_id"]].parcels[row["parcel_id"]] = _parcel(row)
    for row in await tx.fetch(READ_ATTEMPTS, ids):
        orders[row["order_id"]].parcels[row["parcel_id"]].attempts.append(_attempt(row))
    return orders


async def store_orders(tx: Transaction, orders: Sequence[Order], now: datetime) -> None:
    """Write all of them back, and the tasks that follow from them."""
    parcels = [(order, parcel) for order in orders for parcel in order.parcels.values()]
    attempts = [(o, p, attempt) for o, p in parcels for attempt in p.attempts]
    await store(tx, STORE_ORDERS, [_order_row(order) for order in orders])
    await store(tx, STORE_SHIPMENTS, [row for order in orders for row in _shipment_rows(order)])
    await store(tx, STORE_PARCELS, [_parcel_row(o, p) for o, p in parcels])
    await store(tx, STORE_ATTEMPTS, [_attempt_row(o, p, a) for o, p, a in attempts])
    tasks = [row for order, _parcel, attempt in attempts for row in _task_rows(order, attempt)]
    if tasks:
        encoded = orjson.dumps(tasks).decode()
        await tx.execute(STORE_TASKS, encoded, now)
        await tx.execute(CLOSE_TASKS, encoded, now)


def _chosen(row: asyncpg.Record, columns: Iterable[str]) -> dict[str, Any]:
    return {name: row[name] for name in columns}


def _order(row: asyncpg.Record) -> Order:
    return Order(
        order_id=row["order_id"],
        now=LONG_AGO,
        holds={stage: (at, held) for stage, (at, held) in orjson.loads(row["holds"]).items()},
        void_version=row["void_version"],
        void_why=row["void_why"],
        recall_version=row["recall_version"],
        recall_why=row["recall_why"],
        cancelled=row["cancelled"],
        routed_version=row["routed_version"],
        placed_at=row["placed_at"],
        packages=tuple(orjson.loads(row["packages"])),
        packages_version=row["packages_version"],
        packages_at=row["packages_at"],
        short=row["short"],
        short_version=row["short_version"],
        decided_version=row["decided_version"],
    )


def _parcel(row: asyncpg.Record) -> Parcel:
    return Parcel(**_chosen(row, PARCEL_COLUMNS) | {"channel": Channel(row["channel"])})


def _attempt(row: asyncpg.Record) -> Attempt:
    outcomes = {
        name: BookingOutcome(row[name]) if row[name] else None
        for name in ("book_outcome", "void_outcome", "return_outcome", "decision_outcome")
    }
    tracked = {"tracked": Tracked(row["tracked"]) if row["tracked"] else None}
    return Attempt(**_chosen(row, ATTEMPT_COLUMNS) | outcomes | tracked)


def _order_row(order: Order) -> dict[str, Any]:
    return {
        "order_id": order.order_id,
        "holds": order.holds,
        "held": order.held,
        "void_version": order.void_version,
        "void_why": order.void_why,
        "recall_version": order.recall_version,
        "recall_why": order.recall_why,
        "cancelled": order.cancelled,
        "routed_version": order.routed_version,
        "placed_at": order.placed_at,
        "packages": order.packages,
        "packages_version": order.packages_version,
        "packages_at": order.packages_at,
        "short": order.short,
        "short_version": order.short_version,
        "decided_version": order.decided_version,
    }


def _shipment_rows(order: Order) -> Iterable[dict[str, Any]]:
    for shipment_id, shipment in order.shipments.items():
        columns = {name: getattr(shipment, name) for name in SHIPMENT_COLUMNS}
        yield {"shipment_id": shipment_id, "order_id": order.order_id, **columns}


def _parcel_row(order: Order, parcel: Parcel) -> dict[str, Any]:
    columns = {name: getattr(parcel, name) for name in PARCEL_COLUMNS}
    return {"order_id": order.order_id, **columns}


def _attempt_row(order: Order, parcel: Parcel, attempt: Attempt) -> dict[str, Any]:
    columns = {name: getattr(attempt, name) for name in ATTEMPT_COLUMNS}
    return {
        **columns,
        "parcel_id": parcel.parcel_id,
        "shipment_id": parcel.shipment_id,
        "order_id": order.order_id,
        "seller_id": parcel.seller_id,
        "channel": parcel.channel,
        "state": attempt.state,
        "label": _label(parcel, attempt),
    }


def _label(parcel: Parcel, attempt: Attempt) -> dict[str, Any] | None:
    """What a label prints besides names and addresses, which stay in the vault."""
    if attempt.tracking_no is None:
        return None
    return {
        "tracking_no": attempt.tracking_no,
        "sort_code": attempt.sort_code,
        "carrier": attempt.carrier,
        "service": attempt.service,
        "reference": attempt.reference,
        "weight_g": parcel.weight_g,
        "cod_vnd": parcel.cod_vnd,
    }


def _task_rows(order: Order, attempt: Attempt) -> Iterable[dict[str, Any]]:
    """A person looks at what is unknown, and at a return the carrier would not arrange."""
    if attempt.book_outcome is BookingOutcome.UNKNOWN or attempt.book_version > 1:
        yield _task(order, attempt, "unknown_booking", is_open=attempt.state is State.UNKNOWN)
    if attempt.void_outcome is not None:
        unclear = attempt.void_outcome is BookingOutcome.UNKNOWN
        still = unclear and attempt.state is State.VOID_PENDING
        yield _task(order, attempt, "unknown_void", is_open=still)
        unasked = attempt.void_outcome is BookingOutcome.VOID_UNASKED
        by_hand = unasked and attempt.state is State.VOID_PENDING
        yield _task(order, attempt, "void_by_hand", is_open=by_hand)
    if attempt.return_outcome is not None:
        refused = attempt.return_outcome is not BookingOutcome.RETURN_ACCEPTED
        yield _task(order, attempt, "recall", is_open=refused)


def _task(order: Order, attempt: Attempt, kind: str, *, is_open: bool) -> dict[str, Any]:
    return {
        "reference": attempt.reference,
        "kind": kind,
        "order_id": order.order_id,
        "why": attempt.message or kind,
        "open": is_open,
    }
