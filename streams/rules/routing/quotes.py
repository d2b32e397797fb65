"""What carriers quoted for a shipment: which lanes it needs, and what they say of a service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from schemas.quotes import Lane
from streams.rules.pricing import charged_g, loads

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    from schemas.intake import OrderLine
    from schemas.quotes import LaneQuote
    from services.reference.rule_book import RuleBook, Service, Tariff
    from streams.rules.pricing import Load

    Quotes: TypeAlias = Mapping[Lane, LaneQuote]
    Quoting: TypeAlias = AbstractSet[tuple[str, str]]
    """Carrier and api of the interfaces whose prices are asked for."""


@dataclass(frozen=True, slots=True)
class Way:
    """From where to where a shipment goes, with or without cash at its end.

    Provinces; abroad the country, for which nobody is asked for prices.
    """

    origin: str
    destination: str
    with_cod: bool


@dataclass(frozen=True, slots=True)
class Freight:
    """What all parcels of a shipment cost by what the carrier quoted; the slowest one's hours."""

    price_vnd: int
    charged_weight_g: int
    transit_h: int | None
    quoted_at: datetime


@dataclass(frozen=True, slots=True)
class NotOffered:
    """The carrier named its services for the lane, and this is not among them."""

    quoted_at: datetime


def lanes_of(
    lines: Iterable[OrderLine],
    way: Way,
    book: RuleBook,
    quoting: Quoting,
    fixed_carrier: str | None = None,
) -> Iterator[str]:
    """The lanes a shipment is priced by."""
    lines = tuple(lines)
    zone = book.regions.zone(way.origin, way.destination)
    for service in book.services:
        tariff = zone and book.tariff_of.get((service.carrier, service.code, zone))
        if not tariff or fixed_carrier not in {None, service.carrier}:
            continue
        if (service.carrier, service.api) in quoting:
            planned = loads(lines, service, book.max_parcels)
            if len(planned) <= book.max_parcels:
                yield from {_lane(service, way, load, tariff).key for load in planned}


def quoted_freight(
    quotes: Quotes,
    service: Service,
    way: Way,
    planned: Sequence[Load],
    tariff: Tariff,
) -> Freight | NotOffered | None:
    """What the parcels cost by quotes; None unless there is one for each of them."""
    price = charged = hours = 0
    silent = False
    oldest: datetime | None = None
    for load in planned:
        lane = _lane(service, way, load, tariff)
        quote = quotes.get(lane)
        if quote is None:
            return None
        told = quote.services.get(service.code)
        if told is None:
            return NotOffered(quote.quoted_at)
        price += told.price_vnd
        charged += told.charged_weight_g or lane.weight_g
        silent = silent or told.transit_h is None
        hours = max(hours, told.transit_h or 0)
        oldest = min(oldest or quote.quoted_at, quote.quoted_at)
    return Freight(price, charged, None if silent else hours, oldest) if oldest else None


def by_lane(quotes: Mapping[str, LaneQuote]) -> Quotes:
    """Quotes by what was asked."""
    return {Lane.read(key): quote for key, quote in quotes.items()}


def _lane(service: Service, way: Way, load: Load, tariff: Tariff) -> Lane:
    weight = charged_g(load, service.divisor, tariff)
    return Lane(service.carrier, service.api, way.origin, way.destination, weight, way.with_cod)
