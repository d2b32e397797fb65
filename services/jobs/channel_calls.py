"""One channel's jobs: fetch an order into the log, report a milestone."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, assert_never

import orjson
import structlog

from schemas.catalogue import ORDER_RECEIVED, TRACKING_RECEIVED
from schemas.event import EVENT_NAMESPACE
from schemas.ids import channel_key, tracking_key
from schemas.intake import LOGISTICS
from services.carriers.platform import FORMAT
from services.channels.effects import alarms
from services.channels.formats import READINGS
from services.channels.invalid import PayloadInvalid
from services.channels.port import (
    ChannelDenied,
    ChannelUnreachable,
    Fetched,
    Missing,
    Nothing,
    NotTold,
    Told,
    Unmapped,
)
from services.jobs.breaker import backoff_s
from services.jobs.carrier_calls import TryLater
from services.jobs.channel_queue import FetchJob, ReportJob
from services.store.channels import keep_order, read_order
from services.telemetry import CHANNEL_CALLS

if TYPE_CHECKING:
    from services.channels.port import ChannelApi, PackageState
    from services.jobs.answers import Appending
    from services.jobs.channel_queue import ChannelJob
    from services.store.channels import Known
    from services.store.pool import Pool
    from services.store.vault import Vault

log = structlog.get_logger()

PATIENCE: Final = 8
"""How often an order is asked for that is not there, or not as new as its hint says."""
NO_KEYS_S: Final = 30.0
MOST_WITHOUT_KEYS: Final = 20
"""Ten minutes: long enough for a token to be renewed."""
SETTLED_AFTER: Final = timedelta(seconds=5)
"""A state fetched so long after it came about is the last of its second, clocks being what they are."""


@dataclass(frozen=True, slots=True)
class ChannelMeans:
    """What every channel's jobs need."""

    pool: Pool
    appender: Appending
    vault: Vault


class ChannelCalls:
    """Performs the jobs of one channel. Every job may be done twice."""

    def __init__(self, channel: str, api: ChannelApi, means: ChannelMeans) -> None:
        self._channel = channel
        self._api = api
        self._means = means

    async def perform(self, job: ChannelJob, attempt: int) -> None:
        """Do a job for the `attempt`-th time (from 0). Raises TryLater, NotAppended."""
        try:
            match job:
                case FetchJob():
                    await self._fetch(job, attempt)
                case ReportJob():
                    await self._report(job, attempt)
                case _:
                    assert_never(job)
        except ChannelUnreachable as error:
            self._count(job, "failed")
            raise TryLater(backoff_s(attempt), f"unreachable: {error}") from error
        except ChannelDenied as error:
            self._count(job, "denied")
            log.warning("channel_denied", channel=self._channel, why=str(error))
            raise TryLater(backoff_s(attempt, first_s=5.0, longest_s=300.0), "denied") from error

    async def _fetch(self, job: FetchJob, attempt: int) -> None:
        if not self._api.can_ask(job.shop):
            self._lack_keys(job, attempt)
            return
        known = await read_order(self._means.pool, self._channel, job.number)
        if known is not None and holds(known, job.at):
            self._count(job, "known")
            return
        asked_at = datetime.now(UTC)
        fetched = await self._api.fetch(job.shop, job.number)
        if isinstance(fetched, Missing):
            self._miss(job, fetched.why, attempt)
            return
        if job.at is not None and fetched.at < job.at and attempt < PATIENCE:
            raise TryLater(backoff_s(attempt), "the channel answers an older state than its hint")
        await self._keep(job, known, fetched, asked_at)

    def _lack_keys(self, job: FetchJob, attempt: int) -> None:
        """A shop that never joined is given up; one that did is looked through from its cursor."""
        self._count(job, "no_keys")
        if attempt < MOST_WITHOUT_KEYS:
            raise TryLater(NO_KEYS_S, "no credentials for this shop")
        log.warning("shop_without_keys", channel=self._channel, number=job.number)

    def _miss(self, job: FetchJob, why: str, attempt: int) -> None:
        self._count(job, "missing")
        if attempt < PATIENCE:
            raise TryLater(backoff_s(attempt), why)
        log.error("order_missing", channel=self._channel, number=job.number, why=why)

    async def _keep(
        self, job: FetchJob, known: Known | None, fetched: Fetched, asked_at: datetime
    ) -> None:
        """Into the log, unless it holds this state or a newer one."""
        digest = self._means.vault.fingerprint(fetched.body)
        if known is not None and fetched.at < known.updated_at:
            self._count(job, "older")
            return
        same = known is not None and is_same(known, fetched, digest)
        if not same:
            await self._append_order(job.shop, fetched, digest)
            self._sound(job, fetched)
        passed_on = known.packages if known else {}
        for package in fetched.packages:
            if passed_on.get(package.number) != package.status:
                await self._append_package(package)
        await keep_order(self._means.pool, self._channel, job.shop, fetched, asked_at, digest)
        self._count(job, "same" if same else "ok")

    def _sound(self, job: FetchJob, fetched: Fetched) -> None:
        """Alarm where a status is unknown, or one that a person should know of."""
        try:
            reading = READINGS[self._channel](fetched.body, job.shop)
        except (KeyError, PayloadInvalid):
            return  # intake buries it, with its reason
        if isinstance(reading, Unmapped) or (
            isinstance(reading, Nothing) and (self._channel, reading.status) in alarms()
        ):
            CHANNEL_CALLS.labels(self._channel, "status", "alarm").inc()
            log.warning(
                "channel_status_alarmed",
                channel=self._channel,
                number=fetched.number,
                status=reading.status,
            )

    async def _append_order(self, shop: str, fetched: Fetched, digest: bytes) -> None:
        about = f"{self._channel}|{fetched.number}|{fetched.at.isoformat()}|{digest.hex()}"
        headers = {
            **cloud_event(about, ORDER_RECEIVED.name, fetched.at),
            "ocop_channel": self._channel,
            "ocop_kind": "order",
            "ocop_shop": shop,
            "ocop_actor": f"channel:{self._channel}",
        }
        key = channel_key(self._channel, fetched.number)
        await self._means.appender.append(ORDER_RECEIVED, key, fetched.body, headers)

    async def _append_package(self, package: PackageState) -> None:
        """The platform's package is a parcel with a carrier of its own: its status is tracking."""
        body = {
            "format": FORMAT,
            "package_number": package.number,
            "status": package.status,
            "at": package.at,
        }
        about = f"{self._channel}|{package.number}|{package.status}|{package.at.isoformat()}"
        headers = {
            **cloud_event(about, TRACKING_RECEIVED.name, package.at),
            "ocop_carrier": self._channel,
            "ocop_api": LOGISTICS,
            "ocop_partner": self._channel,
            "ocop_item": "0",
        }
        key = tracking_key(self._channel, package.number)
        await self._means.appender.append(TRACKING_RECEIVED, key, orjson.dumps(body), headers)

    async def _report(self, job: ReportJob, attempt: int) -> None:
        match await self._api.report(job.report):
            case Told():
                self._count(job, "ok")
            case NotTold(reason) if attempt < PATIENCE:
                # An earlier milestone may be on its way still.
                raise TryLater(backoff_s(attempt), f"not told: {reason}")
            case NotTold(reason):
                self._count(job, "refused")
                log.error(
                    "report_refused",
                    channel=self._channel,
                    order_id=job.order_id,
                    milestone=job.report.milestone.value,
                    why=reason,
                )
            case answer:
                assert_never(answer)

    def _count(self, job: ChannelJob, outcome: str) -> None:
        call = "fetch" if isinstance(job, FetchJob) else "report"
        CHANNEL_CALLS.labels(self._channel, call, outcome).inc()


def holds(known: Known, at: datetime | None) -> bool:
    """Whether the log holds this state for certain: a second may see two changes."""
    return at is not None and known.updated_at >= at and known.fetched_at > at + SETTLED_AFTER


def is_same(known: Known, fetched: Fetched, digest: bytes) -> bool:
    """Whether the log holds what was fetched: by its state where the channel names no time."""
    if fetched.state:
        return known.state == fetched.state
    return (known.updated_at, known.digest) == (fetched.at, digest)


def cloud_event(about: str, topic: str, at: datetime) -> dict[str, str]:
    """Headers of a record whose id follows from what it is about."""
    record_id = uuid.uuid5(EVENT_NAMESPACE, about)
    return {
        "ce_specversion": "1.0",
        "ce_id": str(record_id),
        "ce_type": topic,
        "ce_source": "/ocop/channels",
        "ce_time": at.isoformat(),
        "content-type": "application/json",
        "traceparent": f"00-{record_id.hex}-{record_id.hex[:16]}-01",
    }
