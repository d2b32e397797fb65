"""What a carrier's sandbox may be told to do to us."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

VIETNAM_TIME = timezone(timedelta(hours=7))
"""Vietnam has had no daylight saving and no other offset since 1975."""


SAMPLE_SECRET = "sandbox-webhook-secret"  # noqa: S105 - a sandbox's


@dataclass(frozen=True, slots=True)
class Lives:
    """How parcels fare: each a probability between 0 and 1."""

    pickup_failed: float = 0.03
    failed_attempt: float = 0.15
    returned: float = 0.05
    lost: float = 0.004
    carrier_cancels: float = 0.0
    counter_pickup: float = 0.03
    amended: float = 0.03
    partial: float = 0.005
    unknown_code: float = 0.01
    customs_hold: float = 0.1


@dataclass(frozen=True, slots=True)
class Mischief:
    """What goes wrong on the wire: each a probability, times in real seconds.

    `unserved`: 502 and nothing was done; `server_error`: 502 although it was done; `dropped`: done,
    and the connection cut instead of an answer.
    """

    refused: float = 0.02
    slow: float = 0.01
    slow_s: float = 1.0
    unserved: float = 0.003
    server_error: float = 0.003
    dropped: float = 0.005
    cancel_pending: float = 0.3
    duplicate: float = 0.03
    out_of_order: float = 0.03
    late: float = 0.01


CALM = Mischief(*[0.0] * len(Mischief.__slots__))
EVEN = Lives(*[0.0] * len(Lives.__slots__))


@dataclass(frozen=True, slots=True)
class Webhooks:
    """Where and how a sandbox tells what happened. Without a URL it keeps everything to itself."""

    url: str | None = None
    secret: str = field(default=SAMPLE_SECRET, repr=False)
    token: str = field(default=SAMPLE_SECRET, repr=False)
    connections: int = 32
    timeout_s: float = 5.0
    retries: int | None = None
    """How often one is repeated; None: as often as the carrier does."""
    retry_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Options:
    """One sandbox. `speed`: seconds of the parcels' time in one real second."""

    start: datetime = datetime(2026, 10, 1, tzinfo=VIETNAM_TIME)
    speed: float = 20_000.0
    seed: int = 1
    lives: Lives = field(default_factory=Lives)
    mischief: Mischief = field(default_factory=Mischief)
    webhooks: Webhooks = field(default_factory=Webhooks)
    username: str = "sandbox"
    password: str = field(default="sandbox", repr=False)
    customer_code: str = "T000000001"
    token_s: float = 3600.0
    unique_references: bool = False
    """Whether Vietnam Post refuses a second order with one saleOrderCode: nobody knows."""
