"""What routing knows of one order, fact by fact; the same in whatever order facts come."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

import orjson

from schemas.intake import OrderAmended, OrderContent, OrderPlaced, OrderReleased
from services.store.routing import StoredRefusal
from streams.rules.routing.record import CarrierRefusal, Inputs

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from schemas.booking import BookingRefused
    from schemas.quotes import LaneQuote
    from services.store.routing import StoredOrder
    from streams.rules.routing.record import Decision, Origin
    from streams.runtime.stage import Record


class Taken(Enum):
    """What became of a fact."""

    APPLIED = auto()
    DUPLICATE = auto()
    PARKED = auto()


@dataclass(slots=True)
class Order:
    """One order while a batch is worked on.

    `newest`: content that came with this batch and is not decided for. `refusals`: the newest of
    each (shipment, carrier, service). The three flags: what this batch brought.
    """

    stored: StoredOrder
    cause: Record
    refusals: dict[tuple[str, str, str], StoredRefusal] = field(default_factory=dict)
    new_refusals: dict[tuple[str, str, str], StoredRefusal] = field(default_factory=dict)
    newest: OrderContent | None = None
    is_released: bool = False
    is_ended: bool = False
    is_touched: bool = False
    happened_at: datetime | None = None

    def take(self, event: object) -> Taken:
        """Take one fact in."""
        match event:
            case OrderPlaced():
                taken = self._place(event)
            case OrderAmended():
                taken = self._amend(event)
            case OrderReleased():
                taken = self._release(event)
            case _:
                raise TypeError(f"routing does not read {type(event).__name__}")
        return self._note(taken, event.occurred_at)

    def refuse(self, event: BookingRefused) -> Taken:
        """A carrier refused a parcel."""
        refusal = StoredRefusal(
            self.stored.order_id,
            event.shipment_id,
            event.carrier,
            event.service,
            event.occurred_at,
            event.reason,
        )
        key = refusal[1:4]
        known = self.refusals.get(key)
        if known is not None and known.refused_at >= refusal.refused_at:
            return Taken.DUPLICATE
        self.refusals[key] = self.new_refusals[key] = refusal
        return self._note(Taken.APPLIED, event.occurred_at)

    def end(self, occurred_at: datetime) -> Taken:
        """The order was cancelled."""
        if self.stored.cancelled:
            return Taken.DUPLICATE
        self.stored.cancelled = self.is_ended = True
        return self._note(Taken.APPLIED, occurred_at)

    @property
    def may_be_decided(self) -> bool:
        """There is content that is not decided for, and the order goes on."""
        return self.newest is not None and not self.stored.cancelled

    @property
    def is_decided(self) -> bool:
        """There is a decision, and the order goes on."""
        return self.stored.based_on > 0 and not self.stored.cancelled

    def carriers_refused(self) -> tuple[CarrierRefusal, ...]:
        """Every refusal, in the order of shipments and services."""
        return tuple(
            CarrierRefusal(
                shipment_id=one.shipment_id,
                carrier=one.carrier,
                service=one.service,
                refused_at=one.refused_at,
                reason=one.reason,
            )
            for _, one in sorted(self.refusals.items())
        )

    def inputs(
        self, content: OrderContent, origins: Iterable[Origin], quotes: dict[str, LaneQuote]
    ) -> Inputs:
        """What to decide from for this content; a release after it is a second chance."""
        moment = max(content.placed_at, content.occurred_at)
        released = self.stored.released_at
        return Inputs(
            order_id=content.order_id,
            based_on=content.version,
            placed_at=content.placed_at,
            destination=content.destination,
            lines=content.lines,
            goods_vnd=content.goods_vnd,
            shipping_vnd=content.shipping_vnd,
            cod_vnd=content.cod_vnd,
            fixed_carrier=content.fixed_carrier,
            platform=content.platform,
            origins=tuple(origins),
            sequence=self.sequence(),
            moments=(moment, released) if released and released > moment else (moment,),
            refused=self.carriers_refused(),
            released_at=released,
            quotes=quotes,
        )

    def second_inputs(
        self, decision: Decision, origins: Iterable[Origin], quotes: dict[str, LaneQuote]
    ) -> Inputs:
        """The inputs of an earlier decision, to be tried as of the release too."""
        released = self.stored.released_at
        moment = decision.inputs.moments[0]
        return decision.inputs.model_copy(
            update={
                "origins": tuple(origins),
                "moments": (moment, released) if released and released > moment else (moment,),
                "refused": self.carriers_refused(),
                "released_at": released,
                "capacity_left": {},
                "quotes": quotes,
            }
        )

    def sequence(self) -> dict[str, int]:
        """The number of each origin's shipment."""
        numbers: dict[str, int] = orjson.loads(self.stored.sequence)
        return numbers

    def _note(self, taken: Taken, occurred_at: datetime) -> Taken:
        if taken is not Taken.DUPLICATE:
            self.is_touched = True
            self.happened_at = max(self.happened_at or occurred_at, occurred_at)
        return taken

    def _place(self, event: OrderPlaced) -> Taken:
        """The order's first content, and after it the amendments that came before."""
        if self.stored.placed and event.version <= self.stored.content_version:
            return Taken.DUPLICATE
        self.stored.placed = True
        self.stored.seller_id, self.stored.channel = event.seller_id, event.channel.value
        self._content(event)
        for _, parked in sorted(self._parked().items()):
            self._content(OrderAmended.model_validate(parked))
        self.stored.parked = None
        return Taken.APPLIED

    def _amend(self, event: OrderAmended) -> Taken:
        """Shipments are numbered in the order of versions, so an amendment waits for the first."""
        parked = self._parked()
        if event.version <= self.stored.content_version or event.version in parked:
            return Taken.DUPLICATE
        if not self.stored.placed:
            waiting = {str(version): content for version, content in parked.items()}
            waiting[str(event.version)] = event.model_dump(mode="json")
            self.stored.parked = orjson.dumps(waiting).decode()
            return Taken.PARKED
        self._content(event)
        return Taken.APPLIED

    def _parked(self) -> dict[int, dict[str, Any]]:
        parked = orjson.loads(self.stored.parked or "{}")
        return {int(version): content for version, content in parked.items()}

    def _content(self, content: OrderContent) -> None:
        numbers = self.sequence()
        for line in content.lines:
            numbers.setdefault(line.origin_id, len(numbers) + 1)
        self.stored.sequence = orjson.dumps(numbers).decode()
        if content.version > self.stored.content_version:
            self.stored.content_version = content.version
            self.newest = content

    def _release(self, event: OrderReleased) -> Taken:
        """Only intake's release is a person's call to look again; others are no news here."""
        if event.stage != "intake":
            return Taken.APPLIED
        if event.version <= self.stored.released_version:
            return Taken.DUPLICATE
        self.stored.released_version = event.version
        self.stored.released_at = event.occurred_at
        self.is_released = True
        return Taken.APPLIED
