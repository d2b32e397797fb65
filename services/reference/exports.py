"""The part of the rule book that says what may leave the country, and what a country lets in."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from schemas.intake import Handling
from schemas.place import CountryCode

CountryZone = Annotated[str, Field(pattern=r"^abroad_[a-z0-9_]{1,24}$")]
"""A group of countries with one price; the words are the rule book's own."""
HsHeading = Annotated[str, Field(pattern=r"^[0-9]{2,10}$")]
"""The first digits of HS codes."""


class Part(BaseModel):
    """A frozen part of the rule book; entries we do not know are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ExportCountry(Part):
    """A country that parcels may go to.

    `accepts`: classes of goods it lets in. `refused_hs`: headings it does not. `papers`: what must
    be with the parcel beside the data on its label.
    """

    zone: CountryZone
    accepts: frozenset[Handling]
    refused_hs: tuple[HsHeading, ...] = ()
    papers: tuple[str, ...] = ()


class Exports(Part):
    """`not_exported`: classes of goods that may not leave, wherever they go."""

    not_exported: frozenset[Handling] = frozenset()
    countries: dict[CountryCode, ExportCountry] = {}


NO_EXPORTS: Final = Exports()
"""Nothing goes abroad."""
