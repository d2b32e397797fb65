"""Builders of labels, and eyes for what is printed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pypdfium2
import zxingcpp

from schemas.intake import Handling
from services.carriers.port import Party
from services.labels.content import Customs, CustomsItem, Label

POINTS_PER_MM = 72 / 25.4


def a_party(**changes: Any) -> Party:
    return Party(
        **{
            "name": "Trần Thị B",
            "phone": "0900000002",
            "street": "Số 1 Đường Mẫu",
            "ward_code": "00166",
            "ward": "Phường Cầu Giấy",
            "province_code": "01",
            "province": "Hà Nội",
            **changes,
        }
    )


def a_label(**changes: Any) -> Label:
    return Label(
        **{
            "carrier": "Vietnam Post",
            "service": "CTN009 · Tiêu chuẩn (TMĐT)",
            "tracking_no": "EA000000059VN",
            "reference": "OC7L2RUYH5UGNBIRVB-1",
            "parcel_id": "postmart:HTX-MAU-01:PM-0000001/1/1",
            "parcel_no": 1,
            "parcel_count": 2,
            "sender": a_party(name="HTX Mẫu", phone="0900000009", street="Thôn 1"),
            "recipient": a_party(),
            "weight_g": 1250,
            "pieces": 3,
            "contents": "Trà sen × 2, Mật ong × 1",
            "cod_vnd": 366_000,
            "sort_code": "HN-07",
            "handling": (Handling.FRAGILE, Handling.DRY),
            "freight_vnd": 25_500,
            "freight_is_sample": True,
            **changes,
        }
    )


def customs_data(*items: CustomsItem) -> Customs:
    noodles = CustomsItem("Canna starch noodles", 4, 2000, Decimal(480_000), "VND", "VN", "190230")
    return Customs("CZ", items or (noodles,), ("CN23", "commercial invoice"))


def text_of(pdf: bytes) -> list[str]:
    """The text of each page, line ends as spaces."""
    with pypdfium2.PdfDocument(pdf) as document:
        return [" ".join(page.get_textpage().get_text_range().split()) for page in document]


def sizes_of(pdf: bytes) -> list[tuple[int, int]]:
    """Width and height of each page in mm."""
    with pypdfium2.PdfDocument(pdf) as document:
        return [
            (round(page.get_width() / POINTS_PER_MM), round(page.get_height() / POINTS_PER_MM))
            for page in document
        ]


def scanned(pdf: bytes, page: int = 0) -> set[tuple[str, str]]:
    """Every barcode a scanner finds on a page: (form, text)."""
    with pypdfium2.PdfDocument(pdf) as document:
        picture = document[page].render(scale=3).to_pil().convert("L")
    return {(str(one.format), one.text) for one in zxingcpp.read_barcodes(picture)}
