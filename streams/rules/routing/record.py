"""The record of a decision: all it was made from, everything it weighed, and what came out."""

from __future__ import annotations

from datetime import time

from pydantic import AwareDatetime, Field, NonNegativeInt, PositiveInt

from schemas.event import Value
from schemas.intake import OrderLine, PlatformShipping
from schemas.place import Destination, Place
from schemas.quotes import LaneQuote
from schemas.routing import Candidate, Refusal, ShipmentLine
from schemas.units import Dong, Grams


class Origin(Value):
    """Where goods leave, and when people work there (ISO weekdays, Vietnam time)."""

    origin_id: str
    place: Place
    working_days: tuple[int, ...]
    cut_off: time


class CarrierRefusal(Value):
    """A carrier said no to a parcel of a shipment; the newest of a service counts."""

    shipment_id: str
    carrier: str
    service: str
    refused_at: AwareDatetime
    reason: str


class Inputs(Value):
    """All a decision is made from, the rule book apart.

    `moments`: as of when to decide; each later one is tried only if a shipment found no service
    before. `sequence`: the number of each origin's shipment, kept over versions of the order.
    `capacity_left`: parcels left in this partition's share, for every day that was looked at.
    `quotes`: by `schemas.quotes.Lane.key`, what carriers had quoted for the lanes it needs.
    """

    order_id: str
    based_on: int
    placed_at: AwareDatetime
    destination: Destination
    lines: tuple[OrderLine, ...] = Field(min_length=1)
    goods_vnd: Dong
    shipping_vnd: Dong
    cod_vnd: Dong
    fixed_carrier: str | None
    origins: tuple[Origin, ...]
    sequence: dict[str, PositiveInt]
    moments: tuple[AwareDatetime, ...] = Field(min_length=1)
    refused: tuple[CarrierRefusal, ...] = ()
    released_at: AwareDatetime | None = None
    capacity_left: dict[str, int] = Field(default_factory=dict)
    quotes: dict[str, LaneQuote] = Field(default_factory=dict)
    platform: PlatformShipping | None = None


class Ranked(Value):
    """A service that may carry a shipment, with what its rank depends on."""

    candidate: Candidate
    parcels: PositiveInt
    handover_by: AwareDatetime
    arrives_at: AwareDatetime
    deadline: AwareDatetime | None
    deadline_met: bool
    promise_met: bool


class ShipmentDecision(Value):
    """One origin's part of the order, its possible services best first, and who was refused.

    `origin` is None where the registry does not know it: nothing is possible then.
    `won_by`: the signal that decided for the first.
    """

    shipment_id: str
    origin_id: str
    origin: Place | None
    lines: tuple[ShipmentLine, ...]
    weight_g: Grams
    goods_vnd: Dong
    shipping_vnd: Dong
    cod_vnd: Dong
    ranked: tuple[Ranked, ...]
    refused: tuple[Refusal, ...]
    won_by: str | None


class Decision(Value):
    """A whole decision. Running it again from `inputs` under the same rule book gives the same.

    `chosen`: the index in `ranked` of each shipment's service after the carriers' refusals; None
    where nothing is left.
    """

    rule_book: str
    decided_at: AwareDatetime
    inputs: Inputs
    shipments: tuple[ShipmentDecision, ...]
    chosen: dict[str, NonNegativeInt | None]
