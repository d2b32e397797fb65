"""HMAC-SHA256 as marketplaces use it."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def hex_hmac(key: bytes, message: bytes) -> str:
    """Lower-case hex."""
    return hmac.digest(key, message, hashlib.sha256).hex()


def is_one_of(given: str, expected: Iterable[str]) -> bool:
    """Whether a signature is one of these, in a time that says nothing about which or how nearly."""
    sent = given.encode("utf-8", "surrogatepass")
    # A list, not a generator: every one is compared whatever came before.
    matches = [hmac.compare_digest(sent, one.encode()) for one in expected]
    return True in matches
