"""Units and field types that have one meaning everywhere."""

from typing import Annotated, TypeAlias

from pydantic import Field, NonNegativeInt, PositiveInt

Grams: TypeAlias = Annotated[int, Field(ge=0)]
Centimetres: TypeAlias = Annotated[int, Field(ge=0)]
Dong: TypeAlias = Annotated[int, Field(ge=0)]
"""Integer Vietnamese đồng (VND); there is no smaller coin."""

__all__ = ["Centimetres", "Dong", "Grams", "NonNegativeInt", "PositiveInt"]
