"""Packages that a marketplace carries itself, as the channel runner writes them down.

Shopee, Lazada and Tiki tell of their packages inside an order; each change of one is a record
`{"format": "ocop.package/1", "package_number", "status", "at"}`, the platform's own status as it is.
No partner sends these: there is nothing to verify, and nobody may post them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schemas.intake import LOGISTICS
from services.carriers.webhook import (
    NO_QUERY,
    CarrierEvent,
    Trusted,
    UnreadableWebhook,
    plain_text,
    read_object,
    required_code,
    required_number,
    unix_seconds,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT: Final = "ocop.package/1"


class PlatformPackages:
    """See services.carriers.webhook.WebhookFormat; one object a platform."""

    signed_items: int | None = None

    def __init__(self, carrier: str) -> None:
        self._carrier = carrier

    def verify(
        self,
        raw: bytes,  # noqa: ARG002
        headers: Mapping[str, str],  # noqa: ARG002
        trusted: Trusted,  # noqa: ARG002
        query: Mapping[str, str] = NO_QUERY,  # noqa: ARG002
    ) -> bool:
        """Never: these records are ours."""
        return False

    def keys(self, raw: bytes) -> list[tuple[str, int]]:
        """The one package it is about."""
        return [(required_number(_package(raw).get("package_number")), 0)]

    def parse(self, raw: bytes, item: int = 0) -> CarrierEvent:  # noqa: ARG002
        """What the platform says of the package."""
        package = _package(raw)
        number = required_number(package.get("package_number"))
        at = plain_text(package.get("at"))
        return CarrierEvent(
            carrier=self._carrier,
            api=LOGISTICS,
            tracking_no=number,
            waybill_no=number,
            reference=None,
            code=required_code(self._carrier, package.get("status")),
            reason_code=None,
            at=unix_seconds(at),
            raw_time=at,
            reported_at=None,
            facility=None,
            cod_collected_vnd=None,
            is_return_leg=False,
        )


def _package(raw: bytes) -> dict[str, Any]:
    package = read_object(raw)
    if package.get("format") != FORMAT:
        raise UnreadableWebhook("wrong_format", f"the record is no {FORMAT}")
    return package
