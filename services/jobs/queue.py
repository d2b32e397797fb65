"""The queue of outside calls: pgqueuer's tables in the schema `jobs`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import orjson
from pgqueuer import AsyncpgDriver, Queries
from pgqueuer.adapters.persistence.qb import (
    QueryBuilderEnvironment,
    QueryQueueBuilder,
    QuerySchedulerBuilder,
)
from pgqueuer.domain.settings import DBSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pgqueuer.ports.driver import Driver

Kind: TypeAlias = Literal["book", "void", "return", "redeliver", "approve_return"]
"""`return`: a recall; `approve_return` and `redeliver`: the seller's decision on a failing parcel."""

SETTINGS: Final = DBSettings(db_schema="jobs")
PRIORITY: Final[dict[Kind, int]] = {
    "void": 20,
    "return": 10,
    "redeliver": 10,
    "approve_return": 10,
    "book": 0,
}
"""A void races with the collector, a decision with its deadline; a booking does not."""


@dataclass(frozen=True, slots=True)
class CarrierJob:
    """One call to make. Everything else is read when it is made; no personal data waits here.

    `interface` is the word of the carrier's interface (`services/carriers/directory.py`).
    `request` tells a repeated request of one kind from the first; `asked_at` is the record's time
    of what asked for it, not ours.
    """

    interface: str
    kind: Kind
    reference: str
    request: int
    asked_at: datetime

    @property
    def dedupe_key(self) -> str:
        """Two jobs of one key do not wait at a time."""
        return f"{self.kind}:{self.reference}:{self.request}"

    def payload(self) -> bytes:
        """The job as it is stored."""
        return orjson.dumps(
            {
                "kind": self.kind,
                "reference": self.reference,
                "request": self.request,
                "asked_at": self.asked_at,
            }
        )

    @classmethod
    def read(cls, interface: str, payload: bytes) -> CarrierJob:
        """What `payload` stored."""
        row = orjson.loads(payload)
        asked_at = datetime.fromisoformat(row["asked_at"])
        return cls(interface, row["kind"], row["reference"], row["request"], asked_at)


def entrypoint(interface: str) -> str:
    """The queue's name for one interface's calls."""
    return f"carrier.{interface}"


def quote_entrypoint(interface: str) -> str:
    """The queue's name for the prices one interface is asked for."""
    return f"quote.{interface}"


def queries(driver: Driver) -> Queries:
    """Pgqueuer's statements for our schema."""
    return Queries(
        driver,
        qbe=QueryBuilderEnvironment(SETTINGS),
        qbq=QueryQueueBuilder(SETTINGS),
        qbs=QuerySchedulerBuilder(SETTINGS),
    )


def queries_on(connection: Any) -> Queries:
    """The statements on a connection that somebody has opened."""
    return queries(AsyncpgDriver(connection))


async def enqueue(connection: Any, jobs: Sequence[CarrierJob]) -> None:
    """Queue calls in the caller's transaction, in one statement. A job that waits is not doubled."""
    if not jobs:
        return
    await queries_on(connection).enqueue(
        [entrypoint(job.interface) for job in jobs],
        [job.payload() for job in jobs],
        [PRIORITY[job.kind] for job in jobs],
        dedupe_key=[job.dedupe_key for job in jobs],
        on_conflict="skip",
    )
