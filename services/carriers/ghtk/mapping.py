"""Our requests as GHTK wants them: kilograms where a parcel is created, grams where it is priced.

Source: docs.giaohangtietkiem.vn. The documents still show districts as needed; what a two-level
address has there is not confirmed, so it is empty and the commune goes as ward.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schemas.intake import Handling
from schemas.place import vietnam_date
from services.carriers.text import national_phone

if TYPE_CHECKING:
    from collections.abc import Iterable

    from services.carriers.port import BookingRequest, Locality, Party, QuoteRequest

SENDER_PAYS: Final = "1"
"""Our COD already holds the shipping: 0 would make the buyer pay it twice."""
COURIER_COLLECTS: Final = "cod"
UNKNOWN_HAMLET: Final = "Khác"
TRANSPORTS: Final = ("road", "fly")
"""A wrong value silently becomes the default."""

TAGS: Final = {
    Handling.FRAGILE: 1,
    Handling.FRESH: 39,
    Handling.LIQUID: 52,
    Handling.LIVE_PLANT: 75,
}
AGRICULTURAL: Final = 7
"""Agricultural goods and dry food of short life, to be delivered in 7 days."""
DRY: Final = frozenset({Handling.DRY, Handling.POWDER})


def create_order(request: BookingRequest) -> dict[str, Any]:
    """The body of `POST /services/shipment/order/?ver=1.5`; `service` is the transport.

    One product of quantity 1: the weight of a piece times the pieces would be rounded.
    """
    return {
        "products": [
            {"name": request.contents, "weight": request.weight_g / 1000, "quantity": 1},
        ],
        "order": {
            "id": request.reference,
            **_sender(request.sender),
            **_recipient(request.recipient),
            "is_freeship": SENDER_PAYS,
            "pick_date": vietnam_date(request.ready_at).isoformat(),
            "pick_money": request.cod_vnd,
            "note": "",
            "value": request.goods_vnd,
            "transport": request.service,
            "pick_option": COURIER_COLLECTS,
            "tags": tags(request.handling, perishable=request.perishable),
        },
    }


def fee(request: QuoteRequest, transport: str) -> dict[str, str]:
    """The query of `GET /services/shipment/fee`: weight in grams here."""
    return {
        **_place("pick_", request.origin),
        **_place("", request.destination),
        "weight": str(request.weight_g),
        "value": str(request.goods_vnd),
        "transport": transport,
        "deliver_option": "none",
    }


def tags(handling: Iterable[Handling], *, perishable: bool) -> list[int]:
    """The tags of the goods' handling classes, ascending; `perishable`: their transit is limited."""
    classes = frozenset(handling)
    found = {TAGS[one] for one in classes if one in TAGS}
    if perishable and classes & DRY:
        found.add(AGRICULTURAL)
    return sorted(found)


def _sender(party: Party) -> dict[str, str]:
    return {
        "pick_name": party.name,
        "pick_address": party.street,
        "pick_province": party.province,
        "pick_district": "",
        "pick_ward": party.ward,
        "pick_tel": national_phone(party.phone),
    }


def _recipient(party: Party) -> dict[str, str]:
    return {
        "name": party.name,
        "tel": national_phone(party.phone),
        "address": party.street,
        "province": party.province,
        "district": "",
        "ward": party.ward,
        "hamlet": UNKNOWN_HAMLET,
    }


def _place(prefix: str, place: Locality) -> dict[str, str]:
    return {
        f"{prefix}province": place.province,
        f"{prefix}district": "",
        f"{prefix}ward": place.ward,
    }
