"""OCOP and food safety certificates: what a product is on a day.

Valid through the expiry date itself, and until the day before it was revoked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

OCOP: Final = "OCOP"
FOOD_SAFETY: Final = "ATVSTP"
GATES: Final = (OCOP, FOOD_SAFETY)
"""Kinds (or their beginnings: `OCOP_4_sao`) that stop an order once they ended; no other does."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A row of the registry. `star` is set on OCOP certificates; `expires_on` is a valid day."""

    number: str
    kind: str
    star: int | None
    issued_on: date
    expires_on: date
    revoked_on: date | None = None


def is_valid(certificate: Certificate, day: date) -> bool:
    """Is it in force on that day?"""
    revoked = certificate.revoked_on is not None and certificate.revoked_on <= day
    return certificate.issued_on <= day <= certificate.expires_on and not revoked


def ocop_certificate(certificates: Sequence[Certificate], day: date) -> Certificate | None:
    """The OCOP certificate in force: the newest, if one was given before another ended."""
    valid = [one for one in _of_kind(certificates, OCOP) if is_valid(one, day)]
    return max(valid, key=lambda one: (one.issued_on, one.number), default=None)


def ended_certificate(certificates: Sequence[Certificate], day: date) -> str | None:
    """A sentence if a certificate the product once had ended and none of its kind replaces it.

    Goods that never had one are ordinary goods: nothing ended.
    """
    for kind in GATES:
        had = [one for one in _of_kind(certificates, kind) if one.issued_on <= day]
        if had and not any(is_valid(one, day) for one in had):
            last = max(had, key=lambda one: (one.expires_on, one.number))
            return _how_it_ended(last, day)
    return None


def _how_it_ended(certificate: Certificate, day: date) -> str:
    if certificate.revoked_on is not None and certificate.revoked_on <= day:
        return f"certificate {certificate.number} was revoked on {certificate.revoked_on}"
    return f"certificate {certificate.number} expired on {certificate.expires_on}"


def _of_kind(certificates: Sequence[Certificate], kind: str) -> list[Certificate]:
    return [one for one in certificates if one.kind.upper().startswith(kind)]
