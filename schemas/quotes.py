"""Prices as carriers quote them, lane by lane."""

from __future__ import annotations

from typing import NamedTuple

from pydantic import AwareDatetime

from schemas.event import Value
from schemas.units import Dong, Grams, PositiveInt


class Lane(NamedTuple):
    """What a carrier is asked to price: a parcel of that charged weight between two provinces.

    `api`: the carrier's interface, empty for its first. Size is in the weight: carriers charge the
    greater of weight and volume.
    """

    carrier: str
    api: str
    origin: str
    destination: str
    weight_g: int
    with_cod: bool

    @property
    def key(self) -> str:
        """`viettelpost|partner_v2|68|01|1500|cod`."""
        paid = "cod" if self.with_cod else "paid"
        return "|".join((*self[:4], str(self.weight_g), paid))

    @classmethod
    def read(cls, key: str) -> Lane:
        """What `key` told. Raises ValueError for anything else."""
        carrier, api, origin, destination, weight, paid = key.split("|")
        return cls(carrier, api, origin, destination, int(weight), paid == "cod")


class QuotedService(Value):
    """One service of a lane. `price_vnd` with VAT; the others None where the carrier was silent."""

    price_vnd: Dong
    charged_weight_g: Grams | None = None
    transit_h: PositiveInt | None = None


class LaneQuote(Value):
    """A carrier's answer for a lane: what it offers there, by service code."""

    quoted_at: AwareDatetime
    services: dict[str, QuotedService]
