"""What must be true of an order before anybody works on it: one small check a sentence.

A check yields what is wrong, in words a seller can act on. No personal data goes in or out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from schemas.intake import Handling, HoldReason, OcopGroup, OrderLine
from schemas.place import vietnam_date
from services.channels.contact import ContactProblem
from services.reference.places import Address, Located, Unlocated
from streams.rules.certificates import Certificate, ended_certificate, ocop_certificate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import date

    from schemas.place import Place
    from services.channels.neutral import Line, WantedOrder


@dataclass(frozen=True, slots=True)
class Product:
    """A row of the seller's registry with its certificates. Weight and sizes of one unit."""

    sku: str
    name: str
    origin_id: str
    origin_province: str
    group: OcopGroup
    weight_g: int | None = None
    length_cm: int | None = None
    width_cm: int | None = None
    height_cm: int | None = None
    handling: tuple[Handling, ...] = (Handling.DRY,)
    transit_tolerance_h: int | None = None
    prohibited: bool = False
    certificates: tuple[Certificate, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """Everything the checks look at. `products` are the seller's, by sku."""

    order: WantedOrder
    contact_problems: tuple[ContactProblem, ...]
    products: Mapping[str, Product]
    where: Located | Unlocated

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
    located: Located | None = None

    @property
    def place(self) -> Place | None:
        """The commune, where it was found."""
        return self.located.place if self.located else None


Check: TypeAlias = "Callable[[Case], Iterator[Problem]]"

WAIVABLE: Final = frozenset({HoldReason.CERTIFICATE_EXPIRED, HoldReason.AWAITING_PAYMENT})
"""What a release with a reason lets pass. Everything else is mended by an amendment."""

CONTACT_DETAILS: Final = {
    ContactProblem.NAME_MISSING: "The recipient's name is missing.",
    ContactProblem.NAME_MASKED: "The recipient's name is masked: no label can be written.",
    ContactProblem.STREET_MISSING: "The street or house is missing.",
    ContactProblem.COMMUNE_UNSURE: "The address is one line that may be of the old map: amend the "
    "order with the commune's code.",
    ContactProblem.STREET_MASKED: "The street is masked: no courier finds it.",
    ContactProblem.PHONE_MISSING: "The recipient's phone is missing.",
    ContactProblem.PHONE_MASKED: "The recipient's phone is masked: a courier cannot call it.",
    ContactProblem.PHONE_INVALID: "The recipient's phone is not a valid number.",
    ContactProblem.PHONE_NOT_A_PERSON: "The recipient's phone is neither mobile nor fixed line.",
}


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
        elif not _weight_g(line, product) and not _not_shippable(line, product):
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
    reaches_a_person,
    is_let_go_by_its_channel,
    adds_up,
    collects_what_is_due,
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
        order_line(line, product, case.day, ordinary=line.sku in ordinary)
        for line, product in case.known_lines()
    )
    return Verdict((), lines, case.where)


def order_line(line: Line, product: Product, day: date, *, ordinary: bool) -> OrderLine:
    """What the line says wins, the registry fills the rest; star and certificate are its alone."""
    certificate = None if ordinary else ocop_certificate(product.certificates, day)
    return OrderLine(
        line_no=line.line_no,
        sku=product.sku,
        name=line.name or product.name,
        quantity=line.quantity,
        unit_price_vnd=line.unit_price,
        weight_g=_weight_g(line, product),
        length_cm=product.length_cm,
        width_cm=product.width_cm,
        height_cm=product.height_cm,
        origin_id=product.origin_id,
        origin_province=product.origin_province,
        group=product.group,
        star=(certificate.star or 0) if certificate else 0,
        certificate_no=certificate.number if certificate else None,
        # A channel may add a hazard, never take one away.
        handling=tuple(dict.fromkeys((*product.handling, *line.handling))),
        lot=line.lot,
        best_before=line.best_before,
        transit_tolerance_h=product.transit_tolerance_h,
    )


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


def _weight_g(line: Line, product: Product) -> int:
    return line.weight_g or product.weight_g or 0
