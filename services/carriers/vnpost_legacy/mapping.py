"""Our booking as CustomerConnect wants it (facts/carriers.md 2.2).

The carrier's own ids of places are not published: GSO codes are sent, and what stands for the
district since it was abolished is a setting. `ReceiverAddressType`, `VendorId` and `PickupPoscode`
have no documented values and are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from services.carriers.text import cut_to_bytes, national_phone

if TYPE_CHECKING:
    from services.carriers.account import Account
    from services.carriers.port import BookingRequest, Party, QuoteRequest

TEXT_BYTES: Final = 500
"""Ours: no limit is documented."""
COLLECTED: Final = 1
"""PickupType: the carrier comes; 2 would be drop-off."""


def create_order(request: BookingRequest, account: Account) -> dict[str, Any]:
    """The body of `CreateOrder`: VND, grams, centimetres. The sender pays the freight."""
    return {
        **_party("Sender", request.sender, account),
        **_party("Receiver", request.recipient, account),
        "ServiceName": request.service,
        "OrderCode": request.reference,
        "PackageContent": cut_to_bytes(request.contents, TEXT_BYTES),
        "WeightEvaluation": request.weight_g,
        "WidthEvaluation": request.width_cm,
        "LengthEvaluation": request.length_cm,
        "HeightEvaluation": request.height_cm,
        "CodAmountEvaluation": request.cod_vnd,
        "OrderAmountEvaluation": request.goods_vnd,
        "IsPackageViewable": True,
        "PickupType": COLLECTED,
        "IsReceiverPayFreight": False,
        "CustomerNote": "",
        "UseBaoPhat": False,
        "UseHoaDon": False,
    }


def price(request: QuoteRequest, account: Account) -> dict[str, Any]:
    """The body of `TinhCuocTatCaDichVu`, the price of every service."""
    return {
        "SenderDistrictId": account.district,
        "SenderProvinceId": request.origin.province_code,
        "ReceiverDistrictId": account.district,
        "ReceiverProvinceId": request.destination.province_code,
        "Weight": request.weight_g,
        "Width": request.width_cm,
        "Length": request.length_cm,
        "Height": request.height_cm,
        "CodAmount": request.cod_vnd,
        "IsReceiverPayFreight": False,
        "OrderAmount": request.goods_vnd,
        "UseBaoPhat": False,
        "UseHoaDon": False,
        "UseNhanTinSms": False,
    }


def _party(prefix: str, party: Party, account: Account) -> dict[str, str]:
    return {
        f"{prefix}Fullname": cut_to_bytes(party.name, TEXT_BYTES),
        f"{prefix}Tel": national_phone(party.phone),
        f"{prefix}Address": cut_to_bytes(party.street, TEXT_BYTES),
        f"{prefix}WardId": party.ward_code,
        f"{prefix}DistrictId": account.district,
        f"{prefix}ProvinceId": party.province_code,
    }
