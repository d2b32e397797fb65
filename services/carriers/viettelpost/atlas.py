"""Viettel Post's own ids of places, fetched when first needed and kept.

Nobody publishes the ids of the 34 provinces; those of the 63 are in `provinces63_legacy_map.csv`
and stand in for a province that did not change its name. Field names of the v3 lists are taken to
be those of the v2 lists (facts/carriers.md 1.2): not confirmed.
"""

from __future__ import annotations

import asyncio
import csv
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, TypeAlias

from services.carriers.numbers import whole_number
from services.carriers.viettelpost import answers
from services.reference.names import folded, spelling

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from services.carriers.http import Answer
    from services.carriers.port import Locality, Party

    Names: TypeAlias = dict[tuple[str, ...], int]
    Ask: TypeAlias = Callable[[str, dict[str, str]], Awaitable[Answer]]

PREFIXES = ("Tỉnh ", "Thành phố ", "TP. ", "TP ")


@dataclass(frozen=True, slots=True)
class PlaceIds:
    """A commune by the carrier's ids."""

    province: int
    ward: int


class Atlas:
    """Finds ids by name. `ask` makes a GET with parameters; it may raise what a line raises."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._provinces: Names = {}
        self._wards: dict[int, Names] = {}
        self._lock = asyncio.Lock()

    async def find(self, place: Party | Locality) -> PlaceIds | None:
        """The commune's ids; None where the carrier's lists do not name it."""
        async with self._lock:
            if not self._provinces:
                answer = await self._ask("/v3/categories/listProvinceNew", {})
                self._provinces = read_names(answer.body, "PROVINCE")
            name = _province(place.province)
            province = self._provinces.get(name) or legacy_provinces().get(name)
            if province is None:
                return None
            if not self._wards.get(province):
                asked = {"provinceId": str(province)}
                answer = await self._ask("/v3/categories/listWardsNew", asked)
                self._wards[province] = read_names(answer.body, "WARDS")
        ward = self._wards[province].get(_plain(place.ward))
        return PlaceIds(province, ward) if ward is not None else None


def read_names(body: Any, kind: str) -> Names:
    """Ids by folded name from a list answer; rows that cannot be read are left out."""
    rows = body.get("data") if answers.succeeded(body) else body
    found: Names = {}
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict) and isinstance(row.get(f"{kind}_NAME"), str):
            number = whole_number(row.get(f"{kind}_ID"))
            name = row[f"{kind}_NAME"]
            if number is not None:
                found[_province(name) if kind == "PROVINCE" else _plain(name)] = number
    return found


@lru_cache
def legacy_provinces() -> Names:
    """Ids of the 63 provinces, for those whose name is still on the map."""
    text = (files("services.reference.data") / "provinces63_legacy_map.csv").read_text("utf-8")
    return {
        _plain(row["name_vi"]): int(row["vtp_province_id"])
        for row in csv.DictReader(text.splitlines())
        if row["name_vi"] == row["new_name_vi"] and row["vtp_province_id"]
    }


def _province(name: str) -> tuple[str, ...]:
    for prefix in PREFIXES:
        name = name.removeprefix(prefix)
    return _plain(name)


def _plain(name: str) -> tuple[str, ...]:
    return folded(spelling(name))
