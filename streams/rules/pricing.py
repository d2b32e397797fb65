"""What a shipment weighs in a carrier's eyes, and what that costs by a tariff."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from schemas.intake import OrderLine
    from services.reference.rule_book import Service, Tariff


@dataclass(frozen=True, slots=True)
class Load:
    """One parcel as planned: grams and cubic centimetres."""

    weight_g: int
    volume_cm3: int


def unit_volume_cm3(line: OrderLine) -> int:
    """The volume of one unit; 0 where its size is not known, so that its weight alone counts."""
    return (line.length_cm or 0) * (line.width_cm or 0) * (line.height_cm or 0)


def volumetric_g(volume_cm3: int, divisor: int) -> int:
    """Grams a volume counts for (divisor: cm³ per kg), rounded up."""
    return -(-volume_cm3 * 1000 // divisor)


def charged_g(load: Load, divisor: int, tariff: Tariff) -> int:
    """The greater of both weights, rounded up to the tariff's step."""
    greater = max(load.weight_g, volumetric_g(load.volume_cm3, divisor), 1)
    return -(-greater // tariff.step_g) * tariff.step_g


def price_vnd(weight_g: int, tariff: Tariff) -> int:
    """The freight of a charged weight."""
    steps = max(0, -(-(weight_g - tariff.first_g) // tariff.step_g))
    return tariff.first_vnd + steps * tariff.step_vnd


def loads(lines: Iterable[OrderLine], service: Service, most: int) -> tuple[Load, ...]:
    """The lines in as few parcels as one pass finds, none over the service's weight either way.

    Heavy units go first. A unit that alone is over the weight gets a parcel of its own. Counting
    ends one parcel after `most`: it is too many then, however many more.
    """
    packed: list[Load] = []
    room = Room(service)
    for line in sorted(lines, key=lambda line: -line.weight_g):
        left = line.quantity
        while left and len(packed) <= most:
            taken = room.take(line, left)
            left -= taken
            if not taken:
                packed.append(room.close())
    return (*packed, room.close()) if room.used else tuple(packed)


class Room:
    """An open parcel that is filled unit by unit."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._weight_g = 0
        self._volume_cm3 = 0
        self.used = False

    def take(self, line: OrderLine, units: int) -> int:
        """Put as many of the units in as fit; an empty parcel takes at least one."""
        volume = unit_volume_cm3(line)
        limit_cm3 = self._service.max_weight_g * self._service.divisor // 1000
        fit = min(
            units,
            _fitting(self._service.max_weight_g - self._weight_g, line.weight_g, units),
            _fitting(limit_cm3 - self._volume_cm3, volume, units),
        )
        taken = max(fit, 0 if self.used else 1)
        self._weight_g += taken * line.weight_g
        self._volume_cm3 += taken * volume
        self.used = self.used or taken > 0
        return taken

    def close(self) -> Load:
        """The parcel as it is; the next one is empty."""
        load = Load(self._weight_g, self._volume_cm3)
        self._weight_g = self._volume_cm3 = 0
        self.used = False
        return load


def _fitting(room: int, size: int, units: int) -> int:
    return units if size == 0 else room // size


def freight_vnd(planned: Sequence[Load], divisor: int, tariff: Tariff) -> tuple[int, int]:
    """Charged grams and freight of all parcels together."""
    weights = [charged_g(load, divisor, tariff) for load in planned]
    return sum(weights), sum(price_vnd(weight, tariff) for weight in weights)
