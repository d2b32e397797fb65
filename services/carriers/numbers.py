"""Numbers as carriers send them: as numbers, as text, or not at all."""

from __future__ import annotations


def whole_number(value: object) -> int | None:
    """A non-negative whole number from a number or its text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = int(float(value)) if isinstance(value, float) else int(value)
    except (ValueError, OverflowError):
        return None
    return number if number >= 0 else None


def label_text(value: object, limit: int = 200) -> str | None:
    """Text of a label or a message, at most `limit` characters; None where there is none."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    try:
        return str(value).strip()[:limit] or None
    except ValueError:  # an integer of thousands of digits
        return None
