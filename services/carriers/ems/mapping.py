"""Our booking as EMS's `create-v2` wants it (facts/carriers.md 2.3).

The fields are documented; how places are written, and what `size`, `vas` and `payment_config` may
hold, is not. Places are a setting, the other three are left out. Abroad `to_postal` is all that is
documented: the names of the country and of a number of ours are settings, and what customs ask for
has no field at all, so it is on the label alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from services.carriers.text import cut_to_bytes, national_phone

if TYPE_CHECKING:
    from services.carriers.account import Account
    from services.carriers.port import BookingRequest, Party

TEXT_BYTES: Final = 500
"""Ours: no limit is documented."""


def create_order(request: BookingRequest, account: Account) -> dict[str, Any]:
    """The body of `POST /orders/create-v2`: VND, grams."""
    return {
        "order_code": request.reference,
        **_party("from", request.sender, account),
        **_recipient(request, account),
        "product_name": cut_to_bytes(request.contents, TEXT_BYTES),
        "description": cut_to_bytes(request.contents, TEXT_BYTES),
        "total_amount": request.goods_vnd,
        "total_quantity": request.pieces,
        "total_weight": request.weight_g,
        "money_collect": request.cod_vnd,
        "service": request.service,
    }


def _recipient(request: BookingRequest, account: Account) -> dict[str, str]:
    to = request.recipient
    if not to.is_abroad:
        return _party("to", to, account)
    told = {
        "to_name": cut_to_bytes(to.name, TEXT_BYTES),
        "to_phone": to.phone,
        "to_address": cut_to_bytes(", ".join(filter(None, (to.street, to.city))), TEXT_BYTES),
        "to_postal": to.postcode,
    }
    ours = {account.country_field: to.country, account.number_field: request.number or ""}
    return told | {name: value for name, value in ours.items() if name and value}


def _party(prefix: str, party: Party, account: Account) -> dict[str, str]:
    by_name = account.addresses == "names"
    return {
        f"{prefix}_name": cut_to_bytes(party.name, TEXT_BYTES),
        f"{prefix}_phone": national_phone(party.phone),
        f"{prefix}_province": party.province if by_name else party.province_code,
        f"{prefix}_district": account.district,
        f"{prefix}_ward": party.ward if by_name else party.ward_code,
        f"{prefix}_address": cut_to_bytes(party.street, TEXT_BYTES),
    }
