"""How units and whoever fetches for them talk: fetches one way, wishes the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.runtime.stage import Record


@dataclass(frozen=True, slots=True)
class Fetched:
    """Records of one topic partition as one fetch brought them; never empty.

    `seek_no` is the number of the seek they were read after: others are stale.
    """

    records: Sequence[Record]
    seek_no: int

    @property
    def topic(self) -> str:
        """The topic of all its records."""
        return self.records[0].topic

    @property
    def ends(self) -> int:
        """The offset after its last record."""
        return self.records[-1].offset + 1


class Reader(Protocol):
    """Who fetches. Wishes are carried out between two fetches; none of them waits."""

    @property
    def alive_at(self) -> float:
        """When its loop last went round (monotonic seconds)."""

    def read_from(self, topic: str, partition: int, offset: int) -> int:
        """Seek, and fetch from now on. Returns the seek's number."""

    def pause(self, topic: str, partition: int) -> None:
        """Stop fetching; what is on its way still comes."""

    def resume(self, topic: str, partition: int) -> None:
        """Fetch again, from where it stopped."""

    def settled(self, topic: str, partition: int, next_offset: int) -> None:
        """Show the group how far the unit is. For display only: nobody reads it back."""

    def end(self, topic: str, partition: int) -> int | None:
        """Where the log ends, as the last fetch told it."""
