"""Units and field types that have one meaning everywhere."""

from typing import Annotated, NewType

from pydantic import Field, NonNegativeInt, PositiveInt

Grams = Annotated[NewType("Grams", int), Field(ge=0)]
Centimetres = Annotated[NewType("Centimetres", int), Field(ge=0)]
Dong = Annotated[NewType("Dong", int), Field(ge=0)]
"""Integer Vietnamese đồng (VND); there is no smaller coin."""

__all__ = ["Centimetres", "Dong", "Grams", "NonNegativeInt", "PositiveInt"]
