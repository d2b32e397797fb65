"""Our booking as MyVNPost's `CreateOrder` wants it.

Source: namph2402/shipping_integration and two C# clients that cite my-uat.vnpost.vn/static.
Commune and province codes are sent as GSO codes; that the carrier's own are the same is not
confirmed (facts/carriers.md 2.1), so a refusal for an address is a reason to compare them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from services.carriers.text import cut_to_bytes, national_phone

if TYPE_CHECKING:
    from services.carriers.account import Account
    from services.carriers.port import BookingRef, BookingRequest, Locality, Party, QuoteRequest

TWO_LEVEL_DISTRICT: Final = "VNPOST"
COD_ADDON: Final = "GTG021"
COD_AMOUNT: Final = "PROP0018"
TEXT_BYTES: Final = 500


def create_order(request: BookingRequest, account: Account) -> dict[str, Any]:
    """The body of `POST /CreateOrder`: grams as text, centimetres as numbers."""
    return {
        "orderCreationStatus": 1,
        "type": "GUI",
        "customerCode": account.customer_code,
        "contractCode": account.contract_code,
        "informationOrder": _information(request),
    }


def correct_order(booking: BookingRef, request: BookingRequest, account: Account) -> dict[str, Any]:
    """The body of `POST /orderCorrection`; all but AffairType is assumed, from the other calls."""
    return {
        "AffairType": account.correction_affair,
        "OriginalId": booking.carrier_ref,
        "customerCode": account.customer_code,
        "informationOrder": _information(request),
    }


def services_charge(request: QuoteRequest, account: Account) -> dict[str, Any]:
    """The body of `POST /ServicesCharge`; what `data` holds is assumed, from `CreateOrder`."""
    return {
        "scope": 1,
        "customerCode": account.customer_code,
        "contractNumber": account.contract_code,
        "data": {
            **_place("sender", request.origin),
            **_place("receiver", request.destination),
            "weight": str(request.weight_g),
            "width": request.width_cm,
            "length": request.length_cm,
            "height": request.height_cm,
            "addonService": _addons(request.cod_vnd),
        },
    }


def _information(request: BookingRequest) -> dict[str, Any]:
    return {
        **_party("sender", request.sender),
        **_party("receiver", request.recipient),
        "serviceCode": request.service,
        "addonService": _addons(request.cod_vnd),
        "additionRequest": [],
        "orgCodeCollect": "",
        "orgCodeAccept": "",
        "saleOrderCode": request.reference,
        "contentNote": cut_to_bytes(request.contents, TEXT_BYTES),
        "weight": str(request.weight_g),
        "width": request.width_cm,
        "length": request.length_cm,
        "height": request.height_cm,
        "vehicle": "BO",
        "sendType": "1",
        "isBroken": "0",
        "deliveryTime": "N",
        "deliveryRequire": 2,
        "deliveryInstruction": "",
    }


def _addons(cod_vnd: int) -> list[dict[str, str]]:
    if not cod_vnd:
        return []
    return [{"code": COD_ADDON, "propValue": f"{COD_AMOUNT}:{cod_vnd}"}]


def _party(prefix: str, party: Party) -> dict[str, str]:
    return {
        f"{prefix}Name": cut_to_bytes(party.name, TEXT_BYTES),
        f"{prefix}Phone": national_phone(party.phone),
        f"{prefix}Email": "",
        f"{prefix}Address": cut_to_bytes(party.street, TEXT_BYTES),
        **_place(prefix, party),
    }


def _place(prefix: str, place: Party | Locality) -> dict[str, str]:
    return {
        f"{prefix}ProvinceCode": place.province_code,
        f"{prefix}DistrictCode": TWO_LEVEL_DISTRICT,
        f"{prefix}CommuneCode": place.ward_code,
    }
