"""Every carrier interface we speak: one row each. The job runner, booking and the sandboxes read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from services.carriers.ems.proxy import Ems
from services.carriers.ghn.proxy import Ghn
from services.carriers.ghtk.proxy import Ghtk
from services.carriers.viettelpost.proxy import ViettelPost
from services.carriers.vnpost.proxy import VietnamPost
from services.carriers.vnpost_legacy.proxy import VietnamPostLegacy

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.carriers.account import Account
    from services.carriers.port import Carrier


@dataclass(frozen=True, slots=True)
class Interface:
    """One way to speak to one carrier.

    `name` is its word in settings, processes and commands; `carrier` and `api` are how the status
    map knows it. `quotes`: it can be asked for prices, so routing has its lanes asked for.
    """

    name: str
    carrier: str
    api: str
    connect: Callable[[Account], Carrier]
    quotes: bool = False


INTERFACES: Final = (
    Interface("viettelpost", ViettelPost.name, ViettelPost.api, ViettelPost, quotes=True),
    Interface("vnpost", VietnamPost.name, VietnamPost.api, VietnamPost, quotes=True),
    Interface("ghn", Ghn.name, Ghn.api, Ghn, quotes=True),
    Interface("ghtk", Ghtk.name, Ghtk.api, Ghtk, quotes=True),
    Interface(
        "vnpost_legacy",
        VietnamPostLegacy.name,
        VietnamPostLegacy.api,
        VietnamPostLegacy,
        quotes=True,
    ),
    Interface("ems", Ems.name, Ems.api, Ems),
)
"""In the order they came to us: a carrier's first row is meant where no interface is named."""


def api_of(carrier: str) -> str:
    """The api a carrier is booked through; the carrier's own name where there is no interface."""
    return next((row.api for row in INTERFACES if row.carrier == carrier), carrier)


def name_of(carrier: str, api: str = "") -> str:
    """The word of an interface; an empty api is the carrier's first, as in what was told earlier.

    The carrier's own name where there is no such interface: its jobs wait there for a runner that
    knows it.
    """
    wanted = (carrier, api or api_of(carrier))
    return next((row.name for row in INTERFACES if (row.carrier, row.api) == wanted), carrier)


def quoting() -> frozenset[tuple[str, str]]:
    """Carrier and api of every interface that can be asked for prices; "" where it is the first."""
    asked = {(row.carrier, row.api) for row in INTERFACES if row.quotes}
    return frozenset(asked | {(one, "") for one, api in asked if api_of(one) == api})
