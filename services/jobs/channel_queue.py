"""Jobs about channels: fetch an order, report a milestone. No personal data waits here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import orjson
from pgqueuer import AsyncpgDriver

from services.channels.port import Milestone, Report
from services.jobs.queue import queries

if TYPE_CHECKING:
    from collections.abc import Sequence

FETCH_PRIORITY: Final = 0
REPORT_PRIORITY: Final = 10


@dataclass(frozen=True, slots=True)
class FetchJob:
    """Fetch an order because of a hint. See services.channels.port.Hint."""

    channel: str
    shop: str
    number: str
    about: str
    at: datetime | None = None

    @property
    def dedupe_key(self) -> str:
        """The hint itself: repeats that wait are one job, another hint is another."""
        # PostgreSQL's text holds no NUL; what a push says of itself may.
        return f"fetch:{self.channel}:{self.shop}:{self.number}:{self.about}".replace("\0", "")


@dataclass(frozen=True, slots=True)
class ReportJob:
    """Tell a channel of a milestone."""

    channel: str
    order_id: str
    report: Report

    @property
    def dedupe_key(self) -> str:
        """One report of a milestone waits at a time, for each tracking number."""
        said = f"{self.report.milestone}:{self.report.tracking_no or ''}"
        return f"report:{self.order_id}:{said}"


ChannelJob: TypeAlias = FetchJob | ReportJob


def channel_entrypoint(channel: str) -> str:
    """The queue's name for one channel's jobs."""
    return f"channel.{channel}"


def stored(job: ChannelJob) -> bytes:
    """The job as it is stored."""
    if isinstance(job, FetchJob):
        row = {"shop": job.shop, "number": job.number, "about": job.about, "at": job.at}
        return orjson.dumps({"kind": "fetch", **row})
    return orjson.dumps({"kind": "report", "order_id": job.order_id, "report": job.report})


def read_job(channel: str, payload: bytes) -> ChannelJob:
    """What `stored` made."""
    row = orjson.loads(payload)
    if row.pop("kind") == "fetch":
        return FetchJob(channel, **row | {"at": _moment(row["at"])})
    said = row["report"]
    changed = {"at": datetime.fromisoformat(said["at"]), "milestone": Milestone(said["milestone"])}
    return ReportJob(channel, row["order_id"], Report(**said | changed))


async def enqueue_channel_jobs(connection: Any, jobs: Sequence[ChannelJob]) -> None:
    """Queue jobs in the caller's transaction, in one statement. A job that waits is not doubled."""
    if not jobs:
        return
    await queries(AsyncpgDriver(connection)).enqueue(
        [channel_entrypoint(job.channel) for job in jobs],
        [stored(job) for job in jobs],
        [FETCH_PRIORITY if isinstance(job, FetchJob) else REPORT_PRIORITY for job in jobs],
        dedupe_key=[job.dedupe_key for job in jobs],
        on_conflict="skip",
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
