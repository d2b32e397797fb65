"""A manifest, what may be asked of it, and every answer there is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from services.labels.desk import Missing

AT_MOST: Final = 1000
"""Parcels of a manifest: a van, not a ship."""


@dataclass(frozen=True, slots=True)
class Signatures:
    """Who signed. Personal data: sealed where it is kept, never in an event or a log."""

    seller: str = field(repr=False)
    courier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Opening:
    """What a seller asks for: these parcels, or (None) all that wait for the carrier there."""

    seller_id: str
    carrier: str
    origin_id: str
    parcels: Sequence[str] | None
    request_key: str


@dataclass(frozen=True, slots=True)
class Signing:
    """What was scanned, who signed for it, and when."""

    scanned: Sequence[str]
    signed: Signatures
    at: datetime


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest as it stands. `parcels`: rows with a standing; `row`: READ_MANIFEST's."""

    row: Any
    parcels: Sequence[Any]

    def standing(self, *wanted: str) -> list[Any]:
        """Its parcels of these standings."""
        return [one for one in self.parcels if one["standing"] in wanted]

    @property
    def on_it(self) -> list[Any]:
        """What goes, or went, with the courier."""
        return self.standing("listed", "handed_over")


@dataclass(frozen=True, slots=True)
class Refused:
    """It cannot be done; `missing` says why for each parcel."""

    code: str
    reason: str
    missing: tuple[Missing, ...] = ()


Answer: TypeAlias = Manifest | Refused
UNKNOWN: Final = Refused("manifest_unknown", "you have no manifest with this number")
RACED: Final = Refused(
    "on_manifest", "another manifest took one of the parcels just now; ask again"
)
FULL: Final = Refused("manifest_full", f"a manifest has {AT_MOST} parcels at most")
CLOSED: Final = Refused("manifest_closed", "the manifest is signed: nothing changes any more")
