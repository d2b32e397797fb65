"""Orders a second that the whole pipeline takes from `order.received` to delivered and counted.

Three workers as `ocop up` starts them, the job runner with the carriers in its process, and
everybody else as one feeding process. Measured is the time between the moment that as many orders
have ended as are under way at once, and the moment the last was sent: neither the start nor the
end, when the stages have little to do, is counted. Then every order must come to its end.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from services.bench.gateway import join
from services.bench.ground import Standstill
from services.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from services.bench.ground import Ground
    from services.bench.usage import Usage
    from services.store.pool import Pool

AT_ONCE: Final = 2_000
"""Orders under way: a parcel's webhooks take some seconds, so fewer would leave the stages idle."""
WORKERS: Final[Mapping[str, tuple[str, ...]]] = {
    "worker-orders": ("intake", "routing", "packing", "booking"),
    "worker-tracking": ("tracking",),
    "worker-sellers": ("cod", "status", "feed", "metrics"),
}
POLL_S: Final = 0.5
STANDSTILL_S: Final = 90.0

# Parcels that the months' figures count as booked and as delivered.
COUNT_FIGURES: Final = """
SELECT coalesce(sum(value) FILTER (WHERE figure = 'parcels_packed'), 0)::bigint AS packed,
       coalesce(sum(value) FILTER (WHERE figure = 'parcels_delivered'), 0)::bigint AS delivered
FROM metrics.counters WHERE figure IN ('parcels_packed', 'parcels_delivered')
"""
COUNT_DEAD: Final = "SELECT count(*) FROM runtime.dead_letters"


@dataclass(frozen=True, slots=True)
class Flow:
    """`cpu_ms`: CPU milliseconds an order, by process; `lag_s`: how long an order was under way."""

    orders: int
    orders_per_s: float
    events_per_s: float
    under_way_s: float
    cpu_ms: Mapping[str, float]
    held: int


class OrdersLost(OperatorError):
    """Not every order was delivered and counted."""


async def measure_pipeline(ground: Ground, orders: int) -> Flow:
    """Feed, watch, wait for the end, and count."""
    await join(ground)
    at_once = min(AT_ONCE, max(1, orders // 4))
    usages = start_everything(ground)
    told = {"orders": str(orders), "at_once": str(at_once), "webhooks": "yes"}
    usages.append(ground.start_peer("peers", "services.bench.peers", **told))
    cpu: list[tuple[float, dict[str, float]]] = []
    async with await ground.connect() as pool:
        with ground.bars.bar("orders delivered", orders) as bar:
            progressed = monotonic(), 0
            while True:
                said = ground.heard("peers")
                ended = said[-1]["finished"] + said[-1]["held"] if said else 0
                bar.at(ended)
                cpu.append((monotonic(), cpu_of(ground, usages)))
                if ended == orders and await counted(pool):
                    break
                if ended > progressed[1]:
                    progressed = monotonic(), ended
                if monotonic() - progressed[0] > STANDSTILL_S:
                    raise Standstill(f"{ended} of {orders} orders ended: {said[-1:]}")
                ground.require_running()
                ground.look()
                await asyncio.sleep(POLL_S)
        await nothing_lost(pool)
    stop_everything(ground)
    return flow_of(said, cpu, orders, at_once)


def start_everything(ground: Ground) -> list[Usage]:
    """The workers of `ocop up` and the job runner."""
    workers = [ground.start_worker(name, *stages) for name, stages in WORKERS.items()]
    return [*workers, ground.start_jobs()]


def stop_everything(ground: Ground) -> None:
    """All of them, the feeding process first."""
    for name in reversed(list(ground.running)):
        ground.stop(name)


def cpu_of(ground: Ground, usages: Sequence[Usage]) -> dict[str, float]:
    """CPU seconds so far, servers included."""
    used = {usage.name: usage.cpu_s() for usage in usages}
    return used | {"postgres": ground.database_cpu_s(), "kafka": ground.broker_cpu_s()}


async def counted(pool: Pool) -> bool:
    """Whether the figures say of every parcel that it was delivered."""
    row = await pool.fetchrow(COUNT_FIGURES)
    return row is not None and row["packed"] == row["delivered"]


async def nothing_lost(pool: Pool) -> None:
    """Raise OrdersLost if something was buried on the way."""
    if dead := await pool.fetchval(COUNT_DEAD):
        raise OrdersLost(f"{dead} dead letters")


def flow_of(
    said: Sequence[dict[str, Any]],
    cpu: Sequence[tuple[float, dict[str, float]]],
    orders: int,
    at_once: int,
) -> Flow:
    """What happened while the pipeline was full."""
    full = [one for one in said if ended(one) >= at_once and one["sent"] < orders]
    if len(full) < 2:  # noqa: PLR2004 (a beginning and an end)
        full = list(said)
    first, last = full[0], full[-1]
    seconds = last["at"] - first["at"]
    done = ended(last) - ended(first)
    inside = [used for at, used in cpu if first["at"] <= at <= last["at"]]
    spent = {name: inside[-1][name] - inside[0][name] for name in inside[0]}
    return Flow(
        orders=orders,
        orders_per_s=done / seconds,
        events_per_s=(last["webhooks"] - first["webhooks"]) / seconds,
        under_way_s=at_once * seconds / done,
        cpu_ms={name: used / done * 1000 for name, used in spent.items()},
        held=last["held"],
    )


def ended(said: dict[str, Any]) -> int:
    """Orders that have come to their end, one way or the other."""
    return int(said["finished"]) + int(said["held"])
