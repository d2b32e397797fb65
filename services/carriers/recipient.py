"""A recipient in another country, as carriers and labels are told of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.carriers.port import Party

if TYPE_CHECKING:
    from services.store.consignees import Consignee


def party_abroad(consignee: Consignee) -> Party:
    """Somebody abroad: town and postcode for commune and province."""
    return Party(
        name=consignee.name,
        phone=consignee.phone,
        street=consignee.street,
        ward_code="",
        ward="",
        province_code="",
        province="",
        country=consignee.country,
        city=consignee.city,
        postcode=consignee.postcode,
    )
