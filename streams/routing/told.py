"""A decision as others see it: events, and the rows of its shipments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter

from schemas.intake import Channel, Hold, HoldReason, OrderHeld, OrderLine, OrderReleased
from schemas.place import Place
from schemas.routing import Candidate, OrderRouted, Refusal, RoutedShipment
from services.store.routing_shipments import NewShipment
from streams.rules.routing.decision import standing

if TYPE_CHECKING:
    from datetime import datetime

    from streams.routing.order import Order
    from streams.rules.routing.record import Decision, Inputs, Ranked, ShipmentDecision

BY: Final = "routing"
LONGEST_DETAIL: Final = 1_000
LINES: Final = TypeAdapter(tuple[OrderLine, ...])
CANDIDATES: Final = TypeAdapter(tuple[Candidate, ...])


def is_complete(decision: Decision) -> bool:
    """Every shipment has a service."""
    return all(index is not None for index in decision.chosen.values())


def order_routed(order: Order, decision: Decision, version: int) -> OrderRouted:
    """The event of a complete decision."""
    inputs = decision.inputs
    return OrderRouted(
        version=version,
        occurred_at=_happened_at(order, decision),
        order_id=inputs.order_id,
        channel=Channel(order.stored.channel or ""),
        seller_id=order.stored.seller_id or "",
        based_on=inputs.based_on,
        destination=inputs.destination,
        shipments=tuple(_routed(inputs, one) for one in decision.shipments),
        rule_book=decision.rule_book,
        placed_at=inputs.placed_at,
    )


def order_held(order: Order, decision: Decision, version: int) -> OrderHeld:
    """The event of a decision that leaves a shipment without a service."""
    at = _happened_at(order, decision)
    holds = tuple(
        Hold(
            reason=HoldReason.NO_ELIGIBLE_CARRIER,
            detail=_detail(decision, one),
            by=BY,
            since=at,
        )
        for one in decision.shipments
        if decision.chosen[one.shipment_id] is None
    )
    return OrderHeld(
        version=version,
        occurred_at=at,
        order_id=decision.inputs.order_id,
        channel=Channel(order.stored.channel or ""),
        seller_id=order.stored.seller_id or "",
        placed_at=decision.inputs.placed_at,
        stage="routing",
        holds=holds,
    )


def order_released(order: Order, decision: Decision, version: int) -> OrderReleased:
    """The event that ends routing's own hold."""
    return OrderReleased(
        version=version,
        occurred_at=_happened_at(order, decision),
        order_id=decision.inputs.order_id,
        channel=Channel(order.stored.channel or ""),
        seller_id=order.stored.seller_id or "",
        stage="routing",
        by=BY,
        why="every shipment has a carrier",
    )


def shipment_rows(order: Order, decision: Decision) -> list[NewShipment]:
    """The rows of a decision's shipments. While one has no service, none may be packed."""
    state = "routed" if is_complete(decision) else "held"
    return [_row(order, decision.inputs, one, state) for one in decision.shipments]


def carrier_refusals(inputs: Inputs, shipment: ShipmentDecision) -> tuple[Refusal, ...]:
    """What carriers refused of a shipment, beside what the rules did."""
    return tuple(
        Refusal(
            carrier=one.carrier, service=one.service, rule="refused_by_carrier", reason=one.reason
        )
        for one in inputs.refused
        if one.shipment_id == shipment.shipment_id
    )


def _happened_at(order: Order, decision: Decision) -> datetime:
    return max(order.happened_at or decision.decided_at, decision.decided_at)


def _routed(inputs: Inputs, shipment: ShipmentDecision) -> RoutedShipment:
    first, *others = standing(shipment, inputs.refused, inputs.released_at)
    if shipment.origin is None:
        raise ValueError(f"{shipment.shipment_id} has a service but no origin")
    return RoutedShipment(
        shipment_id=shipment.shipment_id,
        origin_id=shipment.origin_id,
        origin=shipment.origin,
        lines=shipment.lines,
        weight_g=shipment.weight_g,
        goods_vnd=shipment.goods_vnd,
        shipping_vnd=shipment.shipping_vnd,
        cod_vnd=shipment.cod_vnd,
        chosen=first.candidate,
        fallbacks=tuple(one.candidate for one in others),
        refused=shipment.refused + carrier_refusals(inputs, shipment),
        handover_by=first.handover_by,
        promised_on=shipment.ranked[0].candidate.promised_on,
    )


def _row(order: Order, inputs: Inputs, shipment: ShipmentDecision, state: str) -> NewShipment:
    there = inputs.destination
    left = standing(shipment, inputs.refused, inputs.released_at)
    first: Ranked | None = left[0] if left else None
    promised = shipment.ranked[0].candidate.promised_on if shipment.ranked else None
    lines = tuple(line for line in inputs.lines if line.origin_id == shipment.origin_id)
    return NewShipment(
        shipment_id=shipment.shipment_id,
        order_id=inputs.order_id,
        seller_id=order.stored.seller_id or "",
        channel=order.stored.channel or "",
        placed_at=inputs.placed_at,
        origin_id=shipment.origin_id,
        origin_province=shipment.origin.province_code if shipment.origin else None,
        origin_ward=shipment.origin.ward_code if shipment.origin else None,
        destination_country=there.country,
        destination_province=there.province_code if isinstance(there, Place) else None,
        destination_ward=there.ward_code if isinstance(there, Place) else None,
        lines=LINES.dump_json(lines).decode(),
        weight_g=shipment.weight_g,
        goods_vnd=shipment.goods_vnd,
        shipping_vnd=shipment.shipping_vnd,
        cod_vnd=shipment.cod_vnd,
        carrier=first.candidate.carrier if first else None,
        service=first.candidate.service if first else None,
        chosen=first.candidate.model_dump_json() if first else None,
        fallbacks=CANDIDATES.dump_json(tuple(one.candidate for one in left[1:])).decode(),
        parcels=first.parcels if first else 0,
        promised_on=promised,
        handover_by=first.handover_by if first else None,
        based_on=inputs.based_on,
        state=state,
    )


def _detail(decision: Decision, shipment: ShipmentDecision) -> str:
    """Every refusal, service by service, as one sentence a seller can read."""
    said: dict[str, list[str]] = {}
    for one in shipment.refused + carrier_refusals(decision.inputs, shipment):
        said.setdefault(f"{one.carrier} {one.service}", []).append(one.reason)
    told = "; ".join(f"{service}: {', '.join(reasons)}" for service, reasons in said.items())
    number = shipment.shipment_id.rpartition("/")[2]
    return f"shipment {number} from {shipment.origin_id}: {told}"[:LONGEST_DETAIL]
