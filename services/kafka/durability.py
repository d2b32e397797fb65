"""How many copies of a record there are. No client is imported here: the settings read it."""

from dataclasses import dataclass
from typing import Final

REPLICAS_WANTED: Final = 3


@dataclass(frozen=True, slots=True)
class Durability:
    """How many brokers keep a record. None: three, or as many as there are, and one may be away.

    `flush` makes a single broker write every ingest record to disk before it answers.
    """

    replication: int | None = None
    min_isr: int | None = None
    flush: bool = False

    def on(self, brokers: int) -> tuple[int, int]:
        """Replication factor and minimum of in-sync replicas for a cluster of that size."""
        replication = self.replication or min(REPLICAS_WANTED, brokers)
        return replication, self.min_isr or max(1, replication - 1)
