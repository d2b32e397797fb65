"""What a sandbox asks for carrying a parcel: invented, with VAT, the same whenever it is asked."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROUNDED_TO: Final = 500
NEAR: Final = 0.85
"""Of the usual price, within one province."""
SPREAD: Final = 40
"""How much dearer than usual the dearest lane is, in percent."""


@dataclass(frozen=True, slots=True)
class Product:
    """A service on the price list. `times`: the usual price; `hours` across the country."""

    code: str
    name: str
    times: float
    hours: int
    near_only: bool = False


@dataclass(frozen=True, slots=True)
class Offer:
    """A service on one lane."""

    product: Product
    price_vnd: int
    hours: int


@dataclass(frozen=True, slots=True)
class PriceList:
    """One carrier's products. `divisor`: cm³ per kg of volumetric weight."""

    carrier: str
    products: Sequence[Product]
    divisor: int

    def charged_g(self, weight_g: int, length_cm: int, width_cm: int, height_cm: int) -> int:
        """The greater of weight and volume."""
        return max(weight_g, -(-length_cm * width_cm * height_cm * 1000 // self.divisor))

    def offers(self, origin: str, destination: str, charged_g: int) -> Iterator[Offer]:
        """What is offered between two provinces, however they are called."""
        near = origin.casefold() == destination.casefold()
        lane = NEAR if near else 1 + self._far(origin, destination) / 100
        for product in self.products:
            if near or not product.near_only:
                price = freight_vnd(charged_g) * product.times * lane
                rounded = -(-int(price) // ROUNDED_TO) * ROUNDED_TO
                yield Offer(product, rounded, product.hours // 2 if near else product.hours)

    def price_vnd(self, service: str, origin: str, destination: str, charged_g: int) -> int:
        """What a service costs; one that is not on the list costs the usual price."""
        for offer in self.offers(origin, destination, charged_g):
            if offer.product.code == service:
                return offer.price_vnd
        return freight_vnd(charged_g)

    def _far(self, *lane: str) -> int:
        told = "|".join((self.carrier, *lane)).casefold().encode()
        return hashlib.sha256(told).digest()[0] * SPREAD // 255


def freight_vnd(weight_g: int) -> int:
    """The usual price: 16,500 for the first 500 g, 4,500 for every 500 g more."""
    return 16_500 + 4_500 * max(0, -(-(weight_g - 500) // 500))


VIETTELPOST: Final = PriceList(
    "viettelpost",
    (
        Product("VTK", "Tiết kiệm", 1.0, 96),
        Product("VCN", "Nhanh", 1.4, 48),
        Product("PTN", "Phát trong ngày", 1.8, 16, near_only=True),
        Product("VHT", "Hỏa tốc", 3.0, 24),
    ),
    divisor=5_000,
)
VNPOST: Final = PriceList(
    "vnpost",
    (
        Product("CTN009", "Tiêu chuẩn (TMĐT)", 1.0, 96),
        Product("ETN037", "Nhanh (TMĐT)", 1.4, 48),
        Product("ETN013", "Hỏa tốc", 3.0, 24),
    ),
    divisor=6_000,
)
GHTK: Final = PriceList(
    "ghtk",
    (Product("road", "Đường bộ", 1.0, 72), Product("fly", "Đường bay", 2.5, 36)),
    divisor=6_000,
)
GHN: Final = PriceList(
    "ghn", (Product("2", "Hàng nhẹ", 0.98, 60), Product("5", "Hàng nặng", 0.9, 96)), divisor=5_000
)
