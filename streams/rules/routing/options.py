"""A shipment to be carried, and what carrying it with one service would mean."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from schemas.place import Abroad, vietnam_date
from schemas.routing import Candidate, Refusal
from services.reference.calendar import NoWorkingDay
from streams.rules.pricing import Load, freight_vnd, loads
from streams.rules.promise import arrival, end_of, hand_over_by, ready_at
from streams.rules.routing.quotes import Freight, NotOffered, Way, by_lane, quoted_freight

if TYPE_CHECKING:
    from datetime import date, datetime

    from schemas.intake import Handling, OrderLine
    from schemas.place import Destination
    from services.reference.exports import CountryZone
    from services.reference.rule_book import RuleBook, Service, Tariff
    from services.reference.zones import Zone
    from streams.rules.routing.decision import CapacityLeft
    from streams.rules.routing.quotes import Quotes
    from streams.rules.routing.record import Inputs, Origin

ONE_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Case:
    """One shipment to be carried. `moment`: when it is decided; `ready_at`: when it is packed.

    `ready_at` is None where nobody ever works at the origin. `handling`: classes of all goods.
    `quotes`: what carriers quoted for the order's lanes.
    """

    origin: Origin
    destination: Destination
    lines: tuple[OrderLine, ...]
    cod_vnd: int
    fixed_carrier: str | None
    moment: datetime
    ready_at: datetime | None
    handling: frozenset[Handling]
    way: Way
    quotes: Quotes


def make_case(
    inputs: Inputs,
    origin: Origin,
    lines: tuple[OrderLine, ...],
    cod_vnd: int,
    *,
    moment: datetime,
    book: RuleBook,
) -> Case:
    """The part of an order that leaves one origin, as of a moment."""
    weekdays = frozenset(origin.working_days)
    try:
        ready = ready_at(moment, origin.cut_off, weekdays, book.desk, book.calendar)
    except NoWorkingDay:
        ready = None
    return Case(
        origin=origin,
        destination=inputs.destination,
        lines=lines,
        cod_vnd=cod_vnd,
        fixed_carrier=inputs.fixed_carrier,
        moment=moment,
        ready_at=ready,
        handling=frozenset(one for line in lines for one in line.handling),
        way=Way(origin.place.province_code, inputs.destination.area, inputs.cod_vnd > 0),
        quotes=by_lane(inputs.quotes),
    )


@dataclass(frozen=True, slots=True)
class Option:
    """One service for one shipment, worked out. `deadline`: latest arrival of perishable goods."""

    service: Service
    zone: Zone | CountryZone
    tariff: Tariff
    loads: tuple[Load, ...]
    charged_weight_g: int
    price_vnd: int
    handover_by: datetime
    arrives_at: datetime
    promised_on: date
    deadline: datetime | None
    capacity_left: int
    transit_h: int
    quoted: Freight | None

    @property
    def candidate(self) -> Candidate:
        """The option as the world is told of it."""
        return Candidate(
            carrier=self.service.carrier,
            api=self.service.api,
            service=self.service.code,
            zone=str(self.zone),
            charged_weight_g=self.charged_weight_g,
            price_vnd=self.price_vnd,
            tariff="quoted" if self.quoted else self.tariff.source,
            transit_h_from=min(self.tariff.transit_h_from, self.transit_h),
            transit_h_to=self.transit_h,
            promised_on=self.promised_on,
            quoted_at=self.quoted.quoted_at if self.quoted else None,
            numbered_as=self.service.numbered_as,
        )


def capacity_key(carrier: str, province: str, day: date) -> str:
    """What a day's capacity is counted by: `vnpost|68|2026-10-05`."""
    return f"{carrier}|{province}|{day.isoformat()}"


def work_out(
    case: Case, service: Service, book: RuleBook, capacity_left: CapacityLeft
) -> Option | Refusal:
    """The service's option for the shipment, or why there can be none.

    `capacity_left`: parcels by `capacity_key`; it must know every key it is asked for.
    """
    here, there = case.origin.place.area, case.destination.area
    if isinstance(case.destination, Abroad) and there not in service.countries:
        return refusal(service, "country_not_served", f"it does not serve {there}")
    zone = book.zone(case.origin.place, case.destination)
    if zone is None:
        return refusal(service, "zone_unknown", f"no zone is known from {here} to {there}")
    tariff = book.tariff_of.get((service.carrier, service.code, zone))
    if tariff is None:
        return refusal(service, "zone_not_served", f"it does not serve {zone}")
    if case.ready_at is None:
        return refusal(service, "no_common_day", "nobody works at the origin")
    planned = loads(case.lines, service, book.max_parcels)
    quoted = quoted_freight(case.quotes, service, case.way, planned, tariff)
    if isinstance(quoted, NotOffered):
        return refusal(service, "not_offered", _not_offered(case.way, quoted))
    charged, price = freight_vnd(planned, service.divisor, tariff)
    hours = tariff.transit_h_to
    if quoted is not None:
        charged, price = quoted.charged_weight_g, quoted.price_vnd
        hours = quoted.transit_h or hours
    try:
        weekdays = frozenset(case.origin.working_days)
        handover = hand_over_by(case.ready_at, service, weekdays, book.calendar)
        arrives_at, promised_on = arrival(handover, hours, service.weekdays, book.calendar)
    except NoWorkingDay as error:
        return refusal(service, "no_common_day", str(error))
    return Option(
        service=service,
        zone=zone,
        tariff=tariff,
        loads=planned,
        charged_weight_g=charged,
        price_vnd=price,
        handover_by=handover,
        arrives_at=arrives_at,
        promised_on=promised_on,
        deadline=_deadline(case, handover, book),
        capacity_left=capacity_left[capacity_key(service.carrier, here, handover.date())],
        transit_h=hours,
        quoted=quoted,
    )


def _not_offered(way: Way, quoted: NotOffered) -> str:
    on = vietnam_date(quoted.quoted_at)
    return f"the carrier offers other services from {way.origin} to {way.destination} (asked {on})"


def refusal(service: Service, rule: str, reason: str) -> Refusal:
    """A "no" of one rule to one service."""
    return Refusal(carrier=service.carrier, service=service.code, rule=rule, reason=reason)


def _deadline(case: Case, handover: datetime, book: RuleBook) -> datetime | None:
    """The earlier of: enough life left on arrival; packed (for this hand-over) plus tolerance."""
    life = book.perishables.min_remaining_life_days * ONE_DAY
    latest = [end_of(line.best_before - life) for line in case.lines if line.best_before]
    latest += [
        handover + timedelta(hours=line.transit_tolerance_h)
        for line in case.lines
        if line.transit_tolerance_h
    ]
    return min(latest, default=None)
