"""Our booking as Viettel Post's `createOrderNlp` wants it.

Source: "TÀI LIỆU KẾT NỐI API VIETTELPOST", November 2025. The text variant is used because the
carrier's ids of the 34 new provinces are not published.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from schemas.place import VIETNAM
from services.carriers.text import address_line, cut_to_bytes, national_phone

if TYPE_CHECKING:
    from datetime import datetime

    from services.carriers.port import BookingRequest, Party

TEXT_BYTES: Final = 150
"""Limit of addresses and notes, in bytes of UTF-8: Vietnamese letters take two or three."""

COLLECT_NOTHING: Final = 1
COLLECT_GOODS: Final = 3
"""Our COD already holds the shipping: 2 would make the buyer pay it twice."""

CANCEL: Final = 4
APPROVE_RETURN: Final = 2


def create_order(request: BookingRequest) -> dict[str, Any]:
    """The body of `POST /v2/order/createOrderNlp`: VND, grams, centimetres, Vietnam time."""
    return {
        "ORDER_NUMBER": request.reference,
        "CHECK_UNIQUE": True,
        "DELIVERY_DATE": local_time(request.ready_at),
        **_party("SENDER", request.sender),
        **_party("RECEIVER", request.recipient),
        "PRODUCT_NAME": cut_to_bytes(request.contents, TEXT_BYTES),
        "PRODUCT_QUANTITY": request.pieces,
        "PRODUCT_PRICE": request.goods_vnd,
        "PRODUCT_WEIGHT": request.weight_g,
        "PRODUCT_LENGTH": request.length_cm,
        "PRODUCT_WIDTH": request.width_cm,
        "PRODUCT_HEIGHT": request.height_cm,
        "PRODUCT_TYPE": "HH",
        "ORDER_PAYMENT": COLLECT_GOODS if request.cod_vnd else COLLECT_NOTHING,
        "MONEY_COLLECTION": request.cod_vnd,
        "ORDER_SERVICE": request.service,
        "ORDER_SERVICE_ADD": "",
        "ENABLE_SORT_CODE": True,
    }


def update_order(kind: int, tracking_no: str, note: str) -> dict[str, Any]:
    """The body of `POST /v2/order/UpdateOrder`: `CANCEL` or `APPROVE_RETURN` a waybill."""
    return {"TYPE": kind, "ORDER_NUMBER": tracking_no, "NOTE": cut_to_bytes(note, TEXT_BYTES)}


def local_time(moment: datetime) -> str:
    """`dd/MM/yyyy HH:mm:ss` in Vietnam: the only form there is, without a zone."""
    return f"{moment.astimezone(VIETNAM):%d/%m/%Y %H:%M:%S}"


def _party(prefix: str, party: Party) -> dict[str, str]:
    return {
        f"{prefix}_FULLNAME": cut_to_bytes(party.name, TEXT_BYTES),
        f"{prefix}_PHONE": national_phone(party.phone),
        f"{prefix}_ADDRESS": address_line(party.street, party.ward, party.province, TEXT_BYTES),
    }
