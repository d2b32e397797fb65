"""How raw orders and pushes of every channel are understood: pure functions, by channel.

Intake reads READINGS, the gateway PUSHES; neither may do I/O. A channel's row comes with its file.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from schemas.intake import Channel
from services.channels.lazada.mapping import read_lazada
from services.channels.lazada.push import LazadaPush
from services.channels.neutral import parse_order
from services.channels.sendo.reading import read_sendo
from services.channels.shopee.mapping import read_shopee
from services.channels.shopee.push import ShopeePush
from services.channels.tiki.reading import read_tiki

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.channels.neutral import Payload
    from services.channels.port import Push, Read


def read_neutral(raw: bytes, _shop: str) -> Payload:
    """An `ocop.order/1`: the payload itself says whose it is."""
    return parse_order(raw)


READINGS: Final[Mapping[str, Read]] = MappingProxyType(
    {
        Channel.DIRECT: read_neutral,
        Channel.POSTMART: read_neutral,
        Channel.VOSO: read_neutral,
        Channel.TIKI: read_tiki,
        Channel.SENDO: read_sendo,
        Channel.SHOPEE: read_shopee,
        Channel.LAZADA: read_lazada,
    }
)
"""Channel → what its raw orders mean."""

PUSHES: Final[Mapping[str, Push]] = MappingProxyType(
    {Channel.SHOPEE: ShopeePush(), Channel.LAZADA: LazadaPush()}
)
"""Channel → how its pushes are checked and read."""
