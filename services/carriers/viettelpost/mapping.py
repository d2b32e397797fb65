"""Our bookings and questions as Viettel Post wants them: by text, or by its own ids.

Source: "TÀI LIỆU KẾT NỐI API VIETTELPOST", November 2025. Text is the default, because the
carrier's ids of the 34 new provinces are not published.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from schemas.place import VIETNAM
from services.carriers.text import address_line, cut_to_bytes, national_phone

if TYPE_CHECKING:
    from datetime import datetime

    from services.carriers.port import BookingRequest, Locality, Party, QuoteRequest
    from services.carriers.viettelpost.atlas import PlaceIds

    Ends: TypeAlias = tuple[PlaceIds, PlaceIds]
    """Where from and where to, by id."""

TEXT_BYTES: Final = 150
"""Limit of addresses and notes, in bytes of UTF-8: Vietnamese letters take two or three."""

COLLECT_NOTHING: Final = 1
COLLECT_GOODS: Final = 3
"""Our COD already holds the shipping: 2 would make the buyer pay it twice."""

APPROVE_RETURN: Final = 2
REDELIVER: Final = 3
CANCEL: Final = 4

DOMESTIC: Final = 1


def create_order(request: BookingRequest, ends: Ends | None = None) -> dict[str, Any]:
    """The body of `POST /v2/order/createOrderNlp`: VND, grams, centimetres, Vietnam time.

    With `ends` that of `createOrder`: a two-level address has no district.
    """
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
        **_ids(ends),
    }


def edit_order(
    request: BookingRequest, tracking_no: str, ends: Ends | None = None
) -> dict[str, Any]:
    """The body of `POST /v2/order/edit`. Assumed: the create call's, ORDER_NUMBER the waybill."""
    body = create_order(request, ends) | {"ORDER_NUMBER": tracking_no}
    del body["CHECK_UNIQUE"]
    return body


def price_all(request: QuoteRequest, ends: Ends | None = None) -> dict[str, Any]:
    """The body of `POST /v2/order/getPriceAllNlp`; with `ends` that of `getPriceAll`.

    The facts name TYPE alone; the other fields are assumed to be those of the create call.
    """
    sides = {
        f"PRODUCT_{side}": value
        for side, value in (
            ("LENGTH", request.length_cm),
            ("WIDTH", request.width_cm),
            ("HEIGHT", request.height_cm),
        )
        if value
    }
    places: dict[str, Any] = _ids(ends) or {
        "SENDER_ADDRESS": _commune(request.origin),
        "RECEIVER_ADDRESS": _commune(request.destination),
    }
    return {
        **places,
        "PRODUCT_TYPE": "HH",
        "PRODUCT_WEIGHT": request.weight_g,
        "PRODUCT_PRICE": request.goods_vnd,
        "MONEY_COLLECTION": request.cod_vnd,
        **sides,
        "TYPE": DOMESTIC,
    }


def update_order(kind: int, tracking_no: str, note: str) -> dict[str, Any]:
    """The body of `POST /v2/order/UpdateOrder`: `kind` is one of the three TYPEs above."""
    return {"TYPE": kind, "ORDER_NUMBER": tracking_no, "NOTE": cut_to_bytes(note, TEXT_BYTES)}


def local_time(moment: datetime) -> str:
    """`dd/MM/yyyy HH:mm:ss` in Vietnam: the only form there is, without a zone."""
    return f"{moment.astimezone(VIETNAM):%d/%m/%Y %H:%M:%S}"


def _commune(place: Locality) -> str:
    return address_line("", place.ward, place.province, TEXT_BYTES)


def _ids(ends: Ends | None) -> dict[str, Any]:
    if ends is None:
        return {}
    return {
        f"{side}_{part}": number
        for side, place in zip(("SENDER", "RECEIVER"), ends, strict=True)
        for part, number in (
            ("PROVINCE", place.province),
            ("DISTRICT", 0),
            ("WARD", place.ward),
        )
    }


def _party(prefix: str, party: Party) -> dict[str, str]:
    return {
        f"{prefix}_FULLNAME": cut_to_bytes(party.name, TEXT_BYTES),
        f"{prefix}_PHONE": national_phone(party.phone),
        f"{prefix}_ADDRESS": address_line(party.street, party.ward, party.province, TEXT_BYTES),
    }
