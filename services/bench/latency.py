"""How long a seller waits: from a webhook's 200 to the change on the seller's event stream.

Orders are brought to their labels first. Then webhooks come through the gateway at a steady rate,
each signed as its carrier signs, and every seller listens on a stream of its own.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from services.bench.gateway import join, signer_of
from services.bench.ground import Standstill
from services.bench.pipeline import start_everything, stop_everything
from services.bench.scans import VISIBLE
from services.bench.usage import percentile
from services.sandbox.month.onboarding import write_keys

if TYPE_CHECKING:
    from services.bench.ground import Ground

RATE: Final = 200
POLL_S: Final = 0.5
STANDSTILL_S: Final = 120.0

# Orders that have their labels, or wait for a person.
COUNT_LABELLED: Final = """
SELECT count(*) FROM status.orders WHERE fulfilment IN ('label_ready', 'on_hold')
"""


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds. `unseen`: changes that reached no stream; `rate`: webhooks a second."""

    p50: float
    p95: float
    p99: float
    changes: int
    unseen: int
    rate: float


async def measure_latency(ground: Ground, seconds: float) -> Latency:
    """Bring orders to their labels, then send their webhooks at the rate."""
    orders = round(RATE * seconds / len(VISIBLE["vnpost"]))
    keys_path = ground.settings.data_dir / "keys.json"
    write_keys(keys_path, await join(ground))
    start_everything(ground)
    await bring_to_label(ground, orders)
    ground.start_gateway()
    told = {
        "gateway": ground.settings.gateway,
        "keys": str(keys_path),
        "signer": str(signer_of(ground)),
        "rate": str(RATE),
    }
    ground.start_peer("listeners", "services.bench.listeners", **told)
    said = await until_said(ground, seconds)
    stop_everything(ground)
    return latency_of(said)


async def bring_to_label(ground: Ground, orders: int) -> None:
    """Let orders be routed, packed and booked; nobody carries them yet."""
    told = {"orders": str(orders), "at_once": str(orders), "webhooks": "no"}
    ground.start_peer("peers", "services.bench.peers", **told)
    progressed = monotonic(), 0
    async with await ground.connect() as pool:
        with ground.bars.bar("orders with labels", orders) as bar:
            while (labelled := await pool.fetchval(COUNT_LABELLED)) < orders:
                if labelled > progressed[1]:
                    progressed = monotonic(), labelled
                if monotonic() - progressed[0] > STANDSTILL_S:
                    raise Standstill(f"{labelled} of {orders} orders have labels")
                bar.at(labelled)
                ground.require_running()
                await asyncio.sleep(POLL_S)
    ground.stop("peers")


async def until_said(ground: Ground, seconds: float) -> dict[str, Any]:
    """What the listeners heard, once they are done."""
    until = monotonic() + seconds + STANDSTILL_S
    with ground.bars.bar("webhooks sent", None) as bar:
        while True:
            said = ground.heard("listeners")
            if said:
                bar.at(said[-1].get("sent", 0))
                if "waits_s" in said[-1]:
                    return said[-1]
                ground.require_running()
            if monotonic() > until:
                raise Standstill(f"listeners: {ground.system.place.last_words('listeners')}")
            ground.look()
            await asyncio.sleep(POLL_S)


def latency_of(said: dict[str, Any]) -> Latency:
    """The percentiles of what the listeners measured."""
    waits = [wait * 1000 for wait in said["waits_s"]]
    return Latency(
        p50=percentile(waits, 0.5),
        p95=percentile(waits, 0.95),
        p99=percentile(waits, 0.99),
        changes=len(waits),
        unseen=said["unseen"],
        rate=said["rate"],
    )
