"""What a carrier's code means: facts/tracking_taxonomy.md section 5, as versioned data.

A code is never looked up without its api, and an unknown one is `unmapped`, never guessed.
"""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final, TypeAlias

from schemas.tracking import CodState, TrackingStatus

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable

FILES: Final = ("status_map.csv", "reasons.csv", "tracking_statuses.csv", "cod_map.csv")
IMPLIED: Final = "implied_by_settlement"
DELAYED: Final = "delivery_delayed"
Row: TypeAlias = "dict[str, str]"


class Attempt(StrEnum):
    """What a firm event says of delivery attempts (R7)."""

    FAILED = "failed"
    """The consignee was tried and not served: counted."""
    STARTED = "started"
    """A plain out-for-delivery: without a reason, with any detail but delivery_delayed."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """One code in our vocabulary. `rank` 0: `info` and `unmapped`, which never move a state.

    `cod` is what the code says of the money, if anything; `reason` also holds bare details.
    """

    status: TrackingStatus
    rank: int
    reason: str | None
    attributed_to: str
    finality: str
    cod: CodState | None
    provisional: bool
    implied: bool
    attempt: Attempt | None


class StatusMap:
    """The rows of the four files, immutable; `version` changes with any byte of them."""

    def __init__(self, tables: Mapping[str, list[Row]], version: str) -> None:
        self.version = version
        self.rows = tuple(tables["status_map.csv"])
        self.money = tuple(tables["cod_map.csv"])
        self._ranks = {
            row["status"]: int(row["rank"] or 0) for row in tables["tracking_statuses.csv"]
        }
        self._reasons = {row["reason"]: row for row in tables["reasons.csv"]}
        self._cod = {
            (row["carrier"], row["api"], row["code"]): CodState(row["cod_state"])
            for row in self.money
            if row["cod_state"] in set(CodState)
        }
        self._by_reason_code = {
            (row["carrier"], row["reason_code"]): row for row in self.rows if row["reason_code"]
        }
        self._of_parts = lru_cache(maxsize=4096)(self._meaning)
        self._by_code = {
            (row["carrier"], row["api"], row["code"], row["reason_code"]): self._of_row(row, row)
            for row in self.rows
        }
        self._unmapped = self._of_parts(TrackingStatus.UNMAPPED, None, "none", "no", None)

    def meaning(self, carrier: str, api: str, code: str, reason_code: str | None) -> Meaning:
        """What a normalised code means; `unmapped` if the code has no row.

        Where the pair of code and reason code has none, the code alone gives the status and any
        row of the carrier with that reason code the reason.
        """
        found = self._by_code.get((carrier, api, code, reason_code or ""))
        if found is not None:
            return found
        bare = self._by_code.get((carrier, api, code, ""))
        if bare is None:
            return self._unmapped
        named = self._by_reason_code.get((carrier, reason_code or ""))
        if named is None:
            return bare
        reason, attributed_to = named["reason"] or None, named["attributed_to"]
        return self._of_parts(bare.status, reason, attributed_to, bare.finality, bare.cod)

    def stored(
        self,
        status: str,
        reason: str | None,
        attributed_to: str,
        finality: str,
        cod: str | None,
    ) -> Meaning:
        """The meaning of an event of the log, as it was mapped when it came."""
        state = None if cod is None else CodState(cod)
        return self._of_parts(TrackingStatus(status), reason, attributed_to, finality, state)

    def attribution(self, reason: str) -> str:
        """Who a reason or a detail puts it down to."""
        return self._reasons[reason]["attributed_to"]

    def _of_row(self, row: Row, named: Row) -> Meaning:
        return self._of_parts(
            TrackingStatus(row["status"]),
            named["reason"] or None,
            named["attributed_to"],
            row["final"],
            self._cod.get((row["carrier"], row["api"], row["code"])),
        )

    def _meaning(
        self,
        status: TrackingStatus,
        reason: str | None,
        attributed_to: str,
        finality: str,
        cod: CodState | None,
    ) -> Meaning:
        provisional, implied = finality == "provisional", reason == IMPLIED
        return Meaning(
            status,
            self._ranks[status],
            reason,
            attributed_to,
            finality,
            cod,
            provisional,
            implied,
            None if provisional or implied else self._attempt(status, reason),
        )

    def _attempt(self, status: TrackingStatus, reason: str | None) -> Attempt | None:
        row = self._reasons.get(reason or "", {})
        counts = reason is None or row.get("counts_attempt") == "yes"
        if status is TrackingStatus.DELIVERY_FAILED:
            return Attempt.FAILED if counts else None
        if status is not TrackingStatus.OUT_FOR_DELIVERY:
            return None
        if reason is None or (row.get("kind") == "detail" and reason != DELAYED):
            return Attempt.STARTED
        return Attempt.FAILED if counts else None


def normalised(carrier: str, code: str) -> str:
    """A code as the map spells it: trimmed, without a leading plus, in the carrier's own case."""
    code = code.strip().removeprefix("+")
    if carrier == "ghn":
        return code.lower()
    return code.upper() if carrier == "upu" else code


def read_status_map(folder: Traversable | None = None) -> StatusMap:
    """Read the four files of `folder`, or those of the package."""
    folder = folder or files("services.reference") / "data"
    texts = {name: (folder / name).read_text(encoding="utf-8") for name in FILES}
    digest = hashlib.sha256("\0".join(texts[name] for name in FILES).encode()).hexdigest()
    tables = {name: list(csv.DictReader(text.splitlines())) for name, text in texts.items()}
    return StatusMap(tables, f"sm-{digest[:12]}")
