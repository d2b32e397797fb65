"""What reading a marketplace's own order has in common, whichever marketplace it is."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from services.channels.neutral import Payment
from services.channels.port import Effect

if TYPE_CHECKING:
    from collections.abc import Mapping

NOTICES: Final[Mapping[Effect, Literal["cancel_requested", "cancelled", "returned"]]] = (
    MappingProxyType(
        {
            Effect.CANCEL_REQUEST: "cancel_requested",
            Effect.CANCEL: "cancelled",
            Effect.RETURN: "returned",
        }
    )
)
"""The event that a status with this effect is."""


def cash_or_prepaid(total_vnd: int, *, is_cod: bool) -> Payment:
    """All of it on delivery, or nothing."""
    return Payment(method="cod" if is_cod else "prepaid", cod_amount=total_vnd if is_cod else 0)
