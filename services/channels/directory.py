"""Every channel that is asked over the network: one row each. The channel runner reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.channels.port import ChannelAccount, ChannelApi, Milestone, Polling, Secrets


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


CHANNELS: Final[tuple[ChannelInterface, ...]] = ()
"""Channels with an API; Postmart, Voso and direct orders come to us by themselves."""
