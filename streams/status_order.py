"""An order while status works on it: opened from its row, told to its seller, stored again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, cast

import orjson

from schemas.intake import Channel
from schemas.status import OrderStatusChanged, RefusedCommand
from services.store.status import NewOrder
from streams.rules.status.cancel import Decisions, no_decisions
from streams.rules.status.facts import Facts, no_facts

if TYPE_CHECKING:
    from services.store.status import Refusal, StoredOrder
    from streams.rules.status.standing import Standing
    from streams.runtime.stage import Record


@dataclass(slots=True)
class Order:
    """An order while a batch is worked on.

    `happened_at`: the newest time of what the batch brought; None while it brought nothing new.
    """

    stored: StoredOrder
    facts: Facts
    decisions: Decisions
    version: int
    cause: Record | None = None
    happened_at: datetime | None = None
    refusals: list[RefusedCommand] = field(default_factory=list)

    @property
    def order_id(self) -> str:
        """Its id."""
        return self.stored.order_id


def opened(stored: StoredOrder) -> Order:
    """A loaded row, ready to work on. Documents of older releases get the parts they lack."""
    facts = cast("Facts", {**no_facts(), **orjson.loads(stored.facts)})
    decisions = cast("Decisions", {**no_decisions(), **orjson.loads(stored.decisions)})
    return Order(stored, facts, decisions, stored.version)


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
        returns=visible.returns,
        tasks=visible.tasks,
        country=visible.country,
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
        closable=stands.closable,
    )
