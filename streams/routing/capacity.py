"""What is left of carriers' days in one partition, while a batch gives some of it away."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from schemas.place import vietnam_date
from services.store.routing_shipments import Use
from streams.rules.routing.decision import standing
from streams.rules.routing.options import capacity_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date

    from services.reference.rule_book import RuleBook
    from services.store.routing_capacity import CapacityUse
    from streams.rules.routing.record import Decision


class DayCapacity:
    """Parcels left by `capacity_key`; `changes` are this batch's, to be stored."""

    def __init__(self, book: RuleBook, used: CapacityUse) -> None:
        self._book = book
        self._used: defaultdict[str, int] = defaultdict(int)
        for (day, province, carrier), parcels in used.items():
            self._used[capacity_key(carrier, province, day)] = parcels
        self.changes: defaultdict[tuple[date, str, str], int] = defaultdict(int)

    def __getitem__(self, key: str) -> int:
        """Parcels left of a day, never below 0."""
        carrier, province, _ = key.split("|")
        share = self._book.carriers[carrier].partition_share(province)
        return max(0, share - self._used[key])

    def free(self, uses: Iterable[Use]) -> None:
        """Give parcels back."""
        self._add(uses, -1)

    def take(self, uses: Iterable[Use]) -> None:
        """Give parcels away. More than is left, where goods are packed and a carrier refused."""
        self._add(uses, 1)

    def _add(self, uses: Iterable[Use], sign: int) -> None:
        for use in uses:
            parcels = sign * use.parcels
            self._used[capacity_key(use.carrier, use.province, use.day)] += parcels
            self.changes[use.day, use.province, use.carrier] += parcels


def uses_of(decision: Decision) -> Iterator[Use]:
    """What the shipments of a decision take of carriers' days."""
    inputs = decision.inputs
    for shipment in decision.shipments:
        left = standing(shipment, inputs.refused, inputs.released_at)
        if left and shipment.origin:
            first = left[0]
            yield Use(
                inputs.order_id,
                vietnam_date(first.handover_by),
                shipment.origin.province_code,
                first.candidate.carrier,
                first.parcels,
            )
