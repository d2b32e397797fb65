"""What a batch's decisions are made from beside the orders themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from schemas.place import Place, vietnam_date
from services.store.lane_quotes import NOTHING
from services.store.routing import read_origins
from services.store.routing_capacity import read_capacity_used
from streams.routing.capacity import DayCapacity
from streams.routing.prices import Prices, read_prices
from streams.rules.routing.record import Origin

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from schemas.intake import OrderContent, OrderLine
    from services.reference.rule_book import RuleBook
    from streams.routing.order import Order
    from streams.rules.routing.quotes import Quoting
    from streams.rules.routing.record import Decision, Inputs
    from streams.runtime.stage import Transaction


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Origins as the registry knows them, what is left of carriers' days, and their prices."""

    origins: Mapping[str, Origin]
    capacity: DayCapacity
    prices: Prices

    def origins_of(self, lines: Iterable[OrderLine]) -> Iterator[Origin]:
        """The origins the lines leave from, each once, as far as the registry knows them."""
        for origin_id in dict.fromkeys(line.origin_id for line in lines):
            if origin_id in self.origins:
                yield self.origins[origin_id]


async def read_surroundings(
    tx: Transaction,
    partition: int,
    book: RuleBook,
    anew: Sequence[Order],
    again: Sequence[tuple[Order, Decision]],
    *,
    quoting: Quoting,
) -> Surroundings:
    """Load what new contents and decisions that are looked at again need.

    `quoting`: carrier and api of the interfaces whose prices are asked for.
    """
    contents: list[OrderContent | Inputs] = [one.newest for one in anew if one.newest is not None]
    contents += [decision.inputs for _, decision in again]
    lines = [line for one in contents for line in one.lines]
    stored = await read_origins(tx, {line.origin_id for line in lines})
    origins = {
        one.origin_id: Origin(
            origin_id=one.origin_id,
            place=Place(province_code=one.province_code, ward_code=one.ward_code),
            working_days=tuple(one.working_days),
            cut_off=one.cut_off,
        )
        for one in stored.values()
    }
    if not contents:
        return Surroundings(origins, DayCapacity(book, {}), Prices({}, NOTHING))
    since = min(vietnam_date(one.placed_at) for one in contents)
    provinces = {origin.place.province_code for origin in origins.values()}
    used = await read_capacity_used(tx, partition, since, provinces)
    priced: list[OrderContent | Inputs] = [one.newest for one in anew if one.newest is not None]
    priced += [decision.inputs for order, decision in again if order.is_released]
    prices = await read_prices(tx, book, quoting, origins, priced)
    return Surroundings(origins, DayCapacity(book, used), prices)
