"""Requests a second that one gateway process authenticates and appends durably."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from services.bench.ground import Standstill
from services.bench.parcels import SECRET
from services.sandbox.key import PUBLIC_SUFFIX, signing_key
from services.sandbox.month.onboarding import join_everybody
from services.store.vault import Vault

if TYPE_CHECKING:
    from pathlib import Path

    from services.bench.ground import Ground
    from services.bench.usage import Usage
    from services.sandbox.month.door import Keys
    from services.sandbox.serving import Joining

POLL_S: Final = 0.2
SLACK_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Answered:
    """Requests of one kind. `cpu_us`: of the gateway, for a request."""

    requests_per_s: float
    cpu_us: float
    refused: int


@dataclass(frozen=True, slots=True)
class Gateway:
    """Both kinds, measured one after the other."""

    webhooks: Answered
    orders: Answered

    @property
    def requests_per_s(self) -> float:
        """The slower kind."""
        return min(self.webhooks.requests_per_s, self.orders.requests_per_s)


async def join(ground: Ground) -> Keys:
    """The sample's registry and keys; the carriers with a secret and a signing key of ours."""
    path = signer_of(ground)
    signing_key(path)
    pem = path.with_name(path.name + PUBLIC_SUFFIX).read_text("ascii")
    async with await ground.connect() as pool, pool.acquire() as connection:
        vault = Vault(ground.master_key)
        partners: dict[str, Joining] = {
            "viettelpost": {"secrets": [SECRET], "public_key": None},
            "vnpost": {"secrets": [], "public_key": pem},
        }
        return await join_everybody(connection, vault.seal_secret, partners)


def signer_of(ground: Ground) -> Path:
    """Where the key lies that Vietnam Post's webhooks are signed with."""
    return ground.settings.data_dir / "vnpost.pem"


async def measure_gateway(ground: Ground, seconds: float) -> Gateway:
    """Webhooks first, then signed orders."""
    keys = await join(ground)
    gateway = ground.start_gateway()
    webhooks = await answered(ground, gateway, "webhooks", SECRET, seconds)
    orders = await answered(ground, gateway, "orders", keys.channels["postmart"], seconds)
    ground.stop("gateway")
    return Gateway(webhooks, orders)


async def answered(
    ground: Ground, gateway: Usage, kind: str, secret: str, seconds: float
) -> Answered:
    """Let the load generator work and see what the gateway made of it."""
    name = f"load-{kind}"
    told = {"port": str(ground.settings.gateway_port), "secret": secret, "seconds": str(seconds)}
    load = ground.start_peer(name, "services.bench.http_load", kind, **told)
    cpu: list[tuple[float, float]] = []
    until = monotonic() + seconds + SLACK_S
    with ground.bars.bar(f"gateway: {kind}", round(seconds)) as bar:
        began = monotonic()
        while load.alive():
            if monotonic() > until:
                raise Standstill(f"{kind}: no end after {seconds + SLACK_S:.0f} s")
            cpu.append((monotonic(), gateway.cpu_s()))
            bar.at(round(monotonic() - began))
            ground.look()
            await asyncio.sleep(POLL_S)
    ground.stop(name)
    said = ground.heard(name)
    if not said:
        raise Standstill(f"{kind}: {ground.system.place.last_words(name)}")
    return made_of(said[-1], cpu)


def made_of(said: dict[str, Any], cpu: list[tuple[float, float]]) -> Answered:
    """The generator's count, and the gateway's CPU in the same time."""
    inside = [used for at, used in cpu if said["began"] <= at <= said["ended"]]
    times = [at for at, _ in cpu if said["began"] <= at <= said["ended"]]
    share = (inside[-1] - inside[0]) / (times[-1] - times[0])
    per_s = said["answered"] / said["seconds"]
    return Answered(per_s, share / per_s * 1e6, int(said["refused"]))
