"""Who can be examined at our door, by name, and what each needs to sign."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from services.conform import carriers, channels

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from services.conform.sender import Sender


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a partner was given or gave: a secret (or a private key as PEM), and who we are there."""

    secret: str
    app_id: str = ""
    push_url: str = ""


SENDERS: Final[Mapping[str, Callable[[Credentials], Sender]]] = MappingProxyType(
    {
        "viettelpost": lambda given: carriers.viettelpost(given.secret),
        "vnpost": lambda given: carriers.vnpost(carriers.private_key(given.secret)),
        "vnpost_legacy": lambda given: carriers.vnpost_legacy(carriers.private_key(given.secret)),
        "ems": lambda given: carriers.ems(given.secret),
        "ghn": lambda given: carriers.ghn(given.secret),
        "ghtk": lambda given: carriers.ghtk(given.secret),
        "shopee": lambda given: channels.shopee(given.secret, given.push_url),
        "lazada": lambda given: channels.lazada(given.secret, given.app_id),
        "postmart": lambda given: channels.feed("postmart", given.secret),
        "voso": lambda given: channels.feed("voso", given.secret),
    }
)
"""Every other name is a partner's id, which sends `ocop.tracking/1`."""


def sender_of(name: str, given: Credentials) -> Sender:
    """The sender of this name."""
    known = SENDERS.get(name)
    return known(given) if known else channels.partner(name, given.secret)
