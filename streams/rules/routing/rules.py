"""Why a service may not carry a shipment. Each rule is a sentence, or None where it has no objection."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

from schemas.place import Abroad, vietnam_date
from streams.rules.pricing import unit_volume_cm3, volumetric_g
from streams.rules.routing.options import refusal

if TYPE_CHECKING:
    from schemas.intake import OrderLine
    from schemas.routing import Refusal
    from services.reference.rule_book import RuleBook
    from streams.rules.routing.options import Case, Option


def other_carrier_fixed(case: Case, option: Option, _: RuleBook) -> str | None:
    """The channel or the seller chose the carrier already."""
    if case.fixed_carrier in {None, option.service.carrier}:
        return None
    return f"the order is fixed to {case.fixed_carrier}"


def not_covered(case: Case, option: Option, _: RuleBook) -> str | None:
    """The service does not go there, or does not collect here."""
    for place in (case.origin.place, case.destination):
        if place.area in option.service.not_covered:
            return f"province {place.area} is not covered"
    return None


def not_let_in(case: Case, _: Option, book: RuleBook) -> str | None:
    """Some goods may not leave, or are not let in where they go."""
    if not isinstance(case.destination, Abroad):
        return None
    there = book.exports.countries[case.destination.country]
    refused = sorted((case.handling & book.exports.not_exported) | (case.handling - there.accepts))
    return (
        f"{', '.join(refused)} goods may not go to {case.destination.country}" if refused else None
    )


def no_cash_abroad(case: Case, _: Option, __: RuleBook) -> str | None:
    """Nobody collects abroad."""
    if isinstance(case.destination, Abroad) and case.cod_vnd:
        return f"COD is not possible in {case.destination.country}"
    return None


def class_not_carried(case: Case, option: Option, _: RuleBook) -> str | None:
    """Some goods are of a class the service does not accept."""
    missing = sorted(case.handling - option.service.accepts)
    return f"{', '.join(missing)} goods are not carried" if missing else None


def too_heavy(case: Case, option: Option, _: RuleBook) -> str | None:
    """One unit alone is over the weight a parcel may have."""
    heaviest = max(line.weight_g for line in case.lines)
    limit = option.service.max_weight_g
    return f"a unit of {heaviest} g is over {limit} g" if heaviest > limit else None


def too_bulky(case: Case, option: Option, _: RuleBook) -> str | None:
    """One unit's volumetric weight alone is over the weight a parcel may have."""
    divisor, limit = option.service.divisor, option.service.max_weight_g
    bulkiest = max(volumetric_g(unit_volume_cm3(line), divisor) for line in case.lines)
    if bulkiest <= limit:
        return None
    return f"a unit counts as {bulkiest} g by volume (divisor {divisor}), over {limit} g"


def too_long(case: Case, option: Option, _: RuleBook) -> str | None:
    """One unit's longest side, or its three sides together, are over the limit."""
    service = option.service
    longest = max(max(sides(line)) for line in case.lines)
    together = max(sum(sides(line)) for line in case.lines)
    if longest > service.max_side_cm:
        return f"a side of {longest} cm is over {service.max_side_cm} cm"
    if together > service.max_sides_sum_cm:
        return f"sides of {together} cm together are over {service.max_sides_sum_cm} cm"
    return None


def too_many_parcels(_: Case, option: Option, book: RuleBook) -> str | None:
    """The shipment would need more parcels than one shipment may have."""
    most = book.max_parcels
    return f"it needs more than {most} parcels" if len(option.loads) > most else None


def cod_over_limit(case: Case, option: Option, _: RuleBook) -> str | None:
    """The carrier does not collect that much at the door."""
    limit = option.service.cod_limit_vnd
    return f"COD of {case.cod_vnd} VND is over {limit} VND" if case.cod_vnd > limit else None


def cut_off_passed(case: Case, option: Option, _: RuleBook) -> str | None:
    """Goods cannot be handed over as soon after the order as the service wants."""
    most = option.service.max_wait_days
    day = option.handover_by.date()
    waited = (day - vietnam_date(case.moment)).days
    if most is None or waited <= most:
        return None
    return f"its cut-off {option.service.cut_off:%H:%M} can be met on {day} only, {waited} days on"


def capacity_used(case: Case, option: Option, _: RuleBook) -> str | None:
    """The carrier's parcels of that day and province are given away."""
    needed, left = len(option.loads), option.capacity_left
    if needed <= left:
        return None
    day, province = option.handover_by.date(), case.origin.place.province_code
    return f"{left} parcels are left on {day} in province {province}, {needed} are needed"


def too_slow_for_perishables(_: Case, option: Option, __: RuleBook) -> str | None:
    """The slowest arrival is after the latest moment the goods stand."""
    if option.deadline is None or option.arrives_at <= option.deadline:
        return None
    return f"it may arrive at {option.arrives_at:%d/%m %H:%M}, goods stand until {option.deadline:%d/%m %H:%M}"


Rule: TypeAlias = Callable[["Case", "Option", "RuleBook"], str | None]

RULES: Final[tuple[Rule, ...]] = (
    other_carrier_fixed,
    not_covered,
    not_let_in,
    no_cash_abroad,
    class_not_carried,
    too_heavy,
    too_bulky,
    too_long,
    too_many_parcels,
    cod_over_limit,
    cut_off_passed,
    capacity_used,
    too_slow_for_perishables,
)


def refusals(case: Case, option: Option, book: RuleBook) -> tuple[Refusal, ...]:
    """Every rule's objection to the option; none means it may carry the shipment."""
    return tuple(
        refusal(option.service, rule.__name__, reason)
        for rule in RULES
        if (reason := rule(case, option, book)) is not None
    )


def sides(line: OrderLine) -> tuple[int, int, int]:
    """A unit's three sides in cm; 0 where one is not known."""
    return line.length_cm or 0, line.width_cm or 0, line.height_cm or 0
