"""What a carrier's code means: facts/tracking_taxonomy.md section 5, as versioned data.

A code is never looked up without its api, and an unknown one is `unmapped`, never guessed. v1 is
the file itself; a carrier's later versions are overlays on it (`data/status_map/CARRIER.vN.csv`):
rows that replace or add, each with the reason why.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from schemas.tracking import CodState, TrackingStatus
from services.reference.status_overlays import Overlay, digest_of, laid_over, read_overlays

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from importlib.resources.abc import Traversable

    from services.reference.status_overlays import Row

FILES: Final = ("status_map.csv", "reasons.csv", "tracking_statuses.csv", "cod_map.csv")
IMPLIED: Final = "implied_by_settlement"
DELAYED: Final = "delivery_delayed"
SHARED: Final = {"emsevt_v3": "upu"}
"""Vocabularies of no one carrier: api → whose rows say what its codes mean, whoever carries."""
FIRST: Final = "v1"
FINAL: Final = frozenset(
    {
        TrackingStatus.DELIVERED,
        TrackingStatus.RETURNED,
        TrackingStatus.WRITTEN_OFF,
        TrackingStatus.CANCELLED,
    }
)
CANONICAL_COD: Final = {
    TrackingStatus.DELIVERED: CodState.COLLECTED,
    TrackingStatus.RETURNED: CodState.VOID,
    TrackingStatus.WRITTEN_OFF: CodState.VOID,
    TrackingStatus.CANCELLED: CodState.VOID,
}
"""What a canonical status says of money that was to be collected."""


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


class UnknownVersion(LookupError):
    """There is no such version of this carrier's map here."""

    def __init__(self, carrier: str, version: str) -> None:
        super().__init__(f"the status map has no version {version} of {carrier}")


class StatusMap:
    """The rows of the four files, immutable; `version` changes with any byte of them.

    `overlays`: every later version there is, `active`: the one in use, by carrier.
    """

    def __init__(
        self,
        tables: Mapping[str, list[Row]],
        version: str,
        overlays: Sequence[Overlay] = (),
        active: Mapping[str, str] | None = None,
    ) -> None:
        self.version = version
        self.overlays = tuple(overlays)
        self._tables = tables
        self._active = dict(active or {})
        self._chosen: dict[tuple[tuple[str, str], ...], StatusMap] = {}
        laid = [one for one in overlays if one.number <= self._number(one.carrier)]
        self._marks = {one.carrier: f"{version}.{one.version}-{one.digest}" for one in laid}
        self.rows = laid_over(tables["status_map.csv"], laid)
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
        self._apis = {(row["carrier"], row["api"]) for row in self.rows}
        self._unmapped = self._of_parts(TrackingStatus.UNMAPPED, None, "none", "no", None)

    def at(self, active: Mapping[str, str]) -> StatusMap:
        """The map with these versions in use (carrier → `v2`); carriers not named have v1.

        Raises:
            UnknownVersion: no file of ours has it.
        """
        key = tuple(sorted(active.items()))
        found = self._chosen.get(key)
        if found is None:
            for carrier, version in key:
                if version not in self.versions(carrier):
                    raise UnknownVersion(carrier, version)
            found = StatusMap(self._tables, self.version, self.overlays, active)
            self._chosen[key] = found
        return found

    def versions(self, carrier: str) -> tuple[str, ...]:
        """Every version of a carrier's map, v1 first."""
        return (FIRST, *(one.version for one in self.overlays if one.carrier == carrier))

    def active(self, carrier: str) -> str:
        """The version a carrier's codes are read with."""
        return self._active.get(carrier, FIRST)

    def mark(self, carrier: str) -> str:
        """What an event keeps as its mapping version: it changes with any byte it depends on."""
        return self._marks.get(carrier, self.version)

    def touched(self, carrier: str) -> tuple[frozenset[str], frozenset[str]]:
        """The codes and the reason codes of which any version of this carrier says another thing."""
        rows = [row for one in self.overlays if one.carrier == carrier for row in one.rows]
        codes = frozenset(row["code"] for row in rows)
        return codes, frozenset(row["reason_code"] for row in rows) - {""}

    def _number(self, carrier: str) -> int:
        return int(self.active(carrier).removeprefix("v"))

    def meaning(self, carrier: str, api: str, code: str, reason_code: str | None) -> Meaning:
        """What a normalised code means; `unmapped` if the code has no row.

        Where the pair of code and reason code has none, the code alone gives the status and any
        row of the carrier with that reason code the reason.
        """
        carrier = SHARED.get(api, carrier)
        found = self._by_code.get((carrier, api, code, reason_code or ""))
        if found is not None:
            return found
        bare = self._by_code.get((carrier, api, code, ""))
        if bare is None:
            return (
                self._unmapped
                if (carrier, api) in self._apis
                else self._canonical(code, reason_code)
            )
        named = self._by_reason_code.get((carrier, reason_code or ""))
        if named is None:
            return bare
        reason, attributed_to = named["reason"] or None, named["attributed_to"]
        return self._of_parts(bare.status, reason, attributed_to, bare.finality, bare.cod)

    def _canonical(self, code: str, reason_code: str | None) -> Meaning:
        """A code of a partner without a map of its own: our words, or `unmapped`."""
        if code not in set(TrackingStatus) or code == TrackingStatus.UNMAPPED:
            return self._unmapped
        reason = reason_code if reason_code in self._reasons else None
        attributed_to = self.attribution(reason) if reason else "none"
        status = TrackingStatus(code)
        final = "yes" if status in FINAL else "no"
        return self._of_parts(status, reason, attributed_to, final, CANONICAL_COD.get(status))

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

    def knows(self, reason: str) -> bool:
        """Whether reasons.csv has this reason or detail."""
        return reason in self._reasons

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
    """Read the four files of `folder` and the later versions beside them, or those of the package."""
    folder = folder or files("services.reference") / "data"
    texts = {name: (folder / name).read_text(encoding="utf-8") for name in FILES}
    tables = {name: list(csv.DictReader(text.splitlines())) for name, text in texts.items()}
    digest = digest_of("\0".join(texts[name] for name in FILES))
    return StatusMap(tables, f"sm-{digest[:12]}", read_overlays(folder / "status_map"))
