"""Asking a carrier what a lane costs: a job that is asked once and never repeated by itself.

What a lane is asked with is the same for everybody, so that its price is worth keeping: a typical
sum to collect, and a town of each province.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, assert_never

import orjson
import structlog

from schemas.quotes import Lane
from services.carriers.directory import name_of
from services.carriers.port import (
    CannotAsk,
    CarrierUnreachable,
    Locality,
    Quoted,
    QuoteRequest,
    Refused,
    Unknown,
)
from services.jobs.queue import queries_on, quote_entrypoint
from services.store.lane_quotes import Answered, store_quote
from services.telemetry import CARRIER_CALLS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from services.carriers.port import Carrier, PricedService, QuoteAnswer
    from services.jobs.breaker import Breaker
    from services.reference.places import Places
    from services.store.pool import Pool

log = structlog.get_logger()

REASON_LIMIT: Final = 200


@dataclass(frozen=True, slots=True)
class QuotePolicy:
    """`valid_s`: how long a price is good; `rest_s`: how long a lane without one is left alone.

    `typical_vnd`: what goods are worth, and what is collected for them, when a lane is asked for.
    `pace_s`: rest after each question; an interface is asked one at a time, by all runners together.
    """

    valid_s: float = 24 * 3600.0
    rest_s: float = 900.0
    typical_vnd: int = 300_000
    pace_s: float = 0.5


class QuoteCalls:
    """One carrier's lanes."""

    def __init__(
        self, carrier: Carrier, breaker: Breaker, pool: Pool, places: Places, policy: QuotePolicy
    ) -> None:
        self._carrier = carrier
        self._breaker = breaker
        self._pool = pool
        self._places = places
        self._policy = policy

    async def perform(self, lane: Lane, at: datetime) -> None:
        """Ask, and keep the answer or that there was none. Raises Stopping."""
        async with self._breaker.admitted() as permit:
            try:
                answer = await self._carrier.quote(self._request(lane, at))
            except CarrierUnreachable as away:
                permit.answered = False
                answer = Unknown(str(away))
            else:
                permit.answered = not isinstance(answer, Unknown)
        answered = self._answered(answer)
        await store_quote(self._pool, lane, answered)
        outcome = answered.outcome
        CARRIER_CALLS.labels(self._carrier.name, "quote", COUNTED_AS[outcome]).inc()
        log.info("lane_quoted", lane=lane.key, outcome=outcome, services=len(answered.services))

    def _answered(self, answer: QuoteAnswer) -> Answered:
        policy = self._policy
        match answer:
            case Quoted(services):
                told = {one.service: _told(one) for one in services}
                return Answered("quoted", told, "", policy.valid_s)
            case Refused(reason):
                return Answered("refused", {}, reason[:REASON_LIMIT], policy.rest_s)
            case Unknown(reason):
                return Answered("unanswered", {}, reason[:REASON_LIMIT], policy.rest_s)
            case CannotAsk():
                return Answered("unanswered", {}, "it has no call for prices", policy.valid_s)
            case _:
                assert_never(answer)

    def _request(self, lane: Lane, at: datetime) -> QuoteRequest:
        typical = self._policy.typical_vnd
        return QuoteRequest(
            origin=self._town(lane.origin),
            destination=self._town(lane.destination),
            weight_g=lane.weight_g,
            length_cm=0,
            width_cm=0,
            height_cm=0,
            goods_vnd=typical,
            cod_vnd=typical if lane.with_cod else 0,
            ready_at=at,
        )

    def _town(self, province_code: str) -> Locality:
        ward = self._places.town(province_code)
        name = self._places.province_name(province_code)
        return Locality(ward.code, ward.full_name, province_code, name)


COUNTED_AS: Final = {"quoted": "ok", "refused": "refused", "unanswered": "unclear"}


def _told(service: PricedService) -> dict[str, int]:
    told = {
        "price_vnd": service.price_vnd,
        "charged_weight_g": service.charged_weight_g,
        "transit_h": service.transit_h,
    }
    return {name: value for name, value in told.items() if value is not None}


async def enqueue_lanes(connection: Any, lanes: Iterable[str]) -> None:
    """Queue lanes to be asked for, in the caller's transaction; one that waits is not doubled."""
    keys = sorted(lanes)
    if not keys:
        return
    await queries_on(connection).enqueue(
        [quote_entrypoint(name_of(lane.carrier, lane.api)) for lane in map(Lane.read, keys)],
        [orjson.dumps({"lane": key}) for key in keys],
        [0] * len(keys),
        dedupe_key=[f"quote:{key}" for key in keys],
        on_conflict="skip",
    )


def lane_of(payload: bytes) -> Lane:
    """The lane a job asks for."""
    return Lane.read(orjson.loads(payload)["lane"])
