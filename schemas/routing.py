"""Routing: which carrier carries which shipment, and why."""

from datetime import date
from typing import ClassVar, Literal

from pydantic import AwareDatetime, Field

from schemas.event import Value
from schemas.intake import Channel, OrderEvent
from schemas.place import Destination, Place
from schemas.units import Dong, Grams, PositiveInt


class Candidate(Value):
    """A service that may carry the shipment.

    `tariff` says where the price comes from: the rule book's `sample` prices, its real ones
    (`quote`), or what the carrier `quoted` for the lane at `quoted_at`.
    `api`: the carrier's interface it is booked through; empty in older events: its first.
    `numbered_as`: the S10 service indicator under which we number its parcels; empty: the carrier
    numbers them.
    """

    carrier: str
    api: str = ""
    service: str
    zone: str
    charged_weight_g: Grams
    price_vnd: Dong
    tariff: Literal["sample", "quote", "quoted", "channel"]
    transit_h_from: PositiveInt
    transit_h_to: PositiveInt
    promised_on: date
    quoted_at: AwareDatetime | None = None
    numbered_as: str = ""


class Refusal(Value):
    """A service that may not carry the shipment: the rule that refused it and its sentence."""

    carrier: str
    service: str
    rule: str
    reason: str


class ShipmentLine(Value):
    """What of an order line ships from this origin."""

    line_no: PositiveInt
    quantity: PositiveInt


class RoutedShipment(Value):
    """One origin of one order and the service chosen for it; `fallbacks` in rank order.

    `cod_vnd` is this shipment's part of the order's amount; the parts add up to the last đồng.
    `promised_on` is the original promise, kept over re-routes.
    """

    shipment_id: str
    origin_id: str
    origin: Place
    lines: tuple[ShipmentLine, ...]
    weight_g: Grams
    goods_vnd: Dong
    shipping_vnd: Dong
    cod_vnd: Dong
    chosen: Candidate
    fallbacks: tuple[Candidate, ...]
    refused: tuple[Refusal, ...] = ()
    handover_by: AwareDatetime
    promised_on: date


class OrderRouted(OrderEvent):
    """Every shipment of the order with its service; replaces the order's earlier routing."""

    topic_name: ClassVar[str] = "order.routed.v1"

    channel: Channel
    seller_id: str
    based_on: int
    """The order version this decision was made for."""
    destination: Destination
    shipments: tuple[RoutedShipment, ...] = Field(min_length=1)
    rule_book: str
    placed_at: AwareDatetime | None = None
    """Of the order; None in older events."""
