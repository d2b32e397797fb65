"""Partners that write to Kafka themselves: whose topic is which carrier's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from schemas.catalogue import partner_topic

if TYPE_CHECKING:
    from schemas.topics import Topic
    from services.store.pool import Connection, Pool

# Everybody who has a topic, in an order that does not change.
READ_PUBLISHERS: Final = """
SELECT partner_id, carrier, api FROM registry.partners WHERE publishes ORDER BY partner_id
"""


@dataclass(frozen=True, slots=True)
class Publisher:
    """A partner with a topic of its own, and the carrier it may speak for."""

    partner_id: str
    carrier: str
    api: str

    @property
    def topic(self) -> Topic:
        """Where it writes."""
        return partner_topic(self.partner_id)


async def read_publishers(database: Connection | Pool) -> tuple[Publisher, ...]:
    """Every partner that publishes to Kafka."""
    return tuple(Publisher(**row) for row in await database.fetch(READ_PUBLISHERS))
