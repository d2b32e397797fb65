"""The place files as tables. Read every column as text: codes have leading zeros."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

UNITS: Final = {"phuong": "Phường ", "xa": "Xã ", "dac_khu": "Đặc khu "}
"""How each kind of commune is announced in its full name."""


@dataclass(frozen=True, slots=True)
class Ward:
    """A commune of the 34-province map: `Phường Cầu Giấy` is full, `Cầu Giấy` its name."""

    code: str
    full_name: str
    name: str
    province_code: str


@dataclass(frozen=True, slots=True)
class Region:
    """A socio-economic region (`RRD`) and the everyday third of the country (`north`)."""

    code: str
    macro: str


@dataclass(frozen=True, slots=True)
class PlaceTables:
    """Everything the files say. `old_*` are the 63 provinces; their values are codes of today."""

    provinces: Mapping[str, str]
    wards: Mapping[str, Ward]
    regions: Mapping[str, Region]
    old_codes: Mapping[str, frozenset[str]]
    old_names: Mapping[str, frozenset[str]]


def read_place_tables() -> PlaceTables:
    """Read the files of `services/reference/data`."""
    old = [
        (row["gso_code"], row["name_vi"], frozenset(row["all_new_codes"].split(";")))
        for row in _rows("provinces63_legacy_map.csv")
    ]
    return PlaceTables(
        provinces=MappingProxyType(
            {row["code"]: row["meaning_vi"] for row in _rows("provinces34.csv")}
        ),
        wards=MappingProxyType({row["code"]: _ward(row) for row in _rows("wards3321.csv")}),
        regions=MappingProxyType(
            {
                row["gso_code"]: Region(row["region_code"], row["macro_region"])
                for row in _rows("regions.csv")
                if row["vintage"] == "34"
            }
        ),
        old_codes=MappingProxyType({code: new for code, _, new in old}),
        old_names=MappingProxyType({name: new for _, name, new in old}),
    )


def _ward(row: dict[str, str]) -> Ward:
    full_name = row["meaning_vi"]
    name = full_name.removeprefix(UNITS[row["unit_type"]])
    return Ward(row["code"], full_name, name, row["province_code"])


def _rows(name: str) -> list[dict[str, str]]:
    source = files("services.reference.data").joinpath(name)
    with source.open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))
