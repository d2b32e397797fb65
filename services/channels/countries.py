"""Countries and goods as customs number them, however an order writes them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, StringConstraints

from schemas.place import HOME


def blank_is_home(given: object) -> object:
    """An order that names no country goes to Vietnam."""
    return HOME if given is None or given == "" else given


def _capitals(given: object) -> object:
    return given.strip().upper() if isinstance(given, str) else given


def _digits(given: object) -> object:
    return given.replace(".", "").replace(" ", "") if isinstance(given, str) else given


CountryText = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$"), BeforeValidator(_capitals)]
"""ISO 3166-1, two letters."""
HsCode = Annotated[
    str, StringConstraints(pattern=r"^([0-9]{6}|[0-9]{8}|[0-9]{10})$"), BeforeValidator(_digits)
]
"""Of the Harmonised System: six digits, or as many more as a country has; dots are left out."""
