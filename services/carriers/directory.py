"""Every carrier interface we speak: one row each. The job runner, booking and the sandboxes read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from services.carriers.viettelpost.proxy import ViettelPost
from services.carriers.vnpost.proxy import VietnamPost

if TYPE_CHECKING:
    from collections.abc import Callable

    from services.carriers.account import Account
    from services.carriers.port import Carrier


@dataclass(frozen=True, slots=True)
class Interface:
    """One way to speak to one carrier.

    `name` is its word in settings, processes and commands; `carrier` and `api` are how the status
    map knows it.
    """

    name: str
    carrier: str
    api: str
    connect: Callable[[Account], Carrier]


INTERFACES: Final = (
    Interface("viettelpost", ViettelPost.name, ViettelPost.api, ViettelPost),
    Interface("vnpost", VietnamPost.name, VietnamPost.api, VietnamPost),
)
"""In the order they came to us: a carrier's first row is the interface it is booked through."""


def api_of(carrier: str) -> str:
    """The api a carrier is booked through; the carrier's own name where there is no interface."""
    return next((row.api for row in INTERFACES if row.carrier == carrier), carrier)
