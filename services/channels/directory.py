"""Every channel that is asked over the network: one row each. The channel runner reads it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from services.channels.callback import Callback
from services.channels.lazada.proxy import Lazada
from services.channels.port import Milestone, Polling
from services.channels.sendo.api import SendoApi
from services.channels.shopee.proxy import Shopee
from services.channels.tiki.api import TikiApi

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from services.channels.port import ChannelAccount, ChannelApi, Secrets

A_YEAR: Final = timedelta(days=366)
"""For channels that are asked for everything since a time, however long ago."""


@dataclass(frozen=True, slots=True)
class ChannelInterface:
    """What a channel's protocol can do.

    `name` is its word in settings, processes and commands. `polls` None: changed orders cannot be
    listed. `drains_every_s` None: nothing is kept for us to confirm. `reports`: the milestones its
    documents give a call for.
    """

    name: str
    connect: Callable[[ChannelAccount, Secrets], ChannelApi]
    polls: Polling | None = None
    drains_every_s: float | None = None
    reports: frozenset[Milestone] = frozenset()


CHANNELS: Final[tuple[ChannelInterface, ...]] = (
    ChannelInterface(
        "tiki",
        TikiApi,
        # The second source beside the queue: it reads every order a shop has.
        Polling(every_s=300.0, widest=A_YEAR),
        drains_every_s=5.0,
        reports=frozenset({Milestone.ARRANGED, Milestone.DELIVERED}),
    ),
    ChannelInterface(
        "sendo",
        SendoApi,
        Polling(widest=A_YEAR),
        reports=frozenset({Milestone.ARRANGED, Milestone.DELIVERED, Milestone.CANCELLED}),
    ),
    # Shopee's listing does not say when an order changed, so what lies in the overlap is fetched
    # again every time: it is short, and pushes come first.
    ChannelInterface(
        Shopee.name,
        Shopee,
        Polling(every_s=120.0, overlap=timedelta(seconds=60), widest=timedelta(days=15)),
        drains_every_s=60.0,
    ),
    ChannelInterface(Lazada.name, Lazada, Polling(widest=A_YEAR)),
)
"""Channels with an API; Postmart, Voso and direct orders come to us by themselves."""

CALLED_BACK: Final = tuple(
    ChannelInterface(name, partial(Callback, name), reports=frozenset(Milestone))
    for name in ("postmart", "voso")
)
"""Channels of our own format: told by a callback, if they have an address for it."""


def channels_in_use(called_back: Collection[str]) -> tuple[ChannelInterface, ...]:
    """Every channel that is asked or told something; `called_back`: who has an address for it."""
    return (*CHANNELS, *(row for row in CALLED_BACK if row.name in called_back))


def reports_of_channels(called_back: Collection[str] = ()) -> Mapping[str, frozenset[Milestone]]:
    """Channel → the milestones it is told of, for those that are told any."""
    return {row.name: row.reports for row in channels_in_use(called_back) if row.reports}
