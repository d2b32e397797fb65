"""Communes to choose addresses from, read from the reference data."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Ward:
    """A commune of the 34-province map."""

    code: str
    name: str
    province_code: str
    province_name: str


@dataclass(frozen=True, slots=True)
class OldProvince:
    """One of the 63 provinces before July 2025 and the one it went into."""

    code: str
    name: str
    new_code: str


def read_rows(name: str) -> list[dict[str, str]]:
    """All rows of a reference CSV."""
    path = files("services.reference") / "data" / name
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read_wards() -> dict[str, list[Ward]]:
    """Communes by province code."""
    provinces = {row["code"]: row["meaning_vi"] for row in read_rows("provinces34.csv")}
    wards: dict[str, list[Ward]] = {code: [] for code in provinces}
    for row in read_rows("wards3321.csv"):
        province = row["province_code"]
        wards[province].append(Ward(row["code"], row["meaning_vi"], province, provinces[province]))
    return wards


def read_old_provinces() -> list[OldProvince]:
    """Old provinces that went into exactly one new one under another name."""
    return [
        OldProvince(row["gso_code"], row["name_vi"], row["new_gso_code"])
        for row in read_rows("provinces63_legacy_map.csv")
        if ";" not in row["all_new_codes"] and row["name_vi"] != row["new_name_vi"]
    ]
