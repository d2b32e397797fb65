"""Tariff zones: how far apart two provinces are. Ours, from the six regions (`regions.csv`)."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

SINCE_2025: Final = "34"


class Zone(StrEnum):
    """Trade words without a formal definition; the rule is ours."""

    INTRA_PROVINCE = "intra_province"
    """Nội tỉnh: the same province."""
    INTRA_REGION = "intra_region"
    """Nội vùng: the same of the six regions."""
    NEAR_REGION = "near_region"
    """Cận vùng: another region of the same part of the country."""
    INTER_REGION = "inter_region"
    """Liên vùng: another part of the country."""


@dataclass(frozen=True, slots=True)
class Region:
    """One of six regions, in the north, the centre or the south."""

    code: str
    macro: str


@dataclass(frozen=True, slots=True)
class Regions:
    """The region of each of the 34 provinces, by GSO code."""

    by_province: Mapping[str, Region]

    def zone(self, origin: str, destination: str) -> Zone | None:
        """The zone between two provinces; None where one of them is not on the map."""
        here, there = self.by_province.get(origin), self.by_province.get(destination)
        if here is None or there is None:
            return None
        if origin == destination:
            return Zone.INTRA_PROVINCE
        if here.code == there.code:
            return Zone.INTRA_REGION
        return Zone.NEAR_REGION if here.macro == there.macro else Zone.INTER_REGION


@lru_cache
def vietnam_regions() -> Regions:
    """The map since July 2025."""
    text = (files("services.reference.data") / "regions.csv").read_text("utf-8")
    return Regions(
        {
            row["gso_code"]: Region(row["region_code"], row["macro_region"])
            for row in csv.DictReader(text.splitlines())
            if row["vintage"] == SINCE_2025
        }
    )
