"""GHN's own numbers of districts and communes, where somebody has written them down.

Its master data lists the 63 provinces of before July 2025; no table from today's communes to its
numbers is published, so the price calls, which take numbers only, need a file of ours.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

COLUMNS: Final = ("ward_code", "ghn_district_id", "ghn_ward_code")


@dataclass(frozen=True, slots=True)
class GhnPlace:
    """A commune as GHN numbers it: the district's id, the commune's code (text: `1A0710`)."""

    district_id: int
    ward_code: str


def read_places(path: str) -> Mapping[str, GhnPlace]:
    """GSO commune code (34-province map) → GHN's place, from a CSV with `COLUMNS`.

    Raises OSError, KeyError and ValueError: the file is the operator's, and read at the start.
    """
    if not path:
        return {}
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        return {
            row["ward_code"]: GhnPlace(int(row["ghn_district_id"]), row["ghn_ward_code"])
            for row in csv.DictReader(file)
        }
