"""The rule book: one versioned file with every carrier's services, limits, prices and times.

`data/rule_book.toml` is a sample: what the carriers do not publish is invented there and labelled.
"""

from __future__ import annotations

import csv
import tomllib
from datetime import time
from functools import cached_property, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from schemas.intake import Handling
from schemas.place import Abroad, CountryCode, ProvinceCode
from schemas.topics import PARTITIONS
from schemas.units import Dong, Grams, NonNegativeInt, PositiveInt
from services.errors import OperatorError
from services.reference.calendar import Calendar, Weekdays, vietnam_calendar
from services.reference.exports import NO_EXPORTS, CountryZone, Exports
from services.reference.zones import Regions, Zone, vietnam_regions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from importlib.resources.abc import Traversable

    from schemas.place import Destination, Place

Weekday = Annotated[int, Field(ge=1, le=7)]
SAMPLE_LABEL = "SAMPLE-NOT-A-REAL-PRICE"


class RuleBookInvalid(OperatorError):
    """The rule book cannot be used; the message names the file and every wrong entry."""


class Part(BaseModel):
    """A frozen part of the rule book; entries we do not know are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Tariff(Part):
    """What a service costs in a zone, and how many hours it takes. Prices in VND with VAT."""

    label: str
    carrier: str
    service: str
    service_name: str
    zone: Zone | CountryZone
    first_g: PositiveInt
    first_vnd: Dong
    step_g: PositiveInt
    step_vnd: Dong
    transit_h_from: PositiveInt
    transit_h_to: PositiveInt

    @property
    def source(self) -> Literal["sample", "quote"]:
        """Whether the price may be told to anybody as a price."""
        return "sample" if self.label == SAMPLE_LABEL else "quote"


class Service(Part):
    """One service of one carrier: what it takes, where, and until when on which days.

    `api`: the interface it is booked through, as the status map names it; empty: the carrier's
    first. A carrier has each service code once, whatever the interface.
    `divisor`: cm³ per kg of volumetric weight. `cut_off`: Vietnam time by which goods must be
    handed over that day. `max_wait_days`: most days from an order to its hand-over; None: any.
    `usual_gap_h`: hours without news that are usual; None: the carrier's.
    `countries`: those abroad it goes to. `numbered_as`: the S10 service indicator of the numbers we
    give its parcels ourselves; empty: its carrier numbers them.
    """

    carrier: str
    api: str = ""
    code: str
    name: str
    max_weight_g: PositiveInt
    max_side_cm: PositiveInt
    max_sides_sum_cm: PositiveInt
    divisor: PositiveInt
    cod_limit_vnd: Dong
    accepts: frozenset[Handling]
    not_covered: frozenset[ProvinceCode] = frozenset()
    cut_off: time
    working_days: frozenset[Weekday] = Field(min_length=1)
    max_wait_days: NonNegativeInt | None = None
    usual_gap_h: PositiveInt | None = None
    countries: frozenset[CountryCode] = frozenset()
    numbered_as: Annotated[str, Field(pattern=r"^([A-Z]{2})?$")] = ""

    @property
    def weekdays(self) -> Weekdays:
        """ISO numbers of the days it collects and delivers."""
        return self.working_days


class Carrier(Part):
    """What all services of a carrier share: parcels it collects a day in an origin province.

    `decision_h`: hours it waits for the seller's word on a parcel it could not deliver.
    """

    name: str
    daily_capacity: NonNegativeInt
    daily_capacity_in: dict[ProvinceCode, NonNegativeInt] = {}
    usual_gap_h: PositiveInt | None = None
    decision_h: PositiveInt = 24

    def partition_share(self, province: str) -> int:
        """The part of a day's capacity that one partition may use, so that none need ask another.

        Rounded up, so a small capacity may be passed by at most one parcel a partition.
        """
        capacity = self.daily_capacity_in.get(province, self.daily_capacity)
        return -(-capacity // PARTITIONS)


class Desk(Part):
    """How a seller works: when the day begins, and hours from an order to a closed parcel."""

    opens: time
    packing_h: NonNegativeInt


class Perishables(Part):
    """How long goods must still be good when they arrive at the latest."""

    min_remaining_life_days: NonNegativeInt


class PackingLimits(Part):
    """How far a measured weight may be from the catalogue's: the greater of both."""

    tolerance_percent: NonNegativeInt
    tolerance_g: Grams


class SilenceLimits(Part):
    """Hours between two events of a parcel that are usual; hours until a courier's word is firm."""

    usual_gap_h: PositiveInt = 48
    confirm_h: PositiveInt = 24


class RuleBook(Part):
    """Everything routing and packing are told from outside. `version` is kept with decisions."""

    version: str = Field(min_length=1)
    label: str
    holidays: str
    max_parcels: PositiveInt
    promise_days: dict[Zone | CountryZone, PositiveInt]
    exports: Exports = NO_EXPORTS
    desk: Desk
    perishables: Perishables
    packing: PackingLimits
    silence: SilenceLimits = SilenceLimits()
    carriers: dict[str, Carrier]
    services: tuple[Service, ...] = Field(min_length=1)
    tariffs: tuple[Tariff, ...]

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        """Every service has a carrier and a price somewhere, and nothing is there twice."""
        codes = [(service.carrier, service.code) for service in self.services]
        zones = [(row.carrier, row.service, row.zone) for row in self.tariffs]
        priced = {(carrier, service) for carrier, service, _ in zones}
        problems = [f"service {'/'.join(one)} is there twice" for one in repeated(codes)]
        problems += [f"tariff {'/'.join(one)} is there twice" for one in repeated(zones)]
        problems += [f"service {'/'.join(one)} has no tariff" for one in codes if one not in priced]
        problems += [
            f"service {carrier}/{code} has no [carriers.{carrier}]"
            for carrier, code in codes
            if carrier not in self.carriers
        ]
        needed = (*Zone, *sorted({country.zone for country in self.exports.countries.values()}))
        problems += [
            f"promise_days lacks {zone}" for zone in needed if zone not in self.promise_days
        ]
        problems += list(self._not_carried_abroad())
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _not_carried_abroad(self) -> Iterator[str]:
        """Countries that services name without rules for them, or without a price."""
        for service in self.services:
            for code in sorted(service.countries):
                country = self.exports.countries.get(code)
                name = f"{service.carrier}/{service.code}"
                if country is None:
                    yield f"service {name} goes to {code}, which has no [exports.countries.{code}]"
                elif (service.carrier, service.code, country.zone) not in self.tariff_of:
                    yield f"service {name} has no tariff for {code} ({country.zone})"

    def zone(self, here: Place, there: Destination) -> Zone | CountryZone | None:
        """What the price of the way goes by; None where we know no zone for it."""
        if isinstance(there, Abroad):
            country = self.exports.countries.get(there.country)
            return country.zone if country else None
        return self.regions.zone(here.province_code, there.province_code)

    def usual_gap_h(self, carrier: str, service: str) -> int:
        """Hours without news that are usual for a service: its own, its carrier's, or any."""
        for one in self.services:
            if (one.carrier, one.code) == (carrier, service) and one.usual_gap_h is not None:
                return one.usual_gap_h
        known = self.carriers.get(carrier)
        of_carrier = known.usual_gap_h if known else None
        return self.silence.usual_gap_h if of_carrier is None else of_carrier

    @cached_property
    def tariff_of(self) -> dict[tuple[str, str, Zone | CountryZone], Tariff]:
        """Tariffs by carrier, service and zone."""
        return {(row.carrier, row.service, row.zone): row for row in self.tariffs}

    @cached_property
    def calendar(self) -> Calendar:
        """The days off."""
        return vietnam_calendar(self.holidays)

    @property
    def regions(self) -> Regions:
        """Which region each province lies in."""
        return vietnam_regions()


def decision_hours(book: RuleBook) -> dict[str, int]:
    """How many hours each carrier waits for the seller's word."""
    return {name: carrier.decision_h for name, carrier in book.carriers.items()}


def repeated(keys: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The keys that occur more than once."""
    return sorted({key for key in keys if keys.count(key) > 1})


def read_rule_book(path: Path | Traversable) -> RuleBook:
    """Read a rule book; the tariffs it names lie beside it.

    Raises:
        RuleBookInvalid: it is not there, not TOML, or an entry is wrong.
    """
    try:
        told = tomllib.loads(path.read_text("utf-8"))
        names = told.pop("tariffs", [])
        folder = path.parent if isinstance(path, Path) else files("services.reference.data")
        tariffs = [row for name in names for row in read_tariff(folder / name)]
        return RuleBook.model_validate(told | {"tariffs": tariffs})
    except OSError as error:
        raise RuleBookInvalid(f"The rule book cannot be read: {error}.") from error
    except tomllib.TOMLDecodeError as error:
        raise RuleBookInvalid(f"{path.name} is not TOML: {error}.") from error
    except ValidationError as error:
        raise RuleBookInvalid(f"{path.name}: {told_of(error)}.") from error


def read_tariff(path: Path | Traversable) -> list[dict[str, str]]:
    """The rows of a tariff file as text; the rule book checks them."""
    text = path.read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


def told_of(error: ValidationError) -> str:
    """Every problem with the entry it stands in: `services.3.max_weight_g: …`."""
    return "; ".join(
        f"{'.'.join(map(str, one['loc'])) or 'rule book'}: {one['msg']}"
        for one in error.errors(include_url=False, include_input=False)
    )


@lru_cache
def sample_rule_book() -> RuleBook:
    """The rule book that ships with the package."""
    return read_rule_book(files("services.reference.data") / "rule_book.toml")
