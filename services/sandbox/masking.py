"""How marketplaces black out whom an order goes to."""

from __future__ import annotations


def name(text: str) -> str:
    """`Trần Thị B` is `T******B`."""
    return f"{text[:1]}******{text[-1:]}"


def phone(text: str) -> str:
    """Only the last two digits are left."""
    return f"******{text[-2:]}"


def street(text: str) -> str:
    """Only the first letter is left."""
    return f"{text[:1]}******"
