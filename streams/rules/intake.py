"""What must be true of an order before anybody works on it: one small check a sentence.

A check yields what is wrong, in words a seller can act on. No personal data goes in or out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from schemas.intake import Handling, HoldReason, OcopGroup
from schemas.place import HOME, Abroad, vietnam_date
from services.channels.contact import ContactProblem
from services.reference.exports import NO_EXPORTS, Exports
from services.reference.places import Address, Located, Unlocated
from streams.rules.certificates import ended_certificate
from streams.rules.contact_words import CONTACT_DETAILS
from streams.rules.exports import missing_for_customs, not_accepted_abroad
from streams.rules.order_lines import order_line, weight_g

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import date

    from schemas.intake import OrderLine
    from schemas.place import Destination
    from services.channels.neutral import Line, WantedOrder
    from services.reference.places import Places
    from streams.rules.order_lines import Product


@dataclass(frozen=True, slots=True)
class Case:
    """Everything the checks look at. `products` are the seller's, by sku.

    `exports`: what may be sent abroad. `where`: of an order abroad the country, as it was given.
    """

    order: WantedOrder
    contact_problems: tuple[ContactProblem, ...]
    products: Mapping[str, Product]
    where: Located | Unlocated | Abroad
    exports: Exports = NO_EXPORTS

    @property
    def day(self) -> date:
        """Today, for the checks: the payload's own day in Vietnam, whenever it is looked at."""
        return vietnam_date(self.order.at)

    def known_lines(self) -> Iterator[tuple[Line, Product]]:
        """Lines with the product they name."""
        for line in self.order.lines:
            product = self.products.get(line.sku)
            if product is not None:
                yield line, product


@dataclass(frozen=True, slots=True)
class Problem:
    """A reason to wait. `subject` tells two problems of one reason apart."""

    reason: HoldReason
    detail: str
    subject: str = ""

    @property
    def name(self) -> str:
        """What a waiver is remembered by."""
        return f"{self.reason}:{self.subject}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the checks found. Without problems, `lines` and `located` are what may be placed."""

    problems: tuple[Problem, ...]
    lines: tuple[OrderLine, ...] = ()
    located: Located | Abroad | None = None

    @property
    def place(self) -> Destination | None:
        """The commune or the country, where it was found."""
        return self.located.place if isinstance(self.located, Located) else self.located

    @property
    def found_by(self) -> str | None:
        """How sure the place is."""
        return self.located.confidence if isinstance(self.located, Located) else None


Check: TypeAlias = "Callable[[Case], Iterator[Problem]]"

WAIVABLE: Final = frozenset({HoldReason.CERTIFICATE_EXPIRED, HoldReason.AWAITING_PAYMENT})
"""What a release with a reason lets pass. Everything else is mended by an amendment."""


def holds_what_no_post_carries(case: Case) -> Iterator[Problem]:
    """A service, a living animal and banned goods never travel."""
    for line, product in case.known_lines():
        why = _not_shippable(line, product)
        if why:
            detail = f"Line {line.line_no} ({line.sku}) {why}: take it out of the order."
            yield Problem(HoldReason.NOT_SHIPPABLE, detail, line.sku)


def _not_shippable(line: Line, product: Product) -> str | None:
    if product.group is OcopGroup.TOURISM:
        return "is a tourism service, never a parcel"
    if product.prohibited:
        return "is banned from carriage by post"
    if Handling.LIVE_ANIMAL in {*product.handling, *line.handling}:
        return "is a living animal, which no carrier takes"
    return None


def knows_every_product_and_weight(case: Case) -> Iterator[Problem]:
    """A line must name a product of its seller, and its weight must be known from somewhere."""
    for line in case.order.lines:
        product = case.products.get(line.sku)
        if product is None:
            detail = f"Line {line.line_no}: the seller has no product with the sku {line.sku}."
            yield Problem(HoldReason.PRODUCT_UNKNOWN, detail, line.sku)
        elif not weight_g(line, product) and not _not_shippable(line, product):
            detail = f"Line {line.line_no} ({line.sku}): no weight in the order or the registry."
            yield Problem(HoldReason.PRODUCT_UNKNOWN, detail, line.sku)


def sells_under_certificates_in_force(case: Case) -> Iterator[Problem]:
    """Goods whose certificate ended must not be sold as if it had not."""
    for line, product in case.known_lines():
        ended = ended_certificate(product.certificates, case.day)
        if ended:
            detail = (
                f"Line {line.line_no} ({line.sku}): {ended}. Renew it and amend, or release the "
                "order to ship this line as ordinary goods."
            )
            yield Problem(HoldReason.CERTIFICATE_EXPIRED, detail, line.sku)


def goes_to_one_commune(case: Case) -> Iterator[Problem]:
    """The address must fit one commune of today's map."""
    if isinstance(case.where, Unlocated):
        yield Problem(case.where.reason, case.where.detail, "commune")


def may_go_to_that_country(case: Case) -> Iterator[Problem]:
    """Some goods may not leave, some countries do not let them in, and to some nobody carries."""
    if not isinstance(case.where, Abroad):
        return
    country = case.where.country
    if country not in case.exports.countries:
        detail = f"No service carries to {country}: cancel the order, or amend its country."
        yield Problem(HoldReason.NOT_SHIPPABLE, detail, "country")
        return
    for line, product in case.known_lines():
        why = not_accepted_abroad(line, product, country, case.exports)
        if why:
            detail = f"Line {line.line_no} ({line.sku}) {why}: take it out of the order."
            yield Problem(HoldReason.NOT_SHIPPABLE, detail, line.sku)


def tells_customs_what_it_is(case: Case) -> Iterator[Problem]:
    """Goods abroad are declared in English and by their HS code."""
    if not isinstance(case.where, Abroad):
        return
    for line, product in case.known_lines():
        missing = missing_for_customs(line, product)
        if missing:
            detail = (
                f"Line {line.line_no} ({line.sku}): customs need its {' and '.join(missing)}. Write "
                "it into the registry's product and release, or amend the line."
            )
            yield Problem(HoldReason.PRODUCT_UNKNOWN, detail, line.sku)


def reaches_a_person(case: Case) -> Iterator[Problem]:
    """A courier needs a name, a door and a phone that somebody answers.

    Where the platform ships, it alone knows them: its label is used, and no carrier of ours asked.
    """
    for problem in case.contact_problems if case.order.platform is None else ():
        unsure = problem is ContactProblem.COMMUNE_UNSURE
        reason = HoldReason.ADDRESS_AMBIGUOUS if unsure else HoldReason.ADDRESS_INCORRECT
        yield Problem(reason, CONTACT_DETAILS[problem], problem)


def is_let_go_by_its_channel(case: Case) -> Iterator[Problem]:
    """What the channel itself holds is not worked on; its next word releases it."""
    if case.order.channel_hold:
        detail = f"{case.order.channel} holds the order ({case.order.channel_hold})."
        yield Problem(HoldReason.CHANNEL_HOLD, detail, "channel")


def adds_up(case: Case) -> Iterator[Problem]:
    """Lines, goods, shipping, discount and total must agree to the last đồng."""
    totals = case.order.totals
    goods = sum(line.quantity * line.unit_price for line in case.order.lines)
    if goods != totals.goods:
        detail = f"The lines come to {goods} VND, the order says {totals.goods} VND of goods."
        yield Problem(HoldReason.CHANNEL_HOLD, detail, "goods")
    total = totals.goods + totals.shipping - totals.discount
    if total != totals.grand_total:
        detail = f"Goods, shipping and discount come to {total} VND, not {totals.grand_total} VND."
        yield Problem(HoldReason.CHANNEL_HOLD, detail, "total")


def collects_what_is_due(case: Case) -> Iterator[Problem]:
    """Cash on delivery is between 1 VND and the total; a paid order collects nothing."""
    payment, total = case.order.payment, case.order.totals.grand_total
    if payment.method == "cod" and not 0 < payment.cod_amount <= total:
        detail = f"COD must be between 1 and {total} VND, the order says {payment.cod_amount} VND."
        yield Problem(HoldReason.CHANNEL_HOLD, detail, "cod")
    if payment.method != "cod" and payment.cod_amount:
        detail = f"The order is prepaid and yet collects {payment.cod_amount} VND."
        yield Problem(HoldReason.CHANNEL_HOLD, detail, "cod")


def collects_nothing_abroad(case: Case) -> Iterator[Problem]:
    """No post office abroad collects for us."""
    if isinstance(case.where, Abroad) and case.order.payment.cod_amount:
        detail = (
            f"Cash on delivery is not possible in {case.where.country}: amend the order once the "
            "buyer has paid."
        )
        yield Problem(HoldReason.CHANNEL_HOLD, detail, "cod_abroad")


def is_paid_or_collects(case: Case) -> Iterator[Problem]:
    """What is not collected at the door must have been paid."""
    payment = case.order.payment
    if payment.method != "cod" and payment.paid is False:
        detail = "The buyer has not paid yet: amend when paid, or release with a reason."
        yield Problem(HoldReason.AWAITING_PAYMENT, detail)


CHECKS: Final[tuple[Check, ...]] = (
    holds_what_no_post_carries,
    knows_every_product_and_weight,
    sells_under_certificates_in_force,
    goes_to_one_commune,
    may_go_to_that_country,
    tells_customs_what_it_is,
    reaches_a_person,
    is_let_go_by_its_channel,
    adds_up,
    collects_what_is_due,
    collects_nothing_abroad,
    is_paid_or_collects,
)


def judge(case: Case, waived: frozenset[str] = frozenset()) -> Verdict:
    """Run every check; `waived` problems pass, and what had ended ships as ordinary goods."""
    found = tuple(problem for check in CHECKS for problem in check(case))
    problems = tuple(problem for problem in found if problem.name not in waived)
    if problems or isinstance(case.where, Unlocated):
        return Verdict(problems)
    ordinary = {one.subject for one in found if one.reason is HoldReason.CERTIFICATE_EXPIRED}
    lines = tuple(
        order_line(
            line,
            product,
            case.day,
            ordinary=line.sku in ordinary,
            declared=isinstance(case.where, Abroad),
        )
        for line, product in case.known_lines()
    )
    return Verdict((), lines, case.where)


def where_to(order: WantedOrder, places: Places) -> Located | Unlocated | Abroad:
    """The commune an order goes to; of one abroad the country, which has none."""
    if order.ship_to.country != HOME:
        return Abroad(country=order.ship_to.country)
    return places.locate(address_of(order))


def address_of(order: WantedOrder) -> Address:
    """What the order says of its commune."""
    given = order.ship_to
    return Address(
        province_code=given.province_code,
        province_name=given.province_name,
        ward_code=given.ward_code,
        ward_name=given.ward_name,
        vintage=given.vintage,
    )
