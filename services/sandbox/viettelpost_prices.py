"""Viettel Post's price calls: what a body asks for, and the answer's shape."""

from __future__ import annotations

from typing import Any

from services.sandbox.prices import VIETTELPOST
from services.sandbox.viettelpost_places import province_of


def price_vnd(order: dict[str, Any], service: str) -> int:
    """What an order costs with a service."""
    return VIETTELPOST.price_vnd(service, *_lane(order), _charged_g(order))


def price_rows(order: dict[str, Any]) -> list[dict[str, Any]]:
    """Every service of the lane."""
    charged = _charged_g(order)
    return [
        {
            "MA_DV_CHINH": offer.product.code,
            "TEN_DICHVU": offer.product.name,
            "GIA_CUOC": offer.price_vnd,
            "THOI_GIAN": f"{offer.hours} giờ",
            "EXCHANGE_WEIGHT": charged,
            "EXTRA_SERVICE": [],
        }
        for offer in VIETTELPOST.offers(*_lane(order), charged)
    ]


def understood(order: dict[str, Any]) -> dict[str, Any]:
    """The places of a body in text, as the answer repeats them."""
    return {
        f"{side}_ADDRESS": {"PROVINCE_ID": 0, "ADDRESS": order[f"{side}_ADDRESS"]}
        for side in ("SENDER", "RECEIVER")
    }


def _lane(order: dict[str, Any]) -> tuple[str, str]:
    sender = province_of(order.get("SENDER_PROVINCE"), order.get("SENDER_ADDRESS"))
    return sender, province_of(order.get("RECEIVER_PROVINCE"), order.get("RECEIVER_ADDRESS"))


def _charged_g(order: dict[str, Any]) -> int:
    sides = [int(order.get(f"PRODUCT_{side}") or 0) for side in ("LENGTH", "WIDTH", "HEIGHT")]
    return VIETTELPOST.charged_g(int(order.get("PRODUCT_WEIGHT") or 50), *sides)
