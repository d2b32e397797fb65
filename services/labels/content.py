"""What a label says. Values only; parties hold personal data and have no representation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal

    from schemas.intake import Handling
    from services.carriers.port import Party


@dataclass(frozen=True, slots=True)
class CustomsItem:
    """Goods of one kind as customs wants them; `value` of all of them in `currency` (ISO 4217).

    `hs_code`: None where it is not known. `origin_country`: ISO 3166-1, two letters.
    """

    description: str
    quantity: int
    net_weight_g: int
    value: Decimal
    currency: str
    origin_country: str
    hs_code: str | None = None


@dataclass(frozen=True, slots=True)
class Customs:
    """A parcel that leaves the country: where to, what is in it, and what papers go with it."""

    destination_country: str
    items: tuple[CustomsItem, ...]
    papers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Label:
    """One parcel's label. Weights g, money VND.

    `parcel_no` of `parcel_count` in its shipment. `freight_is_sample`: the price comes from the
    labelled sample tariff. `sscc`: 18 digits, None without a company prefix of ours.
    """

    carrier: str
    service: str
    tracking_no: str
    reference: str
    parcel_id: str
    parcel_no: int
    parcel_count: int
    sender: Party
    recipient: Party
    weight_g: int
    pieces: int
    contents: str
    cod_vnd: int
    sort_code: str | None = None
    handling: tuple[Handling, ...] = ()
    freight_vnd: int | None = None
    freight_is_sample: bool = False
    sscc: str | None = None
    customs: Customs | None = field(default=None, repr=False)

    @property
    def scanned_as(self) -> str:
        """What the QR holds: our parcel id and the carrier's number, told apart by a bar."""
        return f"{self.parcel_id}|{self.tracking_no}"
