"""Text the way carriers want it."""

from __future__ import annotations

import phonenumbers


def cut_to_bytes(text: str, limit: int) -> str:
    """The longest beginning of `text` whose UTF-8 form has at most `limit` bytes.

    Never half a character: a cut inside one would leave a replacement sign on the label.
    """
    raw = text.encode()
    return text if len(raw) <= limit else raw[:limit].decode(errors="ignore").rstrip()


def address_line(street: str, ward: str, province: str, limit: int) -> str:
    """`street, ward, province` in at most `limit` bytes; the street gives way, the places stay."""
    places = f"{ward}, {province}"
    room = limit - len(f", {places}".encode())
    shortened = cut_to_bytes(street.strip(), max(room, 0)).rstrip(" ,")
    return cut_to_bytes(f"{shortened}, {places}" if shortened else places, limit)


def national_phone(phone: str) -> str:
    """Ten digits with a leading 0 (`0900000001`); text that is no number is given as it came."""
    try:
        number = phonenumbers.parse(phone, "VN")
    except phonenumbers.NumberParseException:
        return phone.strip()
    return f"0{number.national_number}"
