"""Vietnamese place names in one spelling, so that equal names are equal strings."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Final

LONGEST_NAME: Final = 200
"""Characters of a name we look at; the longest official one has 24."""

TONES: Final = frozenset("\u0300\u0301\u0303\u0309\u0323")
"""Huyền, sắc, ngã, hỏi, nặng. The other three marks (â, ă, ơ) make letters of their own."""
LETTER_MARKS: Final = frozenset("\u0302\u0306\u031b")
APOSTROPHES: Final = frozenset("'’‘ʼ`´")
# Eth looks like đ and is what some keyboards and code pages give.
SPELT_OTHERWISE: Final = str.maketrans({"ð": "đ"})


@lru_cache(maxsize=32_768)
def spelling(name: str) -> tuple[str, ...]:
    """The words of a name, lower case, each with its tone at its end.

    NFC and NFD, hoà and hòa, `M'Drắk` and `MDrắk`, `Phường 01` and `Phường 1` become equal.
    """
    text = unicodedata.normalize("NFD", name[:LONGEST_NAME].lower()).translate(SPELT_OTHERWISE)
    words: list[str] = []
    letters, tone = "", ""
    for character in text + " ":
        if character in TONES:
            tone += character
        elif character in LETTER_MARKS or character.isalnum():
            letters += character
        elif character in APOSTROPHES or unicodedata.combining(character):
            continue
        elif letters:
            words.append(_number(letters) if letters.isdecimal() else letters + tone)
            letters, tone = "", ""
    return tuple(words)


def folded(words: tuple[str, ...]) -> tuple[str, ...]:
    """The words without any mark, đ as d. Not unique: Tân Thành and Tân Thạnh fold alike."""
    return tuple(_without_marks(word) for word in words)


def without_prefix(
    words: tuple[str, ...], prefixes: tuple[tuple[str, ...], ...]
) -> tuple[str, ...]:
    """The words after the first prefix that fits, if any words are left after it."""
    for prefix in prefixes:
        if len(words) > len(prefix) and words[: len(prefix)] == prefix:
            return words[len(prefix) :]
    return words


@lru_cache(maxsize=16_384)
def _without_marks(word: str) -> str:
    return "".join(c for c in word if not unicodedata.combining(c)).replace("đ", "d")


def _number(digits: str) -> str:
    return digits.lstrip("0") or "0"
