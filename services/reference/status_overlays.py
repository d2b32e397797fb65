"""Later versions of carriers' status maps: rows that replace rows of the first, or add to them."""

from __future__ import annotations

import csv
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.resources.abc import Traversable

OVERLAY: Final = re.compile(r"([a-z]+)\.v([1-9][0-9]*)\.csv")
Row: TypeAlias = "dict[str, str]"


@dataclass(frozen=True, slots=True)
class Overlay:
    """One later version of a carrier's map; it stands on all versions before it."""

    carrier: str
    number: int
    rows: tuple[Row, ...]
    digest: str

    @property
    def version(self) -> str:
        """Its name: `v2`."""
        return f"v{self.number}"


def read_overlays(folder: Traversable) -> list[Overlay]:
    """Every later version, in order; a version's digest is of all it stands on."""
    if not folder.is_dir():
        return []
    found = [(match, file) for file in folder.iterdir() if (match := OVERLAY.fullmatch(file.name))]
    overlays: list[Overlay] = []
    below: dict[str, str] = {}
    for match, file in sorted(found, key=lambda one: (one[0][1], int(one[0][2]))):
        text = file.read_text(encoding="utf-8")
        below[match[1]] = digest_of(below.get(match[1], "") + text)
        rows = tuple(csv.DictReader(text.splitlines()))
        overlays.append(Overlay(match[1], int(match[2]), rows, below[match[1]][:8]))
    return overlays


def laid_over(rows: Sequence[Row], overlays: Sequence[Overlay]) -> tuple[Row, ...]:
    """The rows with those of the overlays in their place, new ones behind."""
    names = ("carrier", "api", "code", "reason_code")
    by_key = {tuple(row[name] for name in names): row for row in rows}
    for overlay in overlays:
        by_key |= {tuple(row[name] for name in names): row for row in overlay.rows}
    return tuple(by_key.values())


def digest_of(text: str) -> str:
    """SHA-256, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()
