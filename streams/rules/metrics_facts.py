"""What the figures need of an order: the newest version of every entity."""

from __future__ import annotations

from datetime import date

from pydantic import AwareDatetime, Field

from schemas.event import Value
from schemas.tracking import TrackingStatus


class LineFacts(Value):
    """What counts of an order line."""

    line_no: int
    quantity: int
    unit_price_vnd: int
    origin_id: str
    origin_province: str | None
    group: str
    star: int


class ContentFacts(Value):
    """What was ordered, as of a version."""

    version: int
    placed_at: AwareDatetime
    goods_vnd: int
    lines: tuple[LineFacts, ...]


class CancelFacts(Value):
    """That the order ended before delivery."""

    version: int
    at: AwareDatetime


class RoutedFacts(Value):
    """One shipment as the newest routing has it; `units` is (line number, quantity)."""

    origin_id: str
    origin_province: str
    carrier: str
    handover_by: AwareDatetime
    promised_on: date
    units: tuple[tuple[int, int], ...]


class RoutingFacts(Value):
    """The newest routing: shipments by id."""

    version: int
    shipments: dict[str, RoutedFacts]


class PackedFacts(Value):
    """A closed parcel; `units` is (line number, quantity)."""

    version: int
    at: AwareDatetime
    goods_vnd: int
    units: tuple[tuple[int, int], ...]


class BookedFacts(Value):
    """A booking a carrier accepted."""

    version: int
    parcel_id: str
    at: AwareDatetime
    carrier: str
    freight_vnd: int
    cod_vnd: int
    promised_on: date


class TrackedFacts(Value):
    """The tracking state of one booking; its times are firm ones."""

    version: int
    parcel_id: str
    carrier: str
    status: TrackingStatus
    firm: bool
    attempts: int
    postponed_by: str | None
    handed_over_at: AwareDatetime | None
    first_attempt_at: AwareDatetime | None
    delivered_at: AwareDatetime | None
    returned_at: AwareDatetime | None
    written_off_at: AwareDatetime | None


class CashFacts(Value):
    """Where the cash of one booking is, by the ledger; `remitted_at` is the last transfer."""

    version: int
    parcel_id: str
    collected_vnd: int
    remitted_vnd: int
    short_vnd: int
    remitted_at: AwareDatetime | None


class ManifestFacts(Value):
    """What a manifest says of the order: when each of its bookings was signed for."""

    version: int
    handed_over: dict[str, AwareDatetime]


class OrderFacts(Value):
    """Everything counted of one order.

    `routed_at` is when each shipment was first routed, by id; `packed` is by parcel; `booked`,
    `tracked`, `cash` and `voided` are by our booking reference, `manifests` by their numbers.
    """

    order_id: str
    content: ContentFacts | None = None
    held_at: AwareDatetime | None = None
    cancelled: CancelFacts | None = None
    routing: RoutingFacts | None = None
    routed_at: dict[str, AwareDatetime] = Field(default_factory=dict)
    packed: dict[str, PackedFacts] = Field(default_factory=dict)
    booked: dict[str, BookedFacts] = Field(default_factory=dict)
    tracked: dict[str, TrackedFacts] = Field(default_factory=dict)
    cash: dict[str, CashFacts] = Field(default_factory=dict)
    voided: frozenset[str] = frozenset()
    manifests: dict[str, ManifestFacts] = Field(default_factory=dict)
