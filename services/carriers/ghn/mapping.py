"""Our requests as GHN wants them: grams, centimetres, VND, Unix seconds.

Source: api.ghn.vn/home/docs. Places go by name; what a two-level address has as its district is not
said, so it is empty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from services.carriers.text import cut_to_bytes, national_phone

if TYPE_CHECKING:
    from services.carriers.account import Account
    from services.carriers.ghn.places import GhnPlace
    from services.carriers.port import BookingRequest, Party, QuoteRequest

SELLER_PAYS: Final = 1
"""Our COD already holds the shipping: 2 would make the buyer pay it twice."""

NAME_BYTES: Final = 1024
CONTENT_BYTES: Final = 2000
"""Limits in characters by the documents; bytes are the safe side."""

ROUTE_DEPENDENT: Final = 0
"""`service_id` 0: GHN picks the service of the wanted type on this route."""


def create_order(request: BookingRequest, account: Account) -> dict[str, Any]:
    """The body of `POST /v2/shipping-order/create`; `service` is GHN's service_type_id."""
    return {
        "payment_type_id": SELLER_PAYS,
        "required_note": account.required_note,
        "client_order_code": request.reference,
        **_party("from", request.sender),
        **_party("to", request.recipient),
        "cod_amount": request.cod_vnd,
        "content": cut_to_bytes(request.contents, CONTENT_BYTES),
        "weight": request.weight_g,
        "length": request.length_cm,
        "width": request.width_cm,
        "height": request.height_cm,
        "insurance_value": min(request.goods_vnd, account.insurance_limit_vnd),
        "service_id": ROUTE_DEPENDENT,
        "service_type_id": int(request.service),
        "pickup_time": int(request.ready_at.timestamp()),
        "items": [
            {
                "name": cut_to_bytes(request.contents, NAME_BYTES),
                "quantity": 1,
                "weight": request.weight_g,
            }
        ],
    }


def available_services(shop_id: str, origin: GhnPlace, destination: GhnPlace) -> dict[str, Any]:
    """The body of `POST /v2/shipping-order/available-services`."""
    return {
        "shop_id": int(shop_id),
        "from_district": origin.district_id,
        "to_district": destination.district_id,
    }


def fee(
    request: QuoteRequest,
    account: Account,
    route: tuple[GhnPlace, GhnPlace],
    service_type_id: int,
) -> dict[str, Any]:
    """The body of `POST /v2/shipping-order/fee` for one service."""
    return {
        **_route(route),
        "service_type_id": service_type_id,
        "weight": request.weight_g,
        "length": request.length_cm,
        "width": request.width_cm,
        "height": request.height_cm,
        "insurance_value": min(request.goods_vnd, account.insurance_limit_vnd),
        "cod_value": request.cod_vnd,
    }


def leadtime(route: tuple[GhnPlace, GhnPlace], service_id: int) -> dict[str, Any]:
    """The body of `POST /v2/shipping-order/leadtime`."""
    return {**_route(route), "service_id": service_id}


def order_codes(tracking_no: str) -> dict[str, Any]:
    """The body of `POST /v2/switch-status/…`: the lists the documents want hold one order here."""
    return {"order_codes": [tracking_no]}


def _route(route: tuple[GhnPlace, GhnPlace]) -> dict[str, Any]:
    origin, destination = route
    return {
        "from_district_id": origin.district_id,
        "from_ward_code": origin.ward_code,
        "to_district_id": destination.district_id,
        "to_ward_code": destination.ward_code,
    }


def _party(prefix: str, party: Party) -> dict[str, str]:
    return {
        f"{prefix}_name": cut_to_bytes(party.name, NAME_BYTES),
        f"{prefix}_phone": national_phone(party.phone),
        f"{prefix}_address": cut_to_bytes(party.street, NAME_BYTES),
        f"{prefix}_ward_name": party.ward,
        f"{prefix}_district_name": "",
        f"{prefix}_province_name": party.province,
    }
