"""The COD ledger: double entry in whole đồng, every entry with its evidence.

Debits are positive, credits negative. Nothing is ever changed: where the facts say otherwise than
they did, what differs is entered on top.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

Account: TypeAlias = Literal[
    "buyer_receivable",
    "carrier_cash",
    "carrier_remitted",
    "programme_bank",
    "seller_payable",
    "carrier_fee",
    "return_fee",
    "compensation",
]
"""buyer_receivable: to be collected. carrier_cash: in the carrier's hands. carrier_remitted: paid by
the carrier's word and not received yet. programme_bank: received and not paid on. seller_payable:
owed to the seller. carrier_fee, return_fee: kept back by carriers. compensation: for lost goods."""

Key: TypeAlias = tuple[str, str]
"""What an entry is about: its kind and its evidence."""


class Entry(NamedTuple):
    """One entry. `postings` by account; they add up to nought.

    `evidence`: `event <key>`, `line <carrier>|<statement>|<line>`, `booked <reference>` or
    `decision <id>`.
    """

    kind: str
    evidence: str
    at: datetime
    postings: tuple[tuple[Account, int], ...]

    @property
    def key(self) -> Key:
        """What it is about."""
        return self.kind, self.evidence


@dataclass(slots=True)
class Journal:
    """Entries as they are made; one for each kind and evidence."""

    entries: dict[Key, Entry] = field(default_factory=dict)

    def move(
        self, kind: str, evidence: str, at: datetime, vnd: int, path: tuple[Account, Account]
    ) -> None:
        """Move an amount from one account to another."""
        source, target = path
        self.enter(kind, evidence, at, {target: vnd, source: -vnd})

    def enter(
        self, kind: str, evidence: str, at: datetime, postings: Mapping[Account, int]
    ) -> None:
        """Enter postings. Those that are nought say nothing; an entry of none is not made."""
        known = self.entries.get((kind, evidence))
        sums: dict[Account, int] = dict(known.postings) if known else {}
        for account, vnd in postings.items():
            sums[account] = sums.get(account, 0) + vnd
        kept = tuple(sorted((account, vnd) for account, vnd in sums.items() if vnd))
        if kept:
            self.entries[kind, evidence] = Entry(kind, evidence, at, kept)
        else:
            self.entries.pop((kind, evidence), None)


Balances: TypeAlias = "Mapping[Key, Mapping[str, int]]"
"""What stands in the books for each kind and evidence, by account."""


def missing(wanted: Iterable[Entry], written: Balances, now: datetime) -> list[Entry]:
    """What has to be entered on top of what is written so that the books say what they should.

    What should not stand there any more is entered again with its signs turned.
    """
    entries = {entry.key: entry for entry in wanted}
    made = []
    for key in [*entries, *(key for key in sorted(written) if key not in entries)]:
        entry, there = entries.get(key), written.get(key, {})
        sums: defaultdict[str, int] = defaultdict(int, dict(entry.postings) if entry else {})
        for account, vnd in there.items():
            sums[account] -= vnd
        left = tuple(sorted((account, vnd) for account, vnd in sums.items() if vnd))
        if left:
            made.append(Entry(*key, entry.at if entry else now, left))  # type: ignore[arg-type] # accounts
    return made


HOLDERS: Final[tuple[Account, ...]] = ("buyer_receivable", "carrier_cash", "carrier_remitted")
"""Where an expected amount is until somebody has received it."""
