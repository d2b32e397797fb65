"""What a finished shipment must be: the right goods, fresh, certified, weighed and measured.

A refusal sends the station back to the table; a hold asks a person.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from schemas.intake import HoldReason
from streams.rules.shares import split

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from schemas.intake import OrderLine
    from schemas.packing import ReportedParcel
    from services.reference.rule_book import PackingLimits

OCOP: Final = "OCOP"
BLOCKING: Final = (OCOP, "ATVSTP")
"""The certificates goods may not be packed without, once they had them: OCOP and food safety."""

LONGEST_SIDE_CM: Final = 1_000
MOST_PARCELS: Final = 200
"""Parcel numbers go up to this; a shipment of more is a slip of the finger."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate of a product, valid through `expires_on` unless revoked before."""

    sku: str
    kind: str
    issued_on: date
    expires_on: date
    revoked_on: date | None

    def is_valid(self, day: date) -> bool:
        """Does it hold on that day?"""
        revoked = self.revoked_on is not None and self.revoked_on <= day
        return self.issued_on <= day <= self.expires_on and not revoked


@dataclass(frozen=True, slots=True)
class Finish:
    """A shipment that a station says is packed. Days are Vietnam's."""

    lines: tuple[OrderLine, ...]
    parcels: tuple[ReportedParcel, ...]
    ordered_on: date
    reported_on: date
    certificates: tuple[Certificate, ...]
    limits: PackingLimits


class Refused(NamedTuple):
    """Why a report is not accepted: a stable code and a sentence the station can act on."""

    code: str
    reason: str


class Problem(NamedTuple):
    """Why a person must decide."""

    reason: HoldReason
    detail: str


def nothing_packed(finish: Finish) -> str | None:
    """No parcel was reported."""
    return None if finish.parcels else "no parcel was reported"


def wrong_contents(finish: Finish) -> str | None:
    """A parcel holds a line that is not this shipment's."""
    known = {line.line_no for line in finish.lines}
    wrong = sorted(packed_units(finish).keys() - known)
    return f"line {wrong[0]} is not on the pack list" if wrong else None


def short_contents(finish: Finish) -> str | None:
    """Fewer units of a line than were ordered."""
    packed = packed_units(finish)
    for line in finish.lines:
        if packed[line.line_no] < line.quantity:
            return (
                f"line {line.line_no}: {packed[line.line_no]} of {line.quantity} units are packed"
            )
    return None


def over_contents(finish: Finish) -> str | None:
    """More units of a line than were ordered."""
    packed = packed_units(finish)
    for line in finish.lines:
        if packed[line.line_no] > line.quantity:
            return (
                f"line {line.line_no}: {packed[line.line_no]} units, {line.quantity} were ordered"
            )
    return None


def lot_expired(finish: Finish) -> str | None:
    """A lot's last day is over."""
    for parcel in finish.parcels:
        for item in parcel.contents:
            if item.best_before is not None and item.best_before < finish.reported_on:
                lot = f"lot {item.lot}" if item.lot else "the lot"
                return f"{lot} of line {item.line_no} was best before {item.best_before}"
    return None


def impossible_size(finish: Finish) -> str | None:
    """A side of a parcel is 0, or longer than a lorry."""
    for parcel in finish.parcels:
        sides = (parcel.length_cm, parcel.width_cm, parcel.height_cm)
        if min(sides) <= 0 or max(sides) > LONGEST_SIDE_CM:
            return f"parcel {parcel.parcel_no} measures {' × '.join(map(str, sides))} cm"
    return None


def impossible_weight(finish: Finish) -> str | None:
    """A parcel weighs nothing, or over double or under half of its goods (and the tolerance)."""
    for parcel in finish.parcels:
        expected, measured = expected_g(finish, parcel), parcel.weight_g
        is_off = abs(measured - expected) > tolerance_g(finish.limits, expected)
        if measured <= 0 or (is_off and not expected <= 2 * measured <= 4 * expected):
            return f"parcel {parcel.parcel_no} weighs {measured} g, its goods {expected} g"
    return None


def weight_mismatch(finish: Finish) -> str | None:
    """A parcel's weight is beyond the tolerance."""
    for parcel in finish.parcels:
        expected, measured = expected_g(finish, parcel), parcel.weight_g
        tolerance = tolerance_g(finish.limits, expected)
        if abs(measured - expected) > tolerance:
            return (
                f"parcel {parcel.parcel_no} weighs {measured} g, its goods {expected} g: "
                f"over {tolerance} g apart"
            )
    return None


def certificate_expired(finish: Finish) -> str | None:
    """A certificate that goods had when they were ordered holds no more."""
    for line in finish.lines:
        if lapsed := lapsed_kinds(finish, line):
            return f"line {line.line_no}: the {lapsed[0]} certificate of {line.sku} is not valid"
    return None


Rule: TypeAlias = Callable[[Finish], str | None]

REFUSALS: Final[tuple[Rule, ...]] = (
    nothing_packed,
    wrong_contents,
    short_contents,
    over_contents,
    lot_expired,
    impossible_size,
    impossible_weight,
)

HOLDS: Final[tuple[tuple[HoldReason, Rule], ...]] = (
    (HoldReason.WEIGHT_MISMATCH, weight_mismatch),
    (HoldReason.CERTIFICATE_EXPIRED, certificate_expired),
)


def refusal(finish: Finish) -> Refused | None:
    """The first reason to send the station back, its rule's name as code."""
    for rule in REFUSALS:
        if reason := rule(finish):
            return Refused(rule.__name__, reason)
    return None


def problems(finish: Finish) -> tuple[Problem, ...]:
    """Every reason to ask a person."""
    found = ((reason, rule(finish)) for reason, rule in HOLDS)
    return tuple(Problem(reason, detail) for reason, detail in found if detail)


def uncertified_lines(finish: Finish) -> tuple[int, ...]:
    """Lines that were OCOP goods when they were ordered and are ordinary goods now."""
    return tuple(line.line_no for line in finish.lines if OCOP in lapsed_kinds(finish, line))


def lapsed_kinds(finish: Finish, line: OrderLine) -> list[str]:
    """Blocking certificates the line's product had on the day of the order and has no more.

    What was missing then was intake's question, and a person answered it.
    """
    return [
        kind
        for kind in BLOCKING
        if _has(finish, line, kind, finish.ordered_on)
        and not _has(finish, line, kind, finish.reported_on)
    ]


def _has(finish: Finish, line: OrderLine, kind: str, day: date) -> bool:
    return any(
        one.is_valid(day) for one in finish.certificates if (one.sku, one.kind) == (line.sku, kind)
    )


def packed_units(finish: Finish) -> Counter[int]:
    """Units by line number, over all parcels."""
    counted: Counter[int] = Counter()
    for parcel in finish.parcels:
        for item in parcel.contents:
            counted[item.line_no] += item.quantity
    return counted


def expected_g(finish: Finish, parcel: ReportedParcel) -> int:
    """What the goods in a parcel weigh by the order, without packaging."""
    unit_g = {line.line_no: line.weight_g for line in finish.lines}
    return sum(unit_g.get(item.line_no, 0) * item.quantity for item in parcel.contents)


def tolerance_g(limits: PackingLimits, expected: int) -> int:
    """How far a measured weight may be off."""
    return max(limits.tolerance_g, expected * limits.tolerance_percent // 100)


class Money(NamedTuple):
    """A parcel's part of its shipment, in VND."""

    goods_vnd: int
    cod_vnd: int


def shares(
    lines: tuple[OrderLine, ...],
    parcels: tuple[ReportedParcel, ...],
    goods_vnd: int,
    cod_vnd: int,
) -> Iterator[Money]:
    """Goods and COD of each parcel, by the value of what is in it; the sums are the shipment's."""
    price = {line.line_no: line.unit_price_vnd for line in lines}
    values = [
        sum(price.get(item.line_no, 0) * item.quantity for item in parcel.contents)
        for parcel in parcels
    ]
    for goods, cod in zip(split(goods_vnd, values), split(cod_vnd, values), strict=True):
        yield Money(goods, cod)
