"""What reading a marketplace's own order has in common, whichever marketplace it is."""

from __future__ import annotations

import contextlib
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from pydantic import ValidationError

from services.channels.neutral import PayloadInvalid, Payment, told
from services.channels.port import Effect

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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


@contextlib.contextmanager
def understood() -> Iterator[None]:
    """What is not as the marketplace writes it, or cannot be said in our format, is PayloadInvalid."""
    try:
        yield
    except ValidationError as problems:
        raise PayloadInvalid("payload_invalid", told(problems)) from None


def cash_or_prepaid(total_vnd: int, *, is_cod: bool) -> Payment:
    """All of it on delivery, or nothing."""
    return Payment(method="cod" if is_cod else "prepaid", cod_amount=total_vnd if is_cod else 0)
