"""Countries abroad that addresses are written for: names, and what their postcodes look like."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Country:
    """A country. `name` as it stands on a parcel; `postcode`: None where none is asked for."""

    code: str
    name: str
    name_vi: str
    postcode: re.Pattern[str] | None


def country_of(code: str) -> Country | None:
    """A country by ISO 3166-1 code; None: we know nothing of it but its code."""
    return _countries().get(code)


def country_name(code: str) -> str:
    """Its name on a parcel; the code stands for itself where we have none."""
    known = country_of(code)
    return known.name if known else code


@lru_cache
def _countries() -> dict[str, Country]:
    text = (files("services.reference.data") / "countries.csv").read_text("utf-8")
    return {row["code"]: _country(row) for row in csv.DictReader(text.splitlines())}


def _country(row: dict[str, str]) -> Country:
    postcode = re.compile(row["postcode"]) if row["postcode"] else None
    return Country(row["code"], row["name"], row["name_vi"], postcode)
