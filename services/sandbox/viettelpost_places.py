"""Viettel Post's own numbers of provinces and communes. Invented: the real ones are not published."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from services.reference.place_tables import read_place_tables

FIRST_PROVINCE: Final = 901
FIRST_WARD: Final = 1_000_000


@lru_cache
def provinces() -> list[dict[str, Any]]:
    """`listProvinceNew`."""
    names = sorted(read_place_tables().provinces.items())
    return [
        {"PROVINCE_ID": FIRST_PROVINCE + n, "PROVINCE_CODE": f"T{code}", "PROVINCE_NAME": name}
        for n, (code, name) in enumerate(names)
    ]


@lru_cache
def wards() -> dict[str, list[dict[str, Any]]]:
    """`listWardsNew` by province id, as text."""
    tables = read_place_tables()
    ids = {code: FIRST_PROVINCE + n for n, code in enumerate(sorted(tables.provinces))}
    found: dict[str, list[dict[str, Any]]] = {str(number): [] for number in ids.values()}
    for ward in tables.wards.values():
        number = ids[ward.province_code]
        row = {"WARDS_ID": FIRST_WARD + int(ward.code), "WARDS_NAME": ward.full_name}
        found[str(number)].append(row | {"PROVINCE_ID": number})
    return found


def province_of(number: object, address: object) -> str:
    """The province a party lives in: by its id, else the last part of the address."""
    for row in provinces():
        if row["PROVINCE_ID"] == number:
            return str(row["PROVINCE_NAME"])
    return str(address or "").rpartition(",")[2].strip()
