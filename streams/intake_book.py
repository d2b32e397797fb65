"""What was loaded for a batch, and what follows from it alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, assert_never

from services.reference.exports import NO_EXPORTS, Exports
from streams.intake_reading import Content
from streams.rules import intake_fold as fold
from streams.rules.intake import Case, Verdict, judge, where_to

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.reference.places import Places
    from streams.intake_reading import Command
    from streams.intake_registry import Sellers
    from streams.intake_store import Named, Parked
    from streams.rules.intake_order import Cause, Order, Step
    from streams.rules.order_lines import Product


class Why(NamedTuple):
    """Why a record is dead."""

    code: str
    reason: str


CONFLICT: Final = Why(
    "conflicting_version", "This version of the order came before with other content."
)
UNKNOWN_SELLER: Final = Why("seller_unknown", "The registry has no such shop or seller.")
OTHER_SELLER: Final = Why(
    "seller_mismatch", "The payload names another seller than the one who sent it."
)
AMBIGUOUS: Final = Why(
    "ambiguous_order", "Several sellers have an order of this number and none is named."
)
UNKNOWN_ORDER: Final = Why("unknown_order", "The sender has no order with this id.")


@dataclass(frozen=True, slots=True)
class Book:
    """What was loaded. `settled`: (order id, command id); `packing`: begun orders, True if packed."""

    sellers: Sellers
    orders: Mapping[Named, dict[str, Order]]
    parked: list[Parked]
    products: Mapping[str, Mapping[str, Product]]
    settled: set[tuple[str, str]]
    packing: Mapping[str, bool]
    places: Places
    exports: Exports = NO_EXPORTS

    def seller(self, channel: str, ref: str | None, claim: str | None) -> str | Why:
        """Whose a payload is. On the direct API nobody speaks for somebody else."""
        seller = self.sellers.of(channel, ref, claim)
        if seller is None:
            return UNKNOWN_SELLER
        if claim and ref and self.sellers.find(channel, ref) != claim:
            return OTHER_SELLER
        return seller

    def judge(self, order: Order, waived: frozenset[str]) -> Verdict:
        """Run the checks on an order's content."""
        products = self.products.get(order.seller_id, {})
        where = where_to(order.wanted, self.places)
        case = Case(order.wanted, order.contact_problems, products, where, self.exports)
        return judge(case, waived)

    def has_begun(self, order: Order) -> bool:
        """Has a packing station taken the order?"""
        return order.order_id in self.packing


def obey(order: Order, command: Command, cause: Cause, book: Book) -> Step | fold.No:
    """Carry out a command, or say why not."""
    match command.kind:
        case "cancel":
            return fold.cancel(order, cause)
        case "hold":
            return fold.hold(order, cause)
        case "release":
            return fold.release(order, cause, book.judge)
        case "receive_back":
            packed = book.packing.get(order.order_id, False)
            return fold.receive_back(order, cause, command.parcels, packed=packed)
        case "redeliver" | "return":
            packed = book.packing.get(order.order_id, False)
            return fold.decide(order, cause, command.kind, command.parcel_id, packed=packed)
        case "amend":
            return _amend(order, command.content, cause, book)
        case _:
            assert_never(command.kind)


def _amend(
    order: Order, content: Content | fold.No | None, cause: Cause, book: Book
) -> Step | fold.No:
    if not isinstance(content, Content):
        return content or fold.OTHER_ORDER
    payload, begun = content.payload, book.has_begun(order)
    if payload.seller_ref and book.sellers.find(payload.channel, payload.seller_ref) != (
        order.seller_id
    ):
        return fold.OTHER_ORDER
    if order.wanted.platform is not None:
        # What the platform ships, it goes on shipping: a seller mends the rest.
        kept = {"platform": order.wanted.platform, "fixed_carrier": order.wanted.fixed_carrier}
        payload = payload.model_copy(update=kept)
    problems = content.contact_problems
    return fold.amend(order, payload, problems, cause, book.judge, packed=begun)
