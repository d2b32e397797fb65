"""GHN's numbers of districts in the sandbox: invented, one a province, for what is priced by number.

Its customers read the same from `sample/data/ghn_places.csv`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from services.reference.place_tables import read_place_tables
from services.sandbox.sample import FOLDER

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE: Final = FOLDER / "ghn_places.csv"
FIRST_DISTRICT: Final = 3001


def write_places(folder: Path, towns: Mapping[str, str]) -> None:
    """Write the customers' file: of every province (by name) the town that lanes are asked for."""
    rows = [
        f"{towns[name]},{district},MAU{towns[name]}\n" for district, name in districts().items()
    ]
    text = "ward_code,ghn_district_id,ghn_ward_code\n" + "".join(rows)
    (folder / FILE.name).write_text(text, "utf-8")


@lru_cache
def districts() -> dict[int, str]:
    """District id → the name of its province."""
    names = sorted(read_place_tables().provinces.items())
    return {FIRST_DISTRICT + n: name for n, (_, name) in enumerate(names)}


def province_of(district: object) -> str:
    """The province a district lies in; the number itself where there is no such district."""
    return districts().get(district, str(district)) if isinstance(district, int) else ""
