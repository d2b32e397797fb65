"""Vietnamese words and figures as labels print them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from schemas.intake import Handling

if TYPE_CHECKING:
    from collections.abc import Iterable

MARKS: Final[dict[Handling, str]] = {
    Handling.FRAGILE: "HÀNG DỄ VỠ",
    Handling.FRESH: "HÀNG TƯƠI",
    Handling.FROZEN: "HÀNG ĐÔNG LẠNH",
    Handling.LIQUID: "CHẤT LỎNG",
    Handling.POWDER: "HÀNG BỘT",
    Handling.LIVE_PLANT: "CÂY SỐNG",
    Handling.LIVE_ANIMAL: "ĐỘNG VẬT SỐNG",
    Handling.OVERSIZE: "CỒNG KỀNH",
}
"""What handlers must see. That goods are dear is not for everybody's eyes."""

GRAMS_OF_A_KILO: Final = 1000


def dong(amount: int) -> str:
    """`366.000 ₫`."""
    return f"{amount:,} ₫".replace(",", ".")


def weight(grams: int) -> str:
    """`850 g`, `1,2 kg`: a comma before the decimals, as written in Vietnam."""
    if grams < GRAMS_OF_A_KILO:
        return f"{grams} g"
    kilos = f"{grams / GRAMS_OF_A_KILO:.3f}".rstrip("0").rstrip(".")
    return f"{kilos} kg".replace(".", ",")


def cash(cod_vnd: int) -> str:
    """What the courier takes at the door."""
    return f"Thu hộ (COD): {dong(cod_vnd)}" if cod_vnd else "Không thu hộ"


def freight(amount: int, *, is_sample: bool) -> str:
    """The price of carriage; one from the sample tariff is no real price and says so."""
    return f"Cước: {dong(amount)}{' (biểu giá mẫu, không phải giá thật)' if is_sample else ''}"


def marks(handling: Iterable[Handling]) -> tuple[str, ...]:
    """The marks in their own order, each once."""
    classes = set(handling)
    return tuple(text for kind, text in MARKS.items() if kind in classes)
