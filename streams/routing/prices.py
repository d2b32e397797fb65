"""What carriers quoted for a batch's shipments, and the lanes nobody has asked them for yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from services.store.lane_quotes import NOTHING, read_quotes
from streams.rules.routing.decision import by_origin
from streams.rules.routing.quotes import Way, lanes_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from schemas.intake import OrderContent
    from schemas.quotes import LaneQuote
    from services.reference.rule_book import RuleBook
    from services.store.lane_quotes import Known
    from streams.rules.routing.quotes import Quoting
    from streams.rules.routing.record import Inputs, Origin
    from streams.runtime.stage import Transaction

    Content: TypeAlias = OrderContent | Inputs


@dataclass(frozen=True, slots=True)
class Prices:
    """`lanes`: what each order is priced by. `known`: what of it there is."""

    lanes: Mapping[str, frozenset[str]]
    known: Known

    def of(self, order_id: str) -> dict[str, LaneQuote]:
        """The quotes an order is decided with, in the order of their lanes."""
        quotes = self.known.quotes
        return {key: quotes[key] for key in sorted(self.lanes.get(order_id, ())) if key in quotes}

    @property
    def missing(self) -> frozenset[str]:
        """The lanes to ask for."""
        return frozenset().union(*self.lanes.values()) - self.known.asked


async def read_prices(
    tx: Transaction,
    book: RuleBook,
    quoting: Quoting,
    origins: Mapping[str, Origin],
    contents: Iterable[Content],
) -> Prices:
    """One question for all lanes of a batch; none where no carrier is asked for prices."""
    if not quoting:
        return Prices({}, NOTHING)
    lanes = {one.order_id: frozenset(_lanes(one, book, quoting, origins)) for one in contents}
    needed = frozenset().union(*lanes.values())
    return Prices(lanes, await read_quotes(tx, needed) if needed else NOTHING)


def _lanes(
    content: Content,
    book: RuleBook,
    quoting: Quoting,
    origins: Mapping[str, Origin],
) -> Iterable[str]:
    there = content.destination.area
    for origin_id, lines in by_origin(content.lines).items():
        origin = origins.get(origin_id)
        if origin is not None:
            way = Way(origin.place.province_code, there, content.cod_vnd > 0)
            yield from lanes_of(lines, way, book, quoting, content.fixed_carrier)
